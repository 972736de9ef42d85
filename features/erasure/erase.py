"""Customers leave the files under home: tables, snapshots, histories, training sets, scores, lists.

Files are replaced one at a time and as a whole, the tags of a date together with their manifest. So
whoever is killed leaves files with the customers or without them, and doing it again does the rest.
Those that say which policies, vehicles and claims were theirs go last, and the customers after
them: as long as anything is left, it can be found.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.erasure.belongings import Belongings, texts
from features.erasure.customer_files import columns_of, customers_in, holds, rows_of, write_without
from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import clear_drafts, published
from features.snapshots.snapshots import (
    Drafts,
    Snapshot,
    read_snapshot,
    snapshot_dates,
    sole_writer,
)

Told = Callable[[str, Counter[str]], None]
"""Called when a place no longer holds the customers, with the rows that each had there."""

STEP = "files"
DECLARING = {"policies": "policy_id", "vehicles": "vehicle_id", "claims": "claim_id"}
PASSES = 3


def erase_from_files(
    lake: Lake, customers: Collection[str], told: Told, report: Report = quiet
) -> None:
    """Take customers out of every Parquet and CSV file under home; others keep their rows.

    Parameters
    ----------
    told : callable of (str, Counter)
        Hears of each place after it is done.

    Raises
    ------
    GuanjiaError
        If snapshots are being written, a file cannot be read, or another process keeps bringing
        the customers back.
    """
    with sole_writer(lake):
        snapshots = {day: read_snapshot(lake, day) for day in snapshot_dates(lake)}
        clear_drafts(lake.home)
        for left in [*lake.home.glob("tags/*/.*.draft"), *lake.home.glob("snapshots/*/.*.draft")]:
            left.unlink()  # of a run that was killed: no journal names it any more
        belongings = belongings_of(lake, customers)
        for _ in range(PASSES):
            if not _pass(lake, snapshots.values(), belongings, told, report):
                return
    raise GuanjiaError(
        f"files in {lake.home}",
        "are written by another process, which brings erased customers back",
        "wait for it, and run `guanjia erase --pending`",
    )


def belongings_of(lake: Lake, customers: Collection[str]) -> Belongings:
    """What belongs to customers, by all tables that declare policies, vehicles and claims."""
    tables = [
        (path, reference)
        for path in customer_files(lake)
        if (reference := DECLARING.get(_table(lake, path))) is not None
        and {"customer_id", reference} <= {*columns_of(path)}
    ]
    wanted = pa.array(sorted(customers), pa.string())
    theirs: dict[str, set[str]] = {reference: set() for reference in DECLARING.values()}
    for path, reference in tables:
        for owners, values in _columns(path, reference):
            mine = values.filter(pc.is_in(owners, value_set=wanted))
            theirs[reference].update(mine.drop_null().to_pylist())
    # Who else has one of them, of a million others: only these rows are looked at one by one.
    rows: list[tuple[str, str | None, str | None]] = []
    for path, reference in tables:
        asked = pa.array(sorted(theirs[reference]), pa.string())
        for owners, values in _columns(path, reference) if len(asked) else ():
            near = pc.is_in(values, value_set=asked)
            found = zip(
                values.filter(near).to_pylist(), owners.filter(near).to_pylist(), strict=True
            )
            rows += [(reference, value, owner) for value, owner in found]
    return Belongings(customers, rows)


def customer_files(lake: Lake) -> list[Path]:
    """Every Parquet and CSV file under home whose rows are customers', in the order of erasure."""
    found = [
        path
        for path in sorted([*lake.home.rglob("*.parquet"), *lake.home.rglob("*.csv")])
        if not path.name.startswith(".") and path.is_file() and columns_of(path)
    ]
    return sorted(found, key=lambda path: _rank(_table(lake, path)))


