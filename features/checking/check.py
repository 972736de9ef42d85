"""Check raw rows against their contracts: publish good rows, quarantine bad rows with reasons.

All tables are checked before the first is published, so that a delivery that cannot be used leaves
the files of the one before. One check runs at a time. `check.json` says which files were read.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from features.checking.bounds import CheckBounds, load_check_bounds
from features.checking.delivery import Headings, delivered_rows, read_headings, refuse_missing
from features.checking.erased_rows import ErasedRowFilter, merge_pairs
from features.checking.folders import find_files
from features.checking.merged_customers import MERGES, MergedCustomers, read_merges
from features.checking.plausible import broken_bounds, with_notes
from features.checking.queries import described
from features.checking.table_check import TableCheck, check_table
from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.errors import GuanjiaError
from features.events.inbox import EventInbox
from features.lake import Lake, sha256_of
from features.lake.checked_tables import check_lock, unfinished_check
from features.progress import Report, quiet
from features.publishing import published

MANIFEST = "check.json"


class BrokenBoundError(GuanjiaError):
    """A delivery that breaks a bound of `check.toml`; nothing of it was published.

    Attributes
    ----------
    checks : list of TableCheck
        What was found in each table.
    """

    def __init__(self, thing: str, fault: str, cure: str, checks: list[TableCheck]) -> None:
        super().__init__(thing, fault, cure)
        self.checks = checks


def check_tables(
    lake: Lake, report: Report = quiet, now: datetime | None = None
) -> list[TableCheck]:
    """Check every raw table that was delivered, together with the rows of events.

    Parameters
    ----------
    lake : Lake
        The home: raw tables are read from it, checked ones written to it.
    report : Report
        Progress: called with a step, tables done and tables in all.
    now : datetime, optional
        The current time, to see rows recorded after it; None: they are not looked for.

    Returns
    -------
    list of TableCheck
        One a table, `customers` first.

    Raises
    ------
    BrokenBoundError
        If a bound of `check.toml` is broken, or a required table has no good row.
    GuanjiaError
        If a required table or column is missing, a file cannot be read, a table comes in two
        formats at once, or another check is running. Nothing is published.
    """
    with _alone(lake):
        files, _ = find_files(lake)
        headings = {name: read_headings(CONTRACTS[name], paths) for name, paths in files.items()}
        refuse_missing(lake, headings)
        bounds = load_check_bounds(lake.home)
        try:
            return _check_all(lake, headings, bounds, report, now)
        except duckdb.IOException as error:
            fault = f"cannot read or write a file: {str(error).splitlines()[0]}"
            cure = "see that the disk has room and the files are whole; nothing was published"
            raise GuanjiaError("the check", fault, cure) from error


def _check_all(
    lake: Lake,
    headings: Mapping[str, Headings],
    bounds: CheckBounds,
    report: Report,
    now: datetime | None,
) -> list[TableCheck]:
    """Check all tables, then publish all of them."""
    inbox = EventInbox(lake)
    event_tables = inbox.tables()
    names = [name for name in CONTRACTS if headings[name].by_file or name in event_tables]
    names.sort(key=lambda name: (name != "customers", name != MERGES))
    erased = Erased(lake.settings)
    marks = set(erased.all())
    erased_rows = ErasedRowFilter(lake, erased, _merges(lake, headings)) if erased else None
    seen = {path: path.stat() for name in names for path in headings[name].by_file}
    checks: list[TableCheck] = []
    merges: MergedCustomers | None = None
    with ExitStack() as stack:
        drafts: dict[str, tuple[Path, Path]] = {}
        for done, name in enumerate(names):
            report("check", done, len(names))
            drafts[name] = (
                stack.enter_context(published(lake.checked(name))),
                stack.enter_context(published(lake.quarantine(name))),
            )
            events = inbox.rows(name) if name in event_tables else None
            contract, heading = CONTRACTS[name], headings[name]
            checks.append(check_table(lake, contract, heading, drafts, events, erased_rows, merges))
            if name == MERGES and (merges := read_merges(lake, drafts[name][0])) is not None:
                stack.callback(merges.close)
                merges.retire(drafts["customers"][0])
        if erased_rows is not None:
            erased_rows.close()
        checked = {name: good for name, (good, _) in drafts.items()}
        checks = with_notes(lake, checks, checked, bounds, now)
        _refuse_broken(lake, checks, checked, bounds)
        manifest = {path: _described(path, seen[path]) for path in seen}
        # An erasure meanwhile has not seen the drafts: it waits for them to be published, or they
        # are made anew.
        with erased.changing() as current:
            if set(current) != marks:
                raise GuanjiaError(
                    "the check", "ran while a customer was erased", "run `guanjia check` again"
                )
            _publish(lake, stack, names, checks, manifest)
    report("check", len(names), len(names))
    return checks


def _merges(lake: Lake, headings: Mapping[str, Headings]) -> list[tuple[str, str]]:
    """Read the numbers that delivered merges link."""
    if not headings[MERGES].by_file:
        return []
    select = delivered_rows(lake, CONTRACTS[MERGES], headings[MERGES])
    return merge_pairs(lake, select, list(described(lake, select)))


def _publish(
    lake: Lake,
    stack: ExitStack,
    names: list[str],
    checks: list[TableCheck],
    manifest: Mapping[Path, dict[str, object]],
) -> None:
    """Replace the files of all tables; until that is done, no table can be read.

    The manifest is written last: `check.json` names the files and the rows of each table.
    """
    unfinished = unfinished_check(lake.home)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    stack.close()
    for name in set(CONTRACTS) - set(names):
        # The rows of an earlier check go if the table is no longer delivered.
        lake.checked(name).unlink(missing_ok=True)
        lake.quarantine(name).unlink(missing_ok=True)
    with published(lake.home / MANIFEST) as draft:
        content = {
            "files": [
                {"file": str(path.relative_to(lake.home))} | described
                for path, described in manifest.items()
            ],
            "tables": {
                check.table: {
                    "rows": check.rows,
                    "good": check.good,
                    "quarantined": check.bad,
                    "repeated": check.repeated,
                    "settled": check.settled,
                    "of_erased_customers": check.erased,
                }
                for check in checks
            },
        }
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")
    unfinished.unlink()


def _refuse_broken(
    lake: Lake, checks: list[TableCheck], checked: Mapping[str, Path], bounds: CheckBounds
) -> None:
    """Refuse a delivery that breaks a bound, naming all bounds that it breaks."""
    faults = [
        f"table {check.table} has no good row"
        + (f" ({check.bad} are held back)" if check.bad else "")
        for check in checks
        if CONTRACTS[check.table].required and not check.good
    ]
    faults += broken_bounds(lake, checks, checked, bounds)
    if faults:
        cure = (
            "mend the delivery, or state another bound in check.toml under GUANJIA_HOME"
            " (docs/data-flow.md); what was checked before is still there"
        )
        raise BrokenBoundError("the delivery", "; ".join(faults), cure, checks)


def _described(path: Path, seen: os.stat_result) -> dict[str, object]:
    """Describe a file that was read; refuse one that has changed since."""
    now = path.stat()
    if (now.st_size, now.st_mtime_ns) != (seen.st_size, seen.st_mtime_ns):
        raise GuanjiaError(
            f"file {path}", "changed while it was checked", "run `guanjia check` when it is whole"
        )
    return {"bytes": now.st_size, "sha256": sha256_of(path)}


@contextmanager
def _alone(lake: Lake) -> Iterator[None]:
    """Hold the lock of the check of a home; refuse a second check."""
    lake.home.mkdir(parents=True, exist_ok=True)
    with check_lock(lake.home).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GuanjiaError(
                f"home {lake.home}", "is being checked by another process", "wait until it is done"
            ) from None
        yield
