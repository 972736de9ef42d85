"""Read the pointer of a home: which published day its readers see.

The steps of a day write to the home itself, the *working area*. Publishing gathers what belongs to
the day in a folder `<home>/published/<generation>/`, whose files are laid out as in the home, and
then replaces `<home>/published.json`, the pointer, in one step: a reader sees the day before or the
new one, whole. A home without a pointer has published nothing; its readers see the working area
(docs/adr/0036-one-pointer.md).
"""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

from features.errors import GuanjiaError
from features.publishing import published

POINTER = "published.json"
FOLDER = "published"
FileEntry: TypeAlias = dict[str, Any]
"""Of a file: `sha256` and `bytes`; `content`, if another hash says whether it changed."""
LOCK, GATE = ".published.lock", ".published.gate"
MANIFEST = "generation.json"
"""In the folder of a publication: the day as the pointer names it, and its files with hashes."""


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
        Of the day's tags, when they were published; an erasure gives them another one.
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


@contextmanager
def pointer_held(home: Path, *, to_replace: bool = False) -> Iterator[None]:
    """Hold the pointer inside the block: it is not replaced, or only by this block.

    Parameters
    ----------
    home : Path
        The home.
    to_replace : bool
        Whether the block replaces it: it then waits for all who hold it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("a") as lock:
        # Through the gate one by one: however many hold the pointer, whoever replaces it gets it.
        with (home / GATE).open("a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX if to_replace else fcntl.LOCK_SH)
        yield


def kept_days(home: Path) -> list[PublishedDay]:
    """List the publications whose files are kept, the oldest day first, visible or not."""
    files = sorted((home / FOLDER).glob(f"[!.]*/{MANIFEST}"))
    days = [read_manifest(file.parent)[0] for file in files]
    return sorted(days, key=lambda day: (day.as_of, day.published_at))


def write_pointer(home: Path, day: PublishedDay) -> None:
    """Replace the pointer in one step; call it inside `pointer_held(home, to_replace=True)`."""
    with published(home / POINTER) as draft:
        draft.write_text(json.dumps(day.as_json(), indent=1) + "\n", "utf-8")


def read_manifest(folder: Path) -> tuple[PublishedDay, dict[str, FileEntry]]:
    """Read the manifest of a publication: the day, and its files with `sha256` and `bytes`."""
    fields = json.loads((folder / MANIFEST).read_text("utf-8"))
    return parse_day_of(fields["day"]), fields["files"]


def write_manifest(folder: Path, day: PublishedDay, files: Mapping[str, FileEntry]) -> None:
    """Write the manifest of a publication, or replace it in one step.

    Parameters
    ----------
    folder : Path
        The folder of the publication.
    day : PublishedDay
        The day.
    files : Mapping[str, FileEntry]
        Its files by their name in the home.
    """
    with published(folder / MANIFEST) as draft:
        text = json.dumps({"day": day.as_json(), "files": files}, ensure_ascii=False, indent=1)
        draft.write_text(text + "\n", "utf-8")


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
