"""Take an event in: find the row it is about, hold the new version against the contract, keep it.

What is refused leaves no trace. What is kept can no more be bad than a row that passed the check.
"""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

import ibis

from features.contracts.contract import CONTRACTS, Contract
from features.contracts.contract_sql import row_columns
from features.contracts.rules import broken_rules, sentences
from features.erased import Erased
from features.errors import GuanjiaError
from features.events.event_types import EVENTS, Event, Row, text
from features.events.inbox import EventInbox, Kept
from features.instants import TICK
from features.lake import Lake
from features.sql import quoted, sql_text

CURE = "correct it and send it again"


class RefusedError(GuanjiaError):
    """An event that cannot be: about nobody or nothing we know, or against a rule."""


class Intake:
    """What takes events in; threads share it.

    Parameters
    ----------
    lake : Lake
        Holds the checked tables.
    inbox : EventInbox
        Keeps what is taken.
    """

    def __init__(self, lake: Lake, inbox: EventInbox) -> None:
        self._lake = lake
        self._inbox = inbox
        self._rules = {one.table: _rules(one.table) for one in EVENTS.values()}
        self._local = threading.local()
        self._engine = lake.engine.con
        self._erased = Erased(lake.settings)

    def take(
        self, event: Event, received: datetime, branches: frozenset[str] | None = None
    ) -> Kept:
        """Keep one event.

        Parameters
        ----------
        received : datetime
            When it reached us.
        branches : frozenset of str, optional
            Whose customers the sender may tell of; others are not known to him. Default: those of
            every branch.

        Raises
        ------
        RefusedError
            If the event lies in the future, its customer or row is not known, its key is another
            customer's, or the row would break a rule of its table.
        ConflictError
            If its id is that of another event.
        """
        thing, before = f"event {event.event_id}", received + TICK
        if branches is not None:
            # Before all else: what was sent before about others is not known to him either.
            self._require_customer(event, before, branches)
        found = self._inbox.find(event)
        if found is not None:
            return found
        skew = self._lake.settings.clock_skew_seconds
        if event.occurred_at > received + timedelta(seconds=skew):
            fault = f"occurred_at is more than {skew} seconds ahead of our clock"
            raise RefusedError(thing, fault, "set the clock right, or send it when it has happened")
        contract = event.type.contract
        if branches is None:
            self._require_customer(event, before, branches)
        checked = self._known(event.type.table, event.customer_id, event.key, before)
        if checked is None and not event.type.changes:
            owner = self._owner(contract, event.key)
            if owner not in (None, event.customer_id):
                fault = f"{contract.key} {event.key} is another customer's"
                raise RefusedError(thing, fault, CURE)
        return self._inbox.keep(event, received, partial(self._version, event, checked))

    def _require_customer(
        self, event: Event, before: datetime, branches: frozenset[str] | None
    ) -> None:
        """Refuse an event about nobody, or about a customer of another branch, in one voice."""
        row = self._known("customers", event.customer_id, event.customer_id, before)
        gone = self._erased.mark(event.customer_id) is not None
        if gone or row is None or not (branches is None or row["branch"] in branches):
            raise RefusedError(
                f"event {event.event_id}",
                f"customer_id {event.customer_id} is not a known customer",
                "check the number; a new customer is known after the next `guanjia check`",
            )

    def _version(
        self, event: Event, checked: Row | None, recorded_at: datetime, latest: Row | None
    ) -> Row:
        """The row that the event makes, if it keeps the rules."""
        versions = [row for row in (checked, latest) if row is not None]
        base = max(versions, key=lambda row: row["recorded_at"]) if versions else None
        thing, contract = f"event {event.event_id}", event.type.contract
        if base is None and event.type.changes:
            raise RefusedError(
                thing,
                f"{contract.key} {event.key} is not known of customer {event.customer_id}",
                "send the event that made it first, or wait for the next `guanjia check`",
            )
        if base is not None and base["recorded_at"] >= recorded_at:
            recorded_at = base["recorded_at"] + TICK
        row = event.row(base, recorded_at)
        faults = self._broken(event.type.table, row)
        if faults:
            raise RefusedError(thing, "; ".join(faults), CURE)
        return row

    def _known(self, table: str, customer_id: str, key: str, before: datetime) -> Row | None:
        """The latest checked version of a row that is recorded before an instant."""
        if not self._lake.has(table):
            return None
        contract = CONTRACTS[table]
        names = ", ".join(quoted(name) for name in contract.columns)
        found = self._rows(
            f"SELECT {names} FROM read_parquet({sql_text(self._lake.checked(table))}) WHERE"
            f" customer_id = ? AND {quoted(contract.key)} = ? AND recorded_at < ?"
            " ORDER BY recorded_at DESC LIMIT 1",
            [customer_id, key, before],
        )
        return found[0] if found else None

    def _owner(self, contract: Contract, key: str) -> str | None:
        """The customer of a row, wherever it is known from."""
        found = self._inbox.owner(contract.name, key)
        if found is not None or not self._lake.has(contract.name):
            return found
        rows = self._rows(
            f"SELECT customer_id FROM read_parquet({sql_text(self._lake.checked(contract.name))})"
            f" WHERE {quoted(contract.key)} = ? LIMIT 1",
            [key],
        )
        return rows[0]["customer_id"] if rows else None

    def _broken(self, table: str, row: Row) -> list[str]:
        """The sentences of the rules that a row breaks."""
        (found,) = self._rows(f"EXECUTE rules_of_{table}({sql_text(text(row))})")
        return list(found["broken"])

    def _rows(self, query: str, given: Sequence[Any] = ()) -> list[Row]:
        """What a query gives, by this thread's cursor."""
        if not hasattr(self._local, "cursor"):
            self._local.cursor = self._engine.cursor()
            self._local.cursor.execute("SET TimeZone = 'UTC'")
            for table, rules in self._rules.items():
                self._local.cursor.execute(f"PREPARE rules_of_{table} AS {rules}")
        rows: list[Row] = self._local.cursor.execute(query, given).to_arrow_table().to_pylist()
        return rows


@cache
def _rules(table: str) -> str:
    """A query that says which rules a row breaks, given as a JSON text."""
    contract = CONTRACTS[table]
    candidate = ibis.table(ibis.schema(contract.columns), name="candidate")
    broken = candidate.select(broken=sentences(broken_rules(contract, candidate)))
    judged = ibis.to_sql(broken, dialect="duckdb", pretty=False)
    return (
        f"WITH candidate AS (SELECT {row_columns(contract)} FROM (SELECT ?::VARCHAR AS row))"
        f" SELECT * FROM ({judged})"
    )
