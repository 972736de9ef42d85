"""Build the statement that reads what the records know of customers: of one, of some, of all."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    Date,
    String,
    bindparam,
    cast,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from serving.records.columns import Instant
from serving.records.contacts.made_contacts import COUNTS, IS_MADE, MADE_AT, WON
from serving.records.tables import consent_changes, contacts, due_touchpoints, outcomes

_k, _o, _c, _u = contacts.c, outcomes.c, consent_changes.c, due_touchpoints.c
_NO_TEXT = cast(null(), String)
_NO_DAY, _NO_INSTANT, _NO_FLAG = cast(null(), Date), cast(null(), Instant), cast(null(), Boolean)


Whose = Callable[[ColumnElement[Any]], ColumnElement[bool]]
"""Condition on the column that names a row's customer."""


def _history(whose: Whose, whose_consents: Whose) -> CompoundSelect[Any]:
    """Build the statement that reads the history of the customers whom a condition selects."""
    return union_all(
        select(
            literal("contact", String).label("what"),
            _k.channel,
            _k.purpose,
            _k.family,
            _k.campaign,
            _k.local_day.label("day"),
            MADE_AT.label("at"),
            IS_MADE.label("flag"),
            _k.reserved_at.label("recorded_at"),
            _k.touchpoint,
            _k.state,
            _k.planned_day,
            _k.customer_id.label("whose"),
        ).where(
            whose(_k.customer_id),
            (_k.local_day > bindparam("since_day", type_=Date))
            | (_k.planned_day > bindparam("since_day", type_=Date)),
            COUNTS,
        ),
        select(
            _o.kind,
            _o.channel,
            *[_NO_TEXT] * 3,
            _NO_DAY,
            _o.occurred_at,
            _NO_FLAG,
            _o.recorded_at,  # peace begins when we hear of it: a date may be too early
            _k.touchpoint,
            _NO_TEXT,
            _NO_DAY,
            _o.customer_id,
        )
        .select_from(outcomes.outerjoin(contacts, _k.contact_id == _o.contact_id))
        .where(
            whose(_o.customer_id),
            _o.recorded_at > bindparam("outcomes_since", type_=Instant),
            or_(
                (_o.kind == "refused") | (_o.kind == "opted_out"), WON
            ),  # `in` is compiled each time
        ),
        select(
            literal("event", String),
            *[_NO_TEXT] * 4,
            _NO_DAY,
            _u.occurred_at,
            _NO_FLAG,
            _NO_INSTANT,
            _u.touchpoint,
            _u.event_type,
            _NO_DAY,
            _u.customer_id,
        ).where(whose(_u.customer_id), _u.until > bindparam("at", type_=Instant)),
        select(
            literal("consent", String),
            _c.channel,
            _c.purpose,
            *[_NO_TEXT] * 2,
            _NO_DAY,
            _c.changed_at,
            _c.granted,
            _c.recorded_at,
            *[_NO_TEXT] * 2,
            _NO_DAY,
            _c.customer_id,
        ).where(whose_consents(_c.customer_id)),
    )


def _is_customer(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column == bindparam("customer_id")


def _is_customer_or_mark(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return _is_customer(column) | (column == bindparam("erased_as"))


OF_ONE = _history(_is_customer, _is_customer_or_mark)
OF_NAMED = _history(
    lambda column: column.in_(bindparam("customer_ids", expanding=True)),
    lambda column: column.in_(bindparam("customers_or_marks", expanding=True)),
)
OF_EVERYBODY = _history(lambda _column: true(), lambda _column: true())
