"""Say how the rows of a table came: since when they are known, and what their absence means."""

from collections.abc import Iterable
from datetime import datetime

from features.contracts.tables import CONTRACTS
from features.imports.deliveries.intake import Intake
from features.imports.deliveries.ledger import AFTERWARDS, Ledger
from features.imports.mapping import ENDS, Mapping
from features.imports.rows import Finding, Prepared
from features.imports.versions import Arrival, Versions
from features.lake import Lake
from features.sql import quoted


def arrive(
    lake: Lake,
    mapping: Mapping,
    intake: Intake,
    ledger: Ledger,
    delivered: datetime,
    table: Prepared,
    *,
    ends: bool = True,
) -> Arrival:
    """Say how the rows of a table came.

    Parameters
    ----------
    lake : Lake
        Its engine holds `ready_<table>`.
    mapping : Mapping
        Says whether sources are dumps, and whether vanished rows end.
    intake : Intake
        The files that were read.
    ledger : Ledger
        What was delivered before.
    delivered : datetime
        When the delivery was made, as stated.
    table : Prepared
        The rows of the table.
    ends : bool
        False if vanished rows do not end, whatever the mapping says.
    """
    parts = mapping.parts(table.table)
    names = list(dict.fromkeys(part.source for part in parts))
    dumps = all(mapping.sources[name].delivery == "dump" for name in names)
    complete = dumps and all(
        name in intake.sources and name not in intake.partial for name in names
    )
    before = [entry.delivered for name in names if (entry := ledger.latest(name)) is not None]
    late = ledger.last is not None and delivered < ledger.last
    recorded = ledger.last + AFTERWARDS if late and ledger.last else delivered
    ends = ends and all(part.vanished == "end" for part in parts)
    ends = ends and not _nameless(lake, intake, table)
    return Arrival(
        delivered=delivered,
        recorded=recorded,
        floor=ledger.floor(recorded),
        overtaken=late and dumps and any(day > delivered for day in before),
        complete=complete,
        ends=ends,
    )


def vanished_findings(versions: Iterable[Versions]) -> list[Finding]:
    """List the known rows that a dump does not hold, with what follows."""
    findings = []
    for added in versions:
        fault = "is known, and not in this dump"
        ended = f"it ends: {ENDS[added.table][1]} is the day of the delivery" if added.ended else ""
        if added.vanished:
            findings.append(
                Finding(
                    added.table, CONTRACTS[added.table].key, fault, ended or "it is left as it is",
                    added.vanished, added.examples,
                )
            )  # fmt: skip
    return findings


def _nameless(lake: Lake, intake: Intake, table: Prepared) -> bool:
    """Check whether a row or line cannot be read so far that nobody knows whose it is."""
    sources = {part.source for part in intake.mapping.parts(table.table)}
    if any(part.rejected for name in sources for part in intake.sources[name].parts):
        return True
    key = quoted(CONTRACTS[table.table].key)
    row = lake.con.execute(
        f"SELECT count(*) FROM ready_{table.table} WHERE {key} IS NULL"
    ).fetchone()
    return bool(row and row[0])
