"""Accept events: find the row an event is about, check the new version, store it in the inbox.

A refused event leaves no trace. A stored one keeps the same rules as a row that passed the check.
"""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

import ibis

from features.contracts.contract import Contract
from features.contracts.contract_sql import row_columns
from features.contracts.rules import broken_rules, contradictions, sentences
from features.contracts.tables import CONTRACTS
from features.erased import Erased
from features.errors import GuanjiaError
from features.events.event_types import EVENTS, Event, Row, text
from features.events.inbox import EventInbox, StoredEvent
from features.instants import TICK
from features.lake import Lake
from features.sql import quoted, sql_text

CURE = "correct it and send it again"
POLICY = "policy_id"
"""Field by which events name a policy."""


class RefusedError(GuanjiaError):
    """An event about an unknown customer or row, or one whose row would break a rule."""


def unknown_customer(event: Event) -> RefusedError:
    """Describe an event about a customer who is not known, or not any more."""
    return RefusedError(
        f"event {event.event_id}",
        f"customer_id {event.customer_id} is not a known customer",
        "check the number; a new customer is known after the next `guanjia check`",
    )


class Intake:
    """Check events and store them; shared by threads.

    Parameters
    ----------
    lake : Lake
        The home with the checked tables.
    inbox : EventInbox
        Where accepted events are stored.
    """

    def __init__(self, lake: Lake, inbox: EventInbox) -> None:
        self._lake = lake
        self._inbox = inbox
        self._rules = {type_.table: _rules(type_.table) for type_ in EVENTS.values()}
        self._local = threading.local()
        self._engine = lake.con
        self._erased = Erased(lake.settings)

    def take(
        self, event: Event, received: datetime, branches: frozenset[str] | None = None
    ) -> StoredEvent:
        """Check one event and store it.

        Parameters
        ----------
        event : Event
            The event as it was sent.
        received : datetime
            When it reached us.
        branches : frozenset of str, optional
            The sender may report on customers of these branches; others are unknown to them.
            Default: of every branch.

        Raises
        ------
        RefusedError
            If the event lies in the future, its customer, row or policy is not known, its key
            belongs to another customer, or the row would break a rule of its table.
        ConflictError
            If another event has the same id.
        """
        thing, before = f"event {event.event_id}", received + TICK
        if branches is not None:
            # First of all: the sender must not learn of earlier events about other customers.
            self._require_customer(event, before, branches)
        stored = self._inbox.find(event)
        if stored is not None:
            return stored
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
        self._require_policy(event)
        return self._inbox.store(event, received, partial(self._version, event, checked))

    def _require_customer(
        self, event: Event, before: datetime, branches: frozenset[str] | None
    ) -> None:
        """Refuse an unknown customer and one of another branch with the same words."""
        row = self._known("customers", event.customer_id, event.customer_id, before)
        if row is None or not (branches is None or row["branch"] in branches):
            raise unknown_customer(event)
        self._require_not_erased(event)

    def _require_not_erased(self, event: Event) -> None:
        if self._erased.mark(event.customer_id) is not None:
            raise unknown_customer(event)

    def _require_policy(self, event: Event) -> None:
        """Refuse an event that names a policy nobody has, unless it makes that policy."""
        policy = event.fields.get(POLICY)
        if policy is None or event.type.contract.key == POLICY:
            return
        if self._owner(CONTRACTS["policies"], str(policy)) is None:
            raise RefusedError(
                f"event {event.event_id}",
                f"policy_id {policy} is not a known policy",
                "check the number, send policy_signed first, or wait for the next `guanjia check`",
            )

    def _version(
        self, event: Event, checked: Row | None, recorded_at: datetime, latest: Row | None
    ) -> Row:
        """Make the row of the event, if it keeps the rules of its table."""
        # Once more, in the inbox's transaction: an erasure first marks the customer, then deletes
        # their events in a transaction of its own, so that none is stored behind it.
        self._require_not_erased(event)
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
        """Read the latest checked version of a row that was recorded before an instant."""
        if not self._lake.has(table):
            return None
        contract = CONTRACTS[table]
        versions = self._rows(
            f"SELECT * FROM read_parquet({sql_text(self._lake.checked(table))}) WHERE"
            f" customer_id = ? AND {quoted(contract.key)} = ? AND recorded_at < ?"
            " ORDER BY recorded_at DESC LIMIT 1",
            [customer_id, key, before],
        )
        # A column that is newer than the check is null.
        return {name: versions[0].get(name) for name in contract.columns} if versions else None

    def _owner(self, contract: Contract, key: str) -> str | None:
        """Find the customer of a row, in the inbox or in the checked table."""
        owner = self._inbox.owner(contract.name, key)
        if owner is not None or not self._lake.has(contract.name):
            return owner
        rows = self._rows(
            f"SELECT customer_id FROM read_parquet({sql_text(self._lake.checked(contract.name))})"
            f" WHERE {quoted(contract.key)} = ? LIMIT 1",
            [key],
        )
        return rows[0]["customer_id"] if rows else None

    def _broken(self, table: str, row: Row) -> list[str]:
        """List the sentences of the rules that a row breaks."""
        (verdict,) = self._rows(f"EXECUTE rules_of_{table}({sql_text(text(row))})")
        return list(verdict["broken"])

    def _rows(self, query: str, given: Sequence[Any] = ()) -> list[Row]:
        """Run a query on the cursor of this thread."""
        if not hasattr(self._local, "cursor"):
            self._local.cursor = self._engine.cursor()
            self._local.cursor.execute("SET TimeZone = 'UTC'")
            for table, rules in self._rules.items():
                self._local.cursor.execute(f"PREPARE rules_of_{table} AS {rules}")
        rows: list[Row] = self._local.cursor.execute(query, given).to_arrow_table().to_pylist()
        return rows


@cache
def _rules(table: str) -> str:
    """Compile the query that lists the rules broken by a row, given as a JSON text."""
    contract = CONTRACTS[table]
    candidate = ibis.table(ibis.schema(contract.columns), name="candidate")
    rules = broken_rules(contract, candidate)
    rules += [(sentence, where) for _, sentence, where in contradictions(contract, candidate)]
    broken = candidate.select(broken=sentences(rules))
    query = ibis.to_sql(broken, dialect="duckdb", pretty=False)
    return (
        f"WITH candidate AS (SELECT {row_columns(contract)} FROM (SELECT ?::VARCHAR AS row))"
        f" SELECT * FROM ({query})"
    )
