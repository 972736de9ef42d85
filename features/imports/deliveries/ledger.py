"""Keep what was delivered: `raw/.deliveries.jsonl`, a line a delivery, published with the tables.

It says which files are known (by their bytes), which delivery was the last, and how many rows a
table had then. The raw tables do not depend on it: what a row says is compared with them alone.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports import mapping as mappings
from features.jsonable import jsonable

LEDGER = ".deliveries.jsonl"
AFTERWARDS = timedelta(seconds=1)
"""What is recorded so long after a delivery is not known as of the end of its day."""


@dataclass(frozen=True)
class DeliveredFile:
    """A file that was read.

    Attributes
    ----------
    source, file : str
        Source of the mapping, and path below the folder of the delivery.
    bytes : int
        Its size.
    sha256 : str
        Hash of its bytes.
    rows : int
        Rows of data.
    mapping : str
        Hash of what the mapping said about the source: read otherwise, it says something else.
    """

    source: str
    file: str
    bytes: int
    sha256: str
    rows: int
    mapping: str


@dataclass(frozen=True)
class Entry:
    """One delivery.

    Attributes
    ----------
    delivered : datetime
        When it was made, as stated.
    recorded : datetime
        Since when its rows are known: later than `delivered` if it came after a later one.
    files : tuple of DeliveredFile
        Files that were read for good.
    tables : dict of str to dict
        Raw table -> its counts: `rows`, `new`, ..., and `unread` by column.
    """

    delivered: datetime
    recorded: datetime
    files: tuple[DeliveredFile, ...]
    tables: dict[str, dict[str, object]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """All deliveries of a home, in the order in which they were read."""

    entries: tuple[Entry, ...] = ()

    @property
    def last(self) -> datetime | None:
        """Since when the rows of the latest delivery are known; None: there was none."""
        return max((entry.recorded for entry in self.entries), default=None)

    def floor(self, recorded: datetime) -> datetime | None:
        """Return the earliest instant that changes nothing known as of earlier deliveries."""
        before = [entry.recorded for entry in self.entries if entry.recorded < recorded]
        return min(max(before) + AFTERWARDS, recorded) if before else None

    def latest(self, source: str) -> Entry | None:
        """Return the delivery of a source that is the latest by its stated day."""
        theirs = [e for e in self.entries if any(file.source == source for file in e.files)]
        return max(theirs, key=lambda entry: entry.delivered, default=None)

    def find(self, source: str, sha256: str, mapping: str | None = None) -> Entry | None:
        """Return the last delivery of a source that held these bytes; None: they are new.

        Parameters
        ----------
        source, sha256 : str
            The source and the hash of the file.
        mapping : str, optional
            Only where it was read by the mapping of this hash.
        """
        theirs = [
            entry
            for entry in self.entries
            for file in entry.files
            if (file.source, file.sha256) == (source, sha256) and mapping in (None, file.mapping)
        ]
        return theirs[-1] if theirs else None

    def counts(self, table: str) -> dict[str, object] | None:
        """Return the counts of a raw table in the last delivery of it; None: there was none."""
        theirs = [entry.tables[table] for entry in self.entries if table in entry.tables]
        return theirs[-1] if theirs else None

    def holds(self, entry: Entry) -> bool:
        """Check whether an entry says nothing that is not known: its files were read before."""
        return all(self.find(file.source, file.sha256, file.mapping) for file in entry.files)

    def text(self, entry: Entry) -> str:
        """Write the ledger with one more delivery."""
        lines = [jsonable(asdict(line)) for line in (*self.entries, entry)]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def read_ledger(raw: Path, tables: Mapping[str, Collection[str]]) -> Ledger:
    """Read the deliveries of a home.

    Parameters
    ----------
    raw : Path
        The folder of the raw tables.
    tables : mapping of str to collection of str
        Source -> raw tables that it gives rows to. Where one of these tables had rows and is not
        there any more, the files of its sources count as new.

    Raises
    ------
    GuanjiaError
        If a line of the ledger cannot be read.
    """
    path = raw / LEDGER
    if not path.exists():
        return Ledger()
    gone = {name for name in CONTRACTS if not any((raw / name).glob("*.parquet"))}
    entries = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            fields = json.loads(line)
            files = tuple(DeliveredFile(**file) for file in fields["files"])
            missing = {name for name in gone if fields["tables"].get(name, {}).get("rows")}
            entry = Entry(
                datetime.fromisoformat(fields["delivered"]),
                datetime.fromisoformat(fields["recorded"]),
                tuple(f for f in files if not missing.intersection(tables.get(f.source, ()))),
                {n: counts for n, counts in fields["tables"].items() if n not in missing},
            )
        except (ValueError, KeyError, TypeError) as fault:
            raise GuanjiaError(
                f"file {path}, line {number}",
                f"is no delivery: {fault}",
                "take the file away: deliveries are then compared with the raw tables alone",
            ) from fault
        entries.append(entry)
    return Ledger(tuple(entries))


def fingerprint(mapping: "mappings.Mapping", source: str) -> str:
    """Hash what a mapping says about the files of a source and the rows they give."""
    settings = {"drift", "vanished", "least_rows", "most_unread", "confidence"}
    ways = {"delivery", "earlier_files", "files"}
    content = {
        "source": mapping.sources[source].model_dump(mode="json", exclude=ways),
        "tables": [
            part.model_dump(mode="json", exclude=settings)
            for part in mapping.tables
            if part.source == source
        ],
        "nulls": [list(mapping.nulls), list(mapping.no_days)],
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
