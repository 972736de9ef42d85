"""Read the pointer of a home: which published day its readers see.

The steps of a day write to the home itself, the *working area*. Publishing gathers what belongs to
the day in a folder `<home>/published/<generation>/`, whose files are laid out as in the home, and
then replaces `<home>/published.json`, the pointer, in one step: a reader sees the day before or the
new one, whole. A home without a pointer has published nothing; its readers see the working area
(docs/adr/0036-one-pointer.md).
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError

POINTER = "published.json"
FOLDER = "published"


@dataclass(frozen=True)
class PublishedDay:
    """One publication of a day: what the pointer names.

    Attributes
    ----------
    as_of : date
        The day.
    generation : str
        Name of the folder with its files, `<day>-<number>`.
    snapshot_id : str
        Of the day's tags.
    slot : str
        Where its online rows are (`features.online.store`).
    published_at : datetime
        When it became visible (UTC).
    accepted : bool
        Whether it was published although a bound was broken.
    """

    as_of: date
    generation: str
    snapshot_id: str
    slot: str
    published_at: datetime
    accepted: bool = False

    def folder(self, home: Path) -> Path:
        """Return the folder of its files."""
        return home / FOLDER / self.generation

    def as_json(self) -> dict[str, Any]:
        """Return the fields as the pointer states them."""
        return {
            "as_of": self.as_of.isoformat(),
            "generation": self.generation,
            "snapshot_id": self.snapshot_id,
            "slot": self.slot,
            "published_at": self.published_at.isoformat(),
            "accepted": self.accepted,
        }


def read_pointer(home: Path) -> PublishedDay | None:
    """Read which day is published; None: nothing was ever published in this home.

    Raises
    ------
    GuanjiaError
        If the pointer is not as Guanjia writes it.
    """
    path = home / POINTER
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        return parse_day_of(json.loads(text))
    except (ValueError, TypeError, KeyError) as fault:
        cure = "restore it from a backup, or run `guanjia publish --as-of DATE`"
        raise GuanjiaError(f"pointer {path}", "is damaged", cure) from fault


def parse_day_of(fields: dict[str, Any]) -> PublishedDay:
    """Rebuild a published day from the fields that `PublishedDay.as_json` gave."""
    return PublishedDay(
        date.fromisoformat(fields["as_of"]),
        str(fields["generation"]),
        str(fields["snapshot_id"]),
        str(fields["slot"]),
        datetime.fromisoformat(fields["published_at"]),
        bool(fields["accepted"]),
    )
