"""Load how long records are kept: shipped `retention.toml`, overlaid by the file of a home."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from features.declared import Declared, load_layered, one_of

SHIPPED = Path(__file__).with_name("retention.toml")
LEAST_DAYS: Mapping[str, tuple[int, str]] = {
    "silence": (31, "the prices of capacity and the monthly report read them"),
    "drawn": (31, "the prices of capacity and the monthly report read them"),
    "contacts": (400, "contact caps and once_per = year count them"),
    "outcomes": (400, "times of peace and once_per = year count them"),
    "reviews": (184, "a person may come back to an answer"),
    "due_touchpoints": (1, "the last of them may still be handed out"),
    "reads": (184, "logs are kept for six months (Cybersecurity Law art. 21)"),
    "exports": (184, "logs are kept for six months (Cybersecurity Law art. 21)"),
}
"""Kind of records -> fewest days that they are kept, and why."""
Kind = Annotated[str, one_of(LEAST_DAYS)]


class RetentionRule(Declared):
    """How long records of a kind are kept."""

    label: str = Field(min_length=1, description="Chinese name.")
    days: int = Field(ge=1, le=36_500, description="Civil days that they are kept.")


class Retention(Declared):
    """How long records are kept, by kind; a kind without a rule is kept for good."""

    rules: dict[Kind, RetentionRule] = Field(description="By kind of records.")

    @model_validator(mode="after")
    def _are_long_enough(self) -> Self:
        for kind, rule in self.rules.items():
            least, why = LEAST_DAYS[kind]
            if rule.days < least:
                raise ValueError(f"{kind} are kept for {rule.days} days, not {least}: {why}")
        return self


def load_retention(home: Path) -> Retention:
    """Load the shipped rules, overlaid by `<home>/retention.toml`.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown kind or field, or keeps records too short.
    """
    return load_layered(Retention, home / SHIPPED.name, SHIPPED, manual="docs/records.md")
