"""Let the rows of merged customers follow them to the number that their person goes on with.

`customer_merges` names numbers that were given up. From the instant at which a merge was recorded,
each row of the old number is a row of the new one: a version of it, recorded then
(`docs/adr/0034-merged-customers.md`). As of a date before, both numbers are as they were. Of their
consents the stricter counts: where one of them refused a purpose, or marketing by a channel, that
the other granted, the merge closes it, until the customer consents again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from features.checking.queries import copy_rows, fetch
from features.contracts.contract import Contract
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.known_at import merged_away_sql
from features.publishing import published
from features.sql import quoted, sql_text

MERGES, CONSENTS = "customer_merges", "consents"
NUMBERS = "check_numbers"
"""Temporary table: number, owner, from_at (null: from the first day), until_at (null: for good)."""
Merge = tuple[datetime, str]
"""When a merge was recorded, and the number that the customer goes on with."""


@dataclass(frozen=True)
class MergedCustomers:
    """The merges of a delivery; NUMBERS holds whose each number was, and when.

    Attributes
    ----------
    lake : Lake
        Whose engine holds NUMBERS.
    """

    lake: Lake

    def follow(self, contract: Contract, rows: str) -> str:
        """Write the query of rows with the versions by which they follow their customers.

        Parameters
        ----------
        contract : Contract
            The contract of the rows.
        rows : str
            Query of the contract's columns.
        """
        if contract.name in ("customers", MERGES):
            return rows
        key = quoted(contract.key)
        following = f"lead(recorded_at) OVER (PARTITION BY {key} ORDER BY recorded_at)"
        changed = {
            "customer_id": "coalesce(n.owner, v.customer_id)",
            "recorded_at": "greatest(v.recorded_at, coalesce(n.from_at, v.recorded_at))",
        }
        cells = ", ".join(
            f"{changed.get(name, f'v.{quoted(name)}')} AS {quoted(name)}"
            for name in contract.columns
        )
        split = (
            f"SELECT {cells} FROM (SELECT *, {following} AS next_at FROM ({rows})) v"
            f" LEFT JOIN {NUMBERS} n ON n.number = v.customer_id"
            # The version counts in part of the time in which the number was this owner's.
            " WHERE n.number IS NULL OR ("
            " (n.from_at IS NULL OR v.next_at IS NULL OR n.from_at < v.next_at)"
            " AND (n.until_at IS NULL OR v.recorded_at < n.until_at))"
        )
        if contract.name == CONSENTS:
            return f"{split} UNION ALL {self._closed(contract, rows)}"
        return split

    def _closed(self, contract: Contract, rows: str) -> str:
        """Write the query of the consents that a merge closes."""
        values = {
            "consent_id": "concat('merged:', owner, ':', purpose, '.' || channel, ':',"
            " epoch_us(from_at))",
            "customer_id": "owner",
            "granted": "false",
            "changed_at": "from_at",
            "recorded_at": "from_at",
        }
        cells = ", ".join(
            f"{values.get(name, name)} AS {quoted(name)}" for name in contract.columns
        )
        return (
            "(WITH latest AS (SELECT m.owner, m.from_at, c.purpose, c.channel, n.number,"
            " arg_max(c.granted, (c.changed_at, NOT c.granted)) AS granted"
            f" FROM (SELECT DISTINCT owner, from_at FROM {NUMBERS} WHERE owner <> number) m"
            f" JOIN {NUMBERS} n ON n.owner = m.owner AND (n.from_at IS NULL OR n.from_at <="
            " m.from_at) AND (n.until_at IS NULL OR n.until_at > m.from_at)"
            f" JOIN ({rows}) c ON c.customer_id = n.number AND c.recorded_at <= m.from_at"
            f" AND c.changed_at <= m.from_at GROUP BY ALL) SELECT {cells} FROM ("
            " SELECT DISTINCT r.owner, r.from_at, r.purpose, r.channel FROM latest r"
            " JOIN latest g USING (owner, from_at, purpose)"
            " WHERE g.number <> r.number AND g.granted AND NOT r.granted"
            # Who refuses marketing altogether refuses it by the channel that the other granted.
            " AND (r.channel IS NULL OR r.channel = g.channel)))"
        )

    def retire(self, customers: Path) -> None:
        """End the rows of numbers that were given up with their merge.

        Parameters
        ----------
        customers : Path
            The file of good customers; it is replaced.
        """
        ended = merged_away_sql("ended.from_at")
        with published(customers) as draft:
            copy_rows(
                self.lake,
                f"SELECT c.* REPLACE ({ended}) FROM read_parquet({sql_text(customers)}) c LEFT JOIN"
                f" (SELECT number, min(from_at) AS from_at FROM {NUMBERS} WHERE owner <> number"
                " GROUP BY number) ended ON ended.number = c.customer_id"
                " ORDER BY customer_id, recorded_at",
                draft,
                f", KV_METADATA {{timezone: {sql_text(self.lake.settings.timezone)}}}",
            )

    def close(self) -> None:
        """Drop the temporary table."""
        self.lake.engine.raw_sql(f"DROP TABLE IF EXISTS {NUMBERS}")


def read_merges(lake: Lake, path: Path) -> MergedCustomers | None:
    """Read the good rows of `customer_merges`, and create NUMBERS of them.

    Parameters
    ----------
    lake : Lake
        Whose engine reads the file.
    path : Path
        The file of good rows.

    Returns
    -------
    MergedCustomers or None
        None if there is no merge.

    Raises
    ------
    GuanjiaError
        If merges lead in a circle.
    """
    rows = fetch(
        lake,
        "SELECT customer_id, recorded_at, merged_into"
        f" FROM read_parquet({sql_text(path)}) ORDER BY customer_id, recorded_at",
    )
    merges: dict[str, list[Merge]] = {}
    for number, at, owner in rows:
        assert isinstance(at, datetime)
        merges.setdefault(str(number), []).append((at, str(owner)))
    if not merges:
        return None
    numbers = sorted({*merges, *_owners(merges)})
    spans = [span for number in numbers for span in _spans(number, merges)]
    names, owners, starts, ends = zip(*spans, strict=True)
    instant = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "number": pa.array(names, pa.string()),
            "owner": pa.array(owners, pa.string()),
            "from_at": pa.array(starts, instant),
            "until_at": pa.array(ends, instant),
        }
    )
    lake.con.register("check_spans", table)
    lake.con.execute(f"CREATE OR REPLACE TEMP TABLE {NUMBERS} AS FROM check_spans")
    lake.con.unregister("check_spans")
    return MergedCustomers(lake)


def _owners(merges: Mapping[str, list[Merge]]) -> set[str]:
    return {owner for of_number in merges.values() for _, owner in of_number}


def _spans(
    number: str, merges: Mapping[str, list[Merge]]
) -> Iterator[tuple[str, str, datetime | None, datetime | None]]:
    """Yield whose a number was, from when until when, its own time first."""
    changes: list[tuple[datetime | None, str]] = [(None, number)]
    for at in sorted(_instants(number, merges)):
        owner = _owner(number, at, merges)
        if owner != changes[-1][1]:
            changes.append((at, owner))
    for place, (start, owner) in enumerate(changes):
        end = changes[place + 1][0] if place + 1 < len(changes) else None
        yield number, owner, start, end


def _instants(number: str, merges: Mapping[str, list[Merge]]) -> set[datetime]:
    """Collect the instants at which a merge of a number, or of one it leads to, was recorded."""
    instants: set[datetime] = set()
    seen, waiting = {number}, [number]
    while waiting:
        for at, owner in merges.get(waiting.pop(), ()):
            instants.add(at)
            if owner not in seen:
                seen.add(owner)
                waiting.append(owner)
    return instants


def _owner(number: str, at: datetime, merges: Mapping[str, list[Merge]]) -> str:
    """Follow the merges recorded by an instant to the number that the customer goes on with."""
    seen = [number]
    while known := [owner for recorded, owner in merges.get(seen[-1], ()) if recorded <= at]:
        if known[-1] in seen:
            path = " into ".join([*seen, known[-1]])
            raise GuanjiaError(
                f"table {CONTRACTS[MERGES].name}",
                f"merges customers in a circle: {path}",
                "deliver which of them goes on",
            )
        seen.append(known[-1])
    return seen[-1]
