"""Delete records by age and kind (PIPL art. 19), in batches, with a note of what was deleted.

What is under review stays with its decision, contact and outcomes; refusals, receipts and frames
are not deleted by age. Each batch is a transaction that also adds to the note, so a run that was
killed has deleted what its note says, and the next run goes on.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    update,
)

from features.progress import Report, quiet
from features.settings import cutoff
from serving.records.columns import first_id, new_id
from serving.records.database import LONG_SECONDS, Records, lock_customers
from serving.records.people.retention_rules import Retention
from serving.records.tables import (
    contacts,
    decisions,
    due_touchpoints,
    exports,
    outcomes,
    reads,
    retentions,
    review_requests,
)

BATCH_ROWS = 1_000
PAUSE_SECONDS = 0.05
"""Between two batches, so that another process that waits for SQLite's lock gets it."""
ORDER = (
    "reviews", "outcomes", "contacts", "silence", "drawn", "due_touchpoints", "reads", "exports",
)  # fmt: skip
"""What keeps others comes first: no review is left without its decision by a run that is killed."""
_d, _k, _o, _r = decisions.c, contacts.c, outcomes.c, review_requests.c


@dataclass(frozen=True)
class Expired:
    """Records of a kind that are older than their rule allows.

    Attributes
    ----------
    kind, label : str
        The kind, and its Chinese name.
    kept_days : int
        Days for which its records are kept.
    before : date
        First civil day whose records stay.
    rows : dict of str to int
        Rows that are too old, or were deleted, by table.
    """

    kind: str
    label: str
    kept_days: int
    before: date
    rows: dict[str, int]

    @property
    def total(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


def count_expired(
    records: Records, retention: Retention, now: datetime, timezone: str
) -> list[Expired]:
    """Count the records that are too old; nothing is deleted.

    Parameters
    ----------
    records : Records
        The records.
    retention : Retention
        How long they are kept.
    now : datetime
        Now.
    timezone : str
        The insurer's time zone, in which days begin.

    Raises
    ------
    RecordsAwayError
        If the records do not answer.
    """
    expired: list[Expired] = []
    days = _first_kept(retention, now, timezone)
    begins = {kind: _begin(day, timezone) for kind, day in days.items()}
    with records.reading(LONG_SECONDS) as connection:
        for kind, day in days.items():
            rule = retention.rules[kind]
            rows = {
                table.name: connection.execute(
                    select(func.count()).select_from(table).where(condition)
                ).scalar_one()
                for table, condition in _expired(kind, begins)
            }
            expired.append(Expired(kind, rule.label, rule.days, day, rows))
    return expired


def delete_expired(
    records: Records,
    retention: Retention,
    now: datetime,
    timezone: str,
    by: str,
    report: Report = quiet,
) -> list[Expired]:
    """Delete the records that are too old, and note how many of each kind.

    Parameters
    ----------
    records : Records
        The records.
    retention : Retention
        How long they are kept.
    now : datetime
        Now.
    timezone : str
        The insurer's time zone, in which days begin.
    by : str
        Who ordered it.
    report : Report
        Progress: called with a kind, rows deleted and rows in all.

    Returns
    -------
    list of Expired
        What was deleted, by kind.

    Raises
    ------
    RecordsAwayError
        If the records do not answer; what was deleted until then is noted.
    """
    deleted = []
    counted = count_expired(records, retention, now, timezone)
    begins = {expired.kind: _begin(expired.before, timezone) for expired in counted}
    for expired in counted:
        note = {
            "retention_id": new_id(now),
            "kind": expired.kind,
            "kept_days": expired.kept_days,
            "before": begins[expired.kind],
            "ordered_by": by,
            "deleted_at": now,
        }
        rows: dict[str, int] = {}
        report(expired.label, 0, expired.total)
        for table, condition in _expired(expired.kind, begins) if expired.total else ():
            after: str | None = ""
            while after is not None:
                with records.writing() as connection:
                    after, gone = _delete_batch(connection, table, condition, after)
                    if gone:
                        rows[table.name] = rows.get(table.name, 0) + gone
                        _note(connection, note, rows)
                # Others may delete too, by an erasure: never more than all.
                report(expired.label, min(sum(rows.values()), expired.total), expired.total)
                time.sleep(PAUSE_SECONDS if after is not None else 0)
        report(expired.label, expired.total, expired.total)
        deleted.append(replace(expired, rows=rows))
    return deleted


def _delete_batch(
    connection: Connection, table: Table, condition: ColumnElement[bool], after: str
) -> tuple[str | None, int]:
    """Delete the first rows behind an id; return the last of them (None: the end) and how many."""
    (key,) = table.primary_key.columns
    owner = table.c.get("customer_id", key)
    query = select(key, owner).where(key > after, condition).order_by(key).limit(BATCH_ROWS)
    batch = connection.execute(query).all()
    if not batch:
        return None, 0
    numbers = [number for number, _ in batch]
    # A request may ask for a review of one of these decisions: whoever has the lock goes first.
    lock_customers(connection, {customer for _, customer in batch})
    gone = connection.execute(delete(table).where(key.in_(numbers), condition)).rowcount
    return (numbers[-1] if len(batch) == BATCH_ROWS else None), gone


def _note(connection: Connection, note: Mapping[str, Any], rows: Mapping[str, int]) -> None:
    """Write what a run deleted of a kind so far."""
    number = retentions.c.retention_id == note["retention_id"]
    done = connection.execute(update(retentions).where(number).values(rows=dict(rows)))
    if not done.rowcount:
        connection.execute(insert(retentions), {**note, "rows": dict(rows)})


def _first_kept(retention: Retention, now: datetime, timezone: str) -> dict[str, date]:
    """Return the first civil day whose records stay, by kind, in the order of deletion."""
    today = now.astimezone(ZoneInfo(timezone)).date()
    rules = retention.rules
    return {kind: today - timedelta(days=rules[kind].days) for kind in ORDER if kind in rules}


def _begin(day: date, timezone: str) -> datetime:
    """Return the instant at which a civil day begins."""
    return cutoff(day - timedelta(days=1), timezone)


def _expired(kind: str, begins: Mapping[str, datetime]) -> list[tuple[Table, ColumnElement[bool]]]:
    """List the tables of a kind, and which of their rows are too old.

    Parameters
    ----------
    kind : str
        The kind.
    begins : mapping of str to datetime
        By kind, the first instant whose records stay. Outcomes and reviews that are too old
        themselves keep no decision.
    """
    before = begins[kind]
    first = first_id(before)
    outcome = and_(_o.customer_id == _d.customer_id, _o.decision_id == _d.decision_id)
    if "outcomes" in begins:
        outcome = and_(outcome, _o.outcome_id >= first_id(begins["outcomes"]))
    reviewed: ColumnElement[bool] = true()
    if "reviews" in begins:
        reviewed = or_(_r.answered_at.is_(None), _r.answered_at >= begins["reviews"])

    def unreviewed(table: Table) -> ColumnElement[bool]:
        return not_(exists().where(_r.decision_id == table.c.decision_id, reviewed))

    old, silent = _d.decision_id < first, _d.touchpoint.is_(None)
    alone = and_(old, silent, not_(exists().where(outcome)), unreviewed(decisions))
    acted = and_(old, or_(not_(silent), exists().where(outcome)), unreviewed(decisions))
    old_contact = and_(func.coalesce(_k.sent_at, _k.planned_at) < before, unreviewed(contacts))
    return {
        "silence": [(decisions, and_(alone, _d.randomised.is_(False)))],
        "drawn": [(decisions, and_(alone, _d.randomised.is_(True)))],
        "contacts": [(decisions, acted), (contacts, old_contact)],
        "outcomes": [(outcomes, and_(_o.outcome_id < first, unreviewed(outcomes)))],
        "reviews": [(review_requests, _r.answered_at < before)],
        "due_touchpoints": [(due_touchpoints, due_touchpoints.c.until < before)],
        "reads": [(reads, reads.c.read_id < first)],
        "exports": [(exports, exports.c.export_id < first)],
    }[kind]
