"""Read the bounds of the audit: `publish.toml`, and the one of a home over it."""

from pathlib import Path

from pydantic import Field, field_validator

from features.contracts.tables import CONTRACTS
from features.declared import Declared, load_layered

SHIPPED = Path(__file__).with_name("publish.toml")


class PublishBounds(Declared):
    """Bounds of a day; the fields are those of `publish.toml`."""

    rows_share_min: float = Field(ge=0, le=1)
    customers_share_min: float = Field(ge=0, le=1)
    predicted_share_min: float = Field(ge=0, le=1)
    tables: dict[str, float] = Field(default_factory=dict)

    @field_validator("tables")
    @classmethod
    def _are_known(cls, tables: dict[str, float]) -> dict[str, float]:
        for name, share in tables.items():
            if name not in CONTRACTS:
                raise ValueError(f"there is no table {name}")
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}, and a share is between 0 and 1")
        return tables

    def share_of(self, table: str) -> float:
        """Return the least share of a table's rows."""
        return self.tables.get(table, self.rows_share_min)


def load_publish_bounds(home: Path) -> PublishBounds:
    """Read the shipped bounds, overridden by `publish.toml` of a home.

    Raises
    ------
    GuanjiaError
        If a file is not TOML, or a field is unknown or out of range.
    """
    return load_layered(
        PublishBounds, home / SHIPPED.name, shipped=SHIPPED, manual="docs/publishing.md"
    )
