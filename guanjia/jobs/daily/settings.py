"""Read what a home wants of its days: `<home>/daily.toml`, which need not exist."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from features.declared import Declared, load_layered
from features.lake import Lake
from serving.identity import OF_DAYS

FILE = OF_DAYS
DAY = "{day}"


class ImportSettings(Declared):
    """Which mapping reads the delivery of a day, and where that lies."""

    mapping: str = Field(min_length=1, description="The mapping; relative to the home.")
    folder: str | None = Field(
        default=None,
        min_length=1,
        description="The delivery, with {day} for the date; default: as the mapping names it.",
    )


class ListSettings(Declared):
    """A target list that is written every day."""

    top: int = Field(default=500, ge=1, description="At most so many rows.")
    where: str | None = Field(default=None, min_length=1, description="Narrows its condition.")


class DailySettings(Declared):
    """What belongs to a day besides the steps that every home has."""

    # "import" is a word of Python.
    delivery: ImportSettings | None = Field(default=None, alias="import")
    lists: dict[str, ListSettings] = Field(default_factory=dict)
    monitoring: Literal["monthly", "never"] = Field(
        default="monthly", description="Watch the champions after the last day of a month."
    )

    def mapping(self, home: Path) -> Path | None:
        """Return the mapping's file; None: nothing is imported."""
        return None if self.delivery is None else home / Path(self.delivery.mapping).expanduser()

    def folder(self, home: Path, day: date) -> Path | None:
        """Return the folder of a day's delivery; None: as the mapping names it."""
        if self.delivery is None or self.delivery.folder is None:
            return None
        return home / Path(self.delivery.folder.replace(DAY, day.isoformat())).expanduser()


def load_daily(lake: Lake) -> DailySettings:
    """Read `daily.toml` of a home, and check its lists before anything runs.

    Parameters
    ----------
    lake : Lake
        The home.

    Raises
    ------
    GuanjiaError
        If the file has a fault, its mapping is not there, or a list cannot be asked for.
    """
    settings = load_layered(DailySettings, lake.home / FILE, manual="docs/daily.md")
    if settings.lists:
        from serving.lists.questions import check_list

        for name, declared in settings.lists.items():
            check_list(lake, name, declared.where, declared.top)
    return settings
