"""Run a mapping over a delivery: try it (`check_delivery`), or write the raw tables (`run`)."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from features.checking.check import BrokenBoundError, check_tables
from features.checking.table_check import TableCheck
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.joins import Join, find_joins
from features.imports.mapping import Mapping, load_mapping
from features.imports.reading.readers import files_of, read_source, unused_files
from features.imports.reading.text_tables import Part, TextTable, drop_view
from features.imports.rows import UNREAD, Finding, Prepared, drop_rows, prepare_rows
from features.imports.versions import Versions, find_versions
from features.imports.waiting_rows import drop_waiting, keep_cells, keep_lines, keep_waiting
from features.lake import Lake
from features.progress import Report, quiet
from features.publishing import published_folder
from features.sql import quoted, sql_text

REJECTED_SHOWN = 3


@dataclass(frozen=True)
class Delivery:
    """What became of a delivery.

    Attributes
    ----------
    files : list of Part
        Every file that was read, with its lines, rows and what was left out of it.
    unused_files : dict of str to str
        Files that no source reads -> why.
    unused_columns : dict of str to list of str
        Source -> headings that no table reads.
    tables : list of Prepared
        Rows by raw table.
    versions : list of Versions
        What they add to the raw tables.
    findings : list of Finding
        What is odd in cells and lines.
    joins : list of Join
        How the tables fit together.
    checks : list of TableCheck
        What `guanjia check` says of the rows; only of a dry run.
    written : bool
        True if raw tables were written; False for a dry run, or if nothing is new.
    """

    files: list[Part]
    unused_files: dict[str, str]
    unused_columns: dict[str, list[str]]
    tables: list[Prepared]
    versions: list[Versions]
    findings: list[Finding]
    joins: list[Join]
    checks: list[TableCheck]
    written: bool


def check_delivery(lake: Lake, path: Path, delivered: datetime, report: Report = quiet) -> Delivery:
    """Try a mapping: read everything, judge it, write nothing that stays.

    Parameters
    ----------
    lake : Lake
        The home that the delivery would go to.
    path : Path
        The mapping.
    delivered : datetime
        When the delivery was made.
    report : Report
        Progress: called with a step, parts done and parts in all.

    Returns
    -------
    Delivery
        With `checks`: what `guanjia check` would say.

    Raises
    ------
    GuanjiaError
        If the mapping or a file cannot be read.
    """
    with _delivery(lake, path, delivered, report) as delivery, _trial_home(lake) as trial:
        for versions in delivery.versions:
            _write_table(lake, trial.raw(versions.table), versions)
        for name in CONTRACTS:
            if lake.raw(name).exists() and not trial.raw(name).exists():
                trial.raw(name).symlink_to(lake.raw(name).resolve())
        missing = [
            name
            for name, contract in CONTRACTS.items()
            if contract.required and not list(trial.raw(name).glob("*"))
        ]
        # `plan` says what a missing table costs; the check cannot do without it.
        try:
            checks = [] if missing else check_tables(trial, report)
        except BrokenBoundError as error:
            checks = error.checks  # a trial shows what would be refused
        return replace(delivery, checks=checks)


def run(lake: Lake, path: Path, delivered: datetime, report: Report = quiet) -> Delivery:
    """Write the raw tables of a delivery, all together; the same files again change nothing.

    Parameters
    ----------
    lake : Lake
        The home.
    path : Path
        The mapping.
    delivered : datetime
        When the delivery was made: `recorded_at` of what a later delivery brings.
    report : Report
        Progress: called with a step, parts done and parts in all.

    Raises
    ------
    GuanjiaError
        If the mapping, a file or a consent cannot be read, the home holds tables of the
        simulation, or all rows of a required table wait.
    """
    if lake.source is not None:
        raise GuanjiaError(
            f"home {lake.home}",
            f"holds the tables of the source {lake.source}",
            "set GUANJIA_HOME to another folder",
        )
    with _delivery(lake, path, delivered, report) as delivery:
        for table in delivery.tables:
            if CONTRACTS[table.table].required and table.rows and not table.good:
                raise GuanjiaError(
                    f"table {table.table}",
                    f"has {table.rows:,} rows, and all of them wait",
                    "see `guanjia import check`, and mend the mapping",
                )
        _refuse_unread_consents(delivery)
        with ExitStack() as stack:
            keep_waiting(lake, [table.table for table in delivery.tables], stack)
        keep_lines(lake, delivery.files)
        if not any(versions.versions for versions in delivery.versions):
            return delivery
        report("write raw tables", 0, None)
        with published_folder(lake.home / "raw") as draft:
            for name in CONTRACTS:
                if lake.raw(name).exists():
                    shutil.copytree(lake.raw(name), draft / name, copy_function=_link)
            for versions in delivery.versions:
                if versions.versions:
                    _write_table(lake, draft / versions.table, versions)
            if (lake.home / "raw").exists():
                _keep_strangers(lake.home / "raw", draft)
        return replace(delivery, written=True)


@contextmanager
def _delivery(lake: Lake, path: Path, delivered: datetime, report: Report) -> Iterator[Delivery]:
    """Read a delivery into `ready_<table>` and `added_<table>`; drop them at the end."""
    mapping = load_mapping(path)
    folder = path.parent / mapping.folder
    (lake.home / "tmp").mkdir(parents=True, exist_ok=True)
    sources: dict[str, TextTable] = {}
    tables: dict[str, Prepared] = {}
    try:
        for done, (name, source) in enumerate(mapping.sources.items()):
            report("read files", done, len(mapping.sources))
            sources[name] = read_source(lake, name, source, files_of(source, folder))
        report("read files", len(mapping.sources), len(mapping.sources))
        findings = [finding for source in sources.values() for finding in _rejected(source)]
        report("make tables", 0, None)
        tables = prepare_rows(lake, mapping, sources, findings)
        keep_cells(lake, mapping, sources, tables)
        versions = [
            find_versions(
                lake, CONTRACTS[name], delivered, tells_recorded=_tells_recorded(mapping, name)
            )
            for name in tables
        ]
        yield Delivery(
            files=[part for source in sources.values() for part in source.parts],
            unused_files=unused_files(
                mapping, folder, {path.resolve(), path.resolve().with_suffix(".html")}
            ),
            unused_columns=unused_columns(mapping),
            tables=list(tables.values()),
            versions=versions,
            findings=findings,
            joins=find_joins(lake, tables),
            checks=[],
            written=False,
        )
    finally:
        drop_rows(lake, tables)
        drop_waiting(lake, tables)
        for name in tables:
            lake.con.execute(f"DROP TABLE IF EXISTS added_{name}")
        for text_table in sources.values():
            drop_view(lake.con, text_table)


def _refuse_unread_consents(delivery: Delivery) -> None:
    """Stop where a change of consent cannot be read: it may be a withdrawal."""
    for finding in delivery.findings:
        if finding.table == "consents" and finding.fault == UNREAD:
            raise GuanjiaError(
                f"table consents, column {finding.column}",
                f"cannot be read in {finding.rows:,} rows ({'; '.join(finding.examples)})",
                "say what the value means in the mapping: it may be a withdrawal of consent",
            )


def unused_columns(mapping: Mapping) -> dict[str, list[str]]:
    """Return the headings of each source that no table reads."""
    unused = {}
    for name, source in mapping.sources.items():
        used = {
            heading
            for table in mapping.tables
            if table.source == name
            for column in table.columns.values()
            for heading in (column.heading, *(column.latest or ()))
        }
        left = [heading for heading in source.columns if heading not in used]
        if left:
            unused[name] = left
    return unused


def _tells_recorded(mapping: Mapping, table: str) -> bool:
    return any("recorded_at" in part.columns for part in mapping.tables if part.name == table)


def _rejected(source: TextTable) -> list[Finding]:
    """List the lines of a source that do not fit its layout, by reason."""
    findings = []
    for part in source.parts:
        for reason in dict.fromkeys(line.reason for line in part.rejected):
            lines = [line for line in part.rejected if line.reason == reason]
            examples = tuple(f"line {line.line}" for line in lines[:REJECTED_SHOWN])
            number = sum(line.lines for line in lines)
            findings.append(Finding("", part.path.name, reason, "the line waits", number, examples))
    return findings


def _write_table(lake: Lake, folder: Path, versions: Versions) -> None:
    """Write a raw table: what was known before, and the versions that a delivery adds."""
    contract, name = CONTRACTS[versions.table], versions.table
    columns = ", ".join(map(quoted, contract.columns))
    order = ", ".join(
        dict.fromkeys(
            quoted(column)
            for column in ("customer_id", contract.key, "recorded_at", *contract.columns)
            if column in contract.columns
        )
    )
    rows = f"SELECT {columns} FROM added_{name}"
    files = sorted(lake.raw(name).glob("*.parquet"))
    if files:
        paths = ", ".join(sql_text(path) for path in files)
        rows += (
            f" UNION ALL BY NAME SELECT {columns} FROM read_parquet([{paths}], union_by_name=true)"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lake.con.execute(
        f"COPY (SELECT {columns} FROM ({rows}) ORDER BY {order})"
        f" TO {sql_text(folder / 'part-0.parquet')} (FORMAT parquet, COMPRESSION zstd)"
    )


@contextmanager
def _trial_home(lake: Lake) -> Iterator[Lake]:
    """Open a lake of its own in a folder that goes at the end."""
    (lake.home / "tmp").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=lake.home / "tmp", prefix="import-") as folder:
        yield Lake(lake.settings.model_copy(update={"home": Path(folder)}))


def _link(source: str, target: str) -> None:
    """Take a file over, without copying its bytes where the file system allows it."""
    try:
        Path(target).hardlink_to(Path(source).resolve())
    except OSError:
        shutil.copy2(source, target)


def _keep_strangers(raw: Path, draft: Path) -> None:
    """Take over what lies in `raw/` and is no table: `guanjia check` names it."""
    for path in raw.iterdir():
        if path.name in CONTRACTS or path.name.startswith("."):
            continue
        if path.is_dir():
            shutil.copytree(path, draft / path.name, copy_function=_link)
        else:
            _link(str(path), str(draft / path.name))
