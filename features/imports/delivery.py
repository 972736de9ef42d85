"""Read a delivery and compare it with what is known: what it adds, and how it differs."""

from collections.abc import Iterator
from collections.abc import Mapping as Map
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from features.checking.table_check import TableCheck
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.imports.deliveries.arrivals import arrive, vanished_findings
from features.imports.deliveries.contents import (
    compare_codes,
    compare_forms,
    compare_rows,
    usual_rows,
)
from features.imports.deliveries.drift import Drift, Verdict, judge_drift, sort_drift
from features.imports.deliveries.erasing import drop_erased
from features.imports.deliveries.intake import Intake, read_files
from features.imports.deliveries.ledger import Entry, Ledger, read_ledger
from features.imports.joins import Join, find_joins
from features.imports.mapping import Mapping, load_mapping
from features.imports.reading.readers import unused_files
from features.imports.reading.text_tables import Part, TextTable
from features.imports.rows import UNREAD, Finding, Prepared, drop_rows, prepare_rows
from features.imports.versions import Versions, find_versions
from features.imports.waiting_rows import drop_waiting, keep_cells
from features.lake import Lake
from features.progress import Report

REJECTED_SHOWN = 3
DRIFT_PAGE = "import-drift.html"


@dataclass(frozen=True)
class Delivery:
    """What became of a delivery.

    Attributes
    ----------
    files : list of Part
        Every file that was read, with its lines, rows and what was left out of it.
    unused_files : dict of str to str
        Files that no source reads, or that were delivered before -> why.
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
    drifts : list of Drift
        How the delivery is not as those before.
    verdict : Verdict
        What is done about that.
    ledger : Ledger
        What was delivered before.
    entry : Entry
        What the ledger keeps of this delivery.
    mapping : Mapping
        What the files hold.
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
    drifts: list[Drift]
    verdict: Verdict
    ledger: Ledger
    entry: Entry
    mapping: Mapping
    written: bool

    @property
    def refused(self) -> bool:
        """True if a table of the delivery, or all of it, was not taken."""
        return self.verdict.stopped or bool(self.verdict.frozen)


@contextmanager
def read_delivery(
    lake: Lake, path: Path, delivered: datetime, report: Report, folder: Path | None
) -> Iterator[Delivery]:
    """Read a delivery into `ready_<table>` and `added_<table>`; drop them at the end.

    Parameters
    ----------
    lake : Lake
        The home that the delivery goes to.
    path : Path
        The mapping.
    delivered : datetime
        When the delivery was made.
    report : Report
        Progress: called with a step, parts done and parts in all.
    folder : Path or None
        The delivery; None: the folder that the mapping names.

    Raises
    ------
    GuanjiaError
        If the mapping or a file cannot be read.
    """
    mapping = load_mapping(path)
    folder = folder or path.parent / mapping.folder
    (lake.home / "tmp").mkdir(parents=True, exist_ok=True)
    sources = {name: mapping.tables_of(name) for name in mapping.sources}
    ledger = read_ledger(lake.home / "raw", sources)
    tables: dict[str, Prepared] = {}
    with read_files(lake, mapping, folder, ledger, report) as intake:
        try:
            report("make tables", 0, None)
            tables, findings, drifts = _prepare(lake, intake.mapping, intake, ledger)
            verdict = judge_drift(mapping, drifts)
            mapped = intake.mapping
            if verdict.frozen:
                # Nothing of a table that stays as it is may reach another one.
                drop_rows(lake, tables)
                mapped = mapped.without((), verdict.frozen)
                tables, findings, _ = _prepare(lake, mapped, intake, ledger)
            keep_cells(lake, mapped, intake.sources, tables)
            # Of a dump of far fewer rows nothing ends, even where the rest of it is taken.
            fewer = {n for drift in drifts if drift.kind == "fewer_rows" for n in drift.tables}
            arrivals = {
                name: arrive(
                    lake, mapping, intake, ledger, delivered, table, ends=name not in fewer
                )
                for name, table in tables.items()
            }
            versions = [
                find_versions(
                    lake, CONTRACTS[name], arrival, tells_recorded=_tells_recorded(mapping, name)
                )
                for name, arrival in arrivals.items()
            ]
            findings += vanished_findings(versions)
            ours = {path, path.with_suffix(".html"), path.with_name(DRIFT_PAGE)}
            unused = unused_files(mapping, folder, {file.resolve() for file in ours})
            frozen = {n for n in sources if set(sources[n]).intersection(verdict.frozen)}
            entry = Entry(
                delivered.astimezone(ZoneInfo(lake.settings.timezone)),
                max((a.recorded for a in arrivals.values()), default=delivered),
                tuple(
                    file
                    for name in intake.sources
                    if name not in frozen
                    for file in intake.delivered(mapping, name)
                ),
                _counts(tables, versions, findings, ledger, fewer),
            )
            delivery = Delivery(
                files=intake.parts,
                unused_files=unused | intake.skipped,
                unused_columns=unused_columns(mapping),
                tables=list(tables.values()),
                versions=versions,
                findings=findings,
                joins=find_joins(lake, tables),
                checks=[],
                drifts=drifts,
                verdict=verdict,
                ledger=ledger,
                entry=entry,
                mapping=mapping,
                written=False,
            )
            _refuse_uncounted(delivery)
            yield delivery
        finally:
            drop_rows(lake, tables)
            drop_waiting(lake, tables)
            for name in tables:
                lake.con.execute(f"DROP TABLE IF EXISTS added_{name}")


def _prepare(
    lake: Lake, mapping: Mapping, intake: Intake, ledger: Ledger
) -> tuple[dict[str, Prepared], list[Finding], list[Drift]]:
    """Make the rows of raw tables, and compare them with the deliveries before."""
    findings = [finding for source in intake.sources.values() for finding in _rejected(source)]
    tables = prepare_rows(lake, mapping, intake.sources, findings, beside_known=True)
    drop_erased(lake, tables)
    drifts = [
        *intake.drifts,
        *compare_codes(lake, mapping, intake.sources, ledger),
        *compare_forms(lake, mapping, intake.sources, findings, tables, ledger),
        *compare_rows(mapping, tables, ledger),
    ]
    return tables, findings, sort_drift(drifts)


def _counts(
    tables: Map[str, Prepared],
    versions: list[Versions],
    findings: list[Finding],
    ledger: Ledger,
    fewer: set[str],
) -> dict[str, dict[str, object]]:
    """Count the rows of each table for the ledger."""
    counts: dict[str, dict[str, object]] = {}
    for added in versions:
        table = asdict(tables[added.table])
        names = ("new", "changed", "unchanged", "vanished", "ended", "versions")
        counts[added.table] = {
            **{name: table[name] for name in ("rows", "waiting", "repeated", "erased")},
            **{name: getattr(added, name) for name in names},
            "usual": usual_rows(ledger, added.table) if added.table in fewer else table["rows"],
            "overtaken": added.overtaken + tables[added.table].overtaken,
            "unread": {
                finding.column: finding.rows
                for finding in findings
                if (finding.table, finding.fault) == (added.table, UNREAD)
            },
        }
    return counts


def _refuse_uncounted(delivery: Delivery) -> None:
    """Stop where the rows of a table do not add up: a fault of ours."""
    for table, added in zip(delivery.tables, delivery.versions, strict=True):
        good = added.new + added.changed + added.unchanged + added.overtaken
        fates = good + table.waiting + table.repeated + table.overtaken + table.erased
        if (good, fates) != (table.good, table.rows):
            raise GuanjiaError(
                f"table {table.table}",
                f"has {table.rows:,} rows, but {fates:,} of them are accounted for",
                "report this as a fault of Guanjia, with the mapping",
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