def known_customers(lake: Lake, erased: Erased, marks: Collection[str]) -> set[str]:
    """Customers who stand behind these marks and whom some file under home still names."""
    found: set[str] = set()
    seen: set[str] = set()
    wanted = set(marks)
    # The customers' own tables first: they are the last to be emptied.
    for path in reversed(customer_files(lake)):
        if not wanted:
            break
        new = customers_in(path) - seen
        seen |= new
        for one in erased.among(new):
            mark = erased.mark(one)
            if mark in marks:
                found.add(one)
                wanted.discard(str(mark))
    return found


def place_of(lake: Lake, path: Path) -> str:
    """A file's place as a receipt names it: `raw/policies`, `tags/claims`, `scores`."""
    parts = path.relative_to(lake.home).parts
    if len(parts) > 2:
        return "/".join(parts[:2])
    dated = path.stem.startswith("as_of=") or parts[0] == "lists"
    return parts[0] if dated else "/".join([*parts[:-1], path.stem])


def _pass(
    lake: Lake,
    snapshots: Iterable[Snapshot],
    belongings: Belongings,
    told: Told,
    report: Report,
) -> bool:
    """Once through everything; whether anything was found."""
    found = False
    bound: set[Path] = set()
    dates = list(snapshots)
    for done, snapshot in enumerate(dates):
        report("snapshots", done, len(dates))
        files = {lake.home / entry["path"] for entry in snapshot.files.values()}
        if not any(path.exists() and holds(path, belongings) for path in files):
            bound |= files
        elif _as_described(lake, snapshot):
            bound |= files
            found = True
            _snapshot_without(lake, snapshot, belongings, told)
    report("snapshots", len(dates), len(dates))
    loose = [path for path in customer_files(lake) if path not in bound]
    for done, path in enumerate(loose):
        report(STEP, done, len(loose))
        if not holds(path, belongings):
            continue
        found = True
        with published(path, path.stat().st_mode & 0o777) as draft:
            gone = write_without(path, draft, belongings)
        told(place_of(lake, path), gone)
    report(STEP, len(loose), len(loose))
    return found


def _as_described(lake: Lake, snapshot: Snapshot) -> bool:
    """Whether a manifest tells the truth; what it does not bind is emptied file by file."""
    try:
        read_snapshot(lake, snapshot.day, verify=True)
    except GuanjiaError:
        return False
    return True


def _snapshot_without(lake: Lake, old: Snapshot, belongings: Belongings, told: Told) -> None:
    """Write the tags of a date without the customers, and a manifest that binds them."""
    snapshot = read_snapshot(lake, old.day)
    files = {group: lake.home / entry["path"] for group, entry in snapshot.files.items()}
    drafts = Drafts(lake, old.day)
    gone = {
        group: write_without(path, drafts.group(group), belongings) for group, path in files.items()
    }
    if snapshot.digests:
        # They say what was seen of the raw tables then. Rows of the erased are no longer there,
        # so their buckets are computed anew when the date is carried forward.
        shutil.copyfile(lake.home / snapshot.digests["path"], drafts.digests())
    drafts.done(
        snapshot.customers - max(some.total() for some in gone.values()),
        definitions=snapshot.definitions,
        base=snapshot.base,
        recomputed=snapshot.recomputed,
        former_ids=[*snapshot.former_ids, snapshot.snapshot_id],
    )
    for group, some in gone.items():
        told(place_of(lake, files[group]), some)


def _table(lake: Lake, path: Path) -> str:
    """The raw table whose rows a file has; else an empty text."""
    folder, *rest = path.relative_to(lake.home).parts
    name = rest[0] if folder == "raw" else path.stem
    known = folder in ("raw", "checked", "quarantine") and name in CONTRACTS
    return name if known else ""


def _rank(table: str) -> int:
    return 2 if table == "customers" else int(table in DECLARING)


def _columns(path: Path, reference: str) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Whose the rows of a file are, and what they declare."""
    for batch in rows_of(path, ["customer_id", reference]):
        yield texts(batch.column("customer_id")), texts(batch.column(reference))
