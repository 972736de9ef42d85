"""Erase customers from every Parquet and CSV file of a home: tables, tags, training sets, lists.

Files are replaced one at a time and as a whole, the tags of a date together with their manifest. A
run that is killed leaves each file with the customers or without them, and the next run does the
rest. Tables that say which policies, vehicles and claims belong to them are emptied last, and the
customers table after those: as long as any row is left, it can be attributed.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.erasure.belongings import Belongings, texts
from features.erasure.customer_files import columns_of, customers_in, holds, rows_of, write_without
from features.erasure.kept_reports import forget_reports
from features.erasure.waiting import forget_lines, holds_waiting, waits, write_waiting_without
from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.lake.pointer import MANIFEST, kept_days, read_manifest, write_manifest
from features.progress import Report, quiet
from features.publishing import clear_drafts, published
from features.snapshots.snapshots import (
    Drafts,
    Snapshot,
    read_snapshot,
    snapshot_dates,
    sole_writer,
)

OnErased = Callable[[str, Counter[str]], None]
"""Called with a place (`raw/policies`) that was emptied, and the rows each customer had there."""

STEP = "files"
DECLARING = {"policies": "policy_id", "vehicles": "vehicle_id", "claims": "claim_id"}
PASSES = 3


def erase_from_files(
    lake: Lake, customers: Collection[str], on_erased: OnErased, report: Report = quiet
) -> None:
    """Erase customers from every Parquet and CSV file under home; others keep their rows.

    Parameters
    ----------
    lake : Lake
        The home to erase from.
    customers : collection of str
        Customer ids.
    on_erased : callable of (str, Counter)
        Called after each place from which rows were erased.
    report : Report
        Progress: called with a step, files done and files in all.

    Raises
    ------
    GuanjiaError
        If snapshots are being written, a file cannot be read, or another process keeps bringing
        the customers back.
    """
    with sole_writer(lake):
        published_days = [Lake(lake.settings, day) for day in kept_days(lake.home)]
        lakes = [lake, *published_days]
        snapshots = [(own, read_snapshot(own, day)) for own in lakes for day in snapshot_dates(own)]
        clear_drafts(lake.home)
        for folder in (own.data for own in lakes):
            for left in [*folder.glob("tags/*/.*.draft"), *folder.glob("snapshots/*/.*.draft")]:
                left.unlink()  # of a run that was killed: no journal names it any more
        forget_lines(lake)
        for own in lakes:
            forget_reports(own)
        belongings = belongings_of(lake, customers)
        for _ in range(PASSES):
            any_held = _pass(lake, snapshots, belongings, on_erased, report)
            for own in published_days:
                _describe_again(own)
            if not any_held:
                return
    raise GuanjiaError(
        f"files in {lake.home}",
        "are written by another process, which brings erased customers back",
        "wait for it, and run `guanjia erase --pending`",
    )


def belongings_of(lake: Lake, customers: Collection[str]) -> Belongings:
    """Find what belongs to customers in all tables that declare policies, vehicles and claims."""
    tables = [
        (path, reference)
        for path in customer_files(lake)
        if (reference := DECLARING.get(_table(lake, path))) is not None
        and {"customer_id", reference} <= {*columns_of(path)}
    ]
    erased = pa.array(sorted(customers), pa.string())
    theirs: dict[str, set[str]] = {reference: set() for reference in DECLARING.values()}
    for path, reference in tables:
        for owners, values in _columns(path, reference):
            mine = values.filter(pc.is_in(owners, value_set=erased))
            theirs[reference].update(mine.drop_null().to_pylist())
    # Others may own the same policy, vehicle or claim: only rows that name one are read singly.
    rows: list[tuple[str, str | None, str | None]] = []
    for path, reference in tables:
        shared = pa.array(sorted(theirs[reference]), pa.string())
        for owners, values in _columns(path, reference) if len(shared) else ():
            hits = pc.is_in(values, value_set=shared)
            pairs = zip(
                values.filter(hits).to_pylist(), owners.filter(hits).to_pylist(), strict=True
            )
            rows += [(reference, value, owner) for value, owner in pairs]
    return Belongings(customers, rows)


def customer_files(lake: Lake) -> list[Path]:
    """List the Parquet and CSV files under home with rows of customers, in the order of erasure."""
    files = [
        path
        for path in sorted(lake.home.rglob("*"))
        if path.suffix.lower() in (".parquet", ".csv")
        if not path.name.startswith((".", "~$")) and path.is_file() and columns_of(path)
    ]
    return sorted(files, key=lambda path: _rank(_table(lake, path)))


def known_customers(lake: Lake, erased: Erased, marks: Collection[str]) -> set[str]:
    """Identify the customers behind marks of erasure, as far as a file under home still names them.

    Parameters
    ----------
    lake : Lake
        The home to search.
    erased : Erased
        The erased customers, known by their marks (keyed hashes) alone.
    marks : collection of str
        Marks to look for.
    """
    customers: set[str] = set()
    seen: set[str] = set()
    missing = set(marks)
    # The customers' own tables first: they are the last to be emptied.
    for path in reversed(customer_files(lake)):
        if not missing:
            break
        new = customers_in(path) - seen
        seen |= new
        for customer in erased.among(new):
            mark = erased.mark(customer)
            if mark in marks:
                customers.add(customer)
                missing.discard(str(mark))
    return customers


def place_of(lake: Lake, path: Path) -> str:
    """Name the place of a file as a receipt does: `raw/policies`, `tags/claims`, `scores`."""
    parts = path.relative_to(lake.home).parts
    if len(parts) > 2:
        return "/".join(parts[:2])
    dated = path.stem.startswith("as_of=") or parts[0] == "lists"
    return parts[0] if dated else "/".join([*parts[:-1], path.stem])


def _pass(
    lake: Lake,
    snapshots: Sequence[tuple[Lake, Snapshot]],
    belongings: Belongings,
    on_erased: OnErased,
    report: Report,
) -> bool:
    """Go once through all files; return whether any of them held the customers."""
    any_held = False
    bound: set[Path] = set()
    for done, (own, snapshot) in enumerate(snapshots):
        report("snapshots", done, len(snapshots))
        files = {own.data / entry["path"] for entry in snapshot.files.values()}
        if not any(path.exists() and holds(path, belongings) for path in files):
            bound |= files
        elif _as_described(own, snapshot):
            bound |= files
            any_held = True
            _snapshot_without(own, snapshot, belongings, on_erased)
    report("snapshots", len(snapshots), len(snapshots))
    loose = [path for path in customer_files(lake) if path not in bound]
    for done, path in enumerate(loose):
        report(STEP, done, len(loose))
        is_there, write = (
            (holds_waiting, write_waiting_without) if waits(lake, path) else (holds, write_without)
        )
        if not is_there(path, belongings):
            continue
        any_held = True
        with published(path, path.stat().st_mode & 0o777) as draft:
            gone = write(path, draft, belongings)
        on_erased(place_of(lake, path), gone)
    report(STEP, len(loose), len(loose))
    return any_held


def _describe_again(lake: Lake) -> None:
    """State the new hashes of files that were rewritten, also before a kill, in the manifest."""
    day, files = read_manifest(lake.data)
    written = (lake.data / MANIFEST).stat().st_mtime_ns
    rewritten = [name for name in files if (lake.data / name).stat().st_mtime_ns >= written]
    for name in rewritten:
        path = lake.data / name
        files[name] |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    if rewritten:
        write_manifest(lake.data, day, files)


def _as_described(lake: Lake, snapshot: Snapshot) -> bool:
    """Check that the files of a manifest have the hashes it states."""
    try:
        read_snapshot(lake, snapshot.day, verify=True)
    except GuanjiaError:
        return False
    return True


def _snapshot_without(
    lake: Lake, old: Snapshot, belongings: Belongings, on_erased: OnErased
) -> None:
    """Write the tags of a date without the customers, and a manifest that binds them."""
    snapshot = read_snapshot(lake, old.day)
    files = {group: lake.data / entry["path"] for group, entry in snapshot.files.items()}
    drafts = Drafts(lake, old.day)
    gone = {
        group: write_without(path, drafts.group(group), belongings) for group, path in files.items()
    }
    if snapshot.digests:
        # Digests say what the snapshot saw of the raw tables. Rows of the erased are gone, so their
        # buckets are computed again when the date is carried forward.
        shutil.copyfile(lake.data / snapshot.digests["path"], drafts.digests())
    drafts.publish(
        snapshot.customers - max(rows.total() for rows in gone.values()),
        definitions=snapshot.definitions,
        base=snapshot.base,
        recomputed=snapshot.recomputed,
        former_ids=[*snapshot.former_ids, snapshot.snapshot_id],
    )
    for group, rows in gone.items():
        on_erased(place_of(lake, files[group]), rows)


def _table(lake: Lake, path: Path) -> str:
    """Return the raw table whose rows a file has, else an empty text."""
    folder, *rest = path.relative_to(lake.home).parts
    name = rest[0] if folder == "raw" else path.stem
    known = folder in ("raw", "checked", "quarantine") and name in CONTRACTS
    return name if known else ""


def _rank(table: str) -> int:
    return 2 if table == "customers" else int(table in DECLARING)


def _columns(path: Path, reference: str) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Read the owners of the rows of a file, and what the rows declare."""
    for batch in rows_of(path, ["customer_id", reference]):
        yield texts(batch.column("customer_id")), texts(batch.column(reference))
