"""Declare the events of the day and the raw row that each becomes.

An event never edits a tag. It is a new version of a row of a raw table, with its own `recorded_at`,
and tags are computed from rows as always (`docs/adr/0009-events.md`). The version is the latest one
known of the same key, if there is one, with the columns that the event sets. An event about an
existing row sets a milestone there: of two reports of one milestone the earlier instant counts, so
that it does not matter in which order they arrive.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import ibis.expr.datatypes as dt

from features.contracts.contract import Contract
from features.contracts.tables import CONTRACTS
from features.jsonable import jsonable

Row = dict[str, Any]


@dataclass(frozen=True)
class EventType:
    """One kind of event as declared.

    Attributes
    ----------
    name, label, definition : str
        `quote_viewed`, the Chinese label, and what happened, as a sentence.
    table : str
        The raw table that gets a row.
    moment : str
        The column that says when it happened.
    fields : dict of str to str
        Field of the event -> column of the table.
    required : tuple of str
        Fields that must be given; the others may be.
    fixed : dict of str to object
        Columns that the kind of event itself decides.
    """

    name: str
    label: str
    definition: str
    table: str
    moment: str
    fields: Mapping[str, str]
    required: tuple[str, ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def contract(self) -> Contract:
        """Contract of its table."""
        return CONTRACTS[self.table]

    @property
    def changes(self) -> bool:
        """True if it sets a milestone of a row, which must exist before."""
        return self.moment in self.contract.milestones


@dataclass(frozen=True)
class Event:
    """One event as it was sent; `fields` are typed as the contract says."""

    event_id: str
    type: EventType
    customer_id: str
    occurred_at: datetime
    fields: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Value of the table's key column: the row that the event is about."""
        names = {column: name for name, column in self.type.fields.items()}
        own = names.get(self.type.contract.key)
        return self.customer_id if own is None else str(self.fields[own])

    @property
    def content(self) -> str:
        """Everything but its id, in a canonical form: equal contents are equal texts."""
        values = {name: plain(value) for name, value in self.fields.items() if value is not None}
        at = plain(self.occurred_at)
        return json.dumps(
            [self.type.name, self.customer_id, at, values], sort_keys=True, ensure_ascii=False
        )

    def columns_set(self, recorded_at: datetime) -> Row:
        """Return the columns that the event sets, with their values."""
        fields = {column: self.fields.get(name) for name, column in self.type.fields.items()}
        values = {column: value for column, value in fields.items() if value is not None}
        # The sender's clock may be ahead of ours, but nothing happens after it was reported.
        moment = min(self.occurred_at, recorded_at)
        return {**self.type.fixed, **values, self.type.moment: moment}

    def row(self, latest: Row | None, recorded_at: datetime) -> Row:
        """Make the new version of the row.

        Parameters
        ----------
        latest : dict or None
            The latest version known; None where the event makes the row.
        recorded_at : datetime
            When the event was recorded.
        """
        columns = self.columns_set(recorded_at)
        row = dict.fromkeys(self.type.contract.columns) if latest is None else dict(latest)
        before = row[self.type.moment]
        row |= {"customer_id": self.customer_id, **columns, "recorded_at": recorded_at}
        if self.type.changes and before is not None:
            row[self.type.moment] = min(before, columns[self.type.moment])
        return row


def text(row: Row) -> str:
    """Write a row as JSON."""
    return json.dumps({name: plain(value) for name, value in row.items()}, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Convert a value of a row to one that JSON has.

    Examples
    --------
    >>> plain(Decimal("2100.50")), plain(date(2026, 7, 1))
    ('2100.50', '2026-07-01')
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return jsonable(value)


def typed(value: Any, type_: dt.DataType) -> Any:
    """Convert a value back to the type of the contract; the inverse of the JSON conversion."""
    if value is None:
        return None
    if isinstance(type_, dt.Timestamp):
        return datetime.fromisoformat(value)
    if isinstance(type_, dt.Date):
        return date.fromisoformat(value)
    return Decimal(value) if isinstance(type_, dt.Decimal) else value


def _type(
    name: str,
    label: str,
    definition: str,
    table: str,
    moment: str,
    required: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    fixed: Mapping[str, Any] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> EventType:
    columns = dict(renamed or {})
    fields = {field: columns.get(field, field) for field in (*required, *optional)}
    return EventType(name, label, definition, table, moment, fields, required, fixed or {})


_CASE = ("surveys_and_complaints", "occurred_at")

EVENTS: dict[str, EventType] = {
    type_.name: type_
    for type_ in (
        _type("quote_made", "报价生成", "A price was quoted.", "quotes", "quoted_at",
              ("quote_id", "line"), ("policy_id", "vehicle_id", "channel", "premium")),
        _type("quote_delivered", "报价触达", "A quote reached the customer.", "quotes",
              "delivered_at", ("quote_id",)),
        _type("quote_viewed", "报价查看", "The customer looked at a quote.", "quotes",
              "viewed_at", ("quote_id",)),
        _type("policy_signed", "签单", "A policy was signed, new or renewed.", "policies",
              "signed_at", ("policy_id", "line", "inception", "expiry"),
              ("vehicle_id", "private_car", "written_premium", "channel", "business_type",
               "branch", "account_manager_id")),
        _type("claim_reported", "报案", "A claim was reported; `accident_at` is when it occurred.",
              "claims", "reported_at", ("claim_id", "policy_id", "accident_at"),
              ("vehicle_id", "kind", "injury", "at_fault"),
              renamed={"accident_at": "occurred_at"}),
        _type("complaint_received", "投诉", "The customer complained.", *_CASE,
              ("case_id", "topic"), ("claim_id",), {"kind": "complaint"}),
        _type("survey_answered", "回访", "The customer answered a satisfaction survey.", *_CASE,
              ("case_id", "topic", "score"), ("claim_id",), {"kind": "survey"}),
        _type("contact_made", "触达", "We contacted the customer, or the customer us.",
              "interactions", "occurred_at",
              ("interaction_id", "touchpoint", "channel", "direction"),
              ("result", "cost", "policy_id")),
        _type("payment_started", "发起支付", "The customer went to pay.", "interactions",
              "occurred_at", ("interaction_id", "channel"), ("policy_id",),
              {"touchpoint": "e_signature_and_payment", "direction": "in"}),
        _type("mini_program_bound", "绑定小程序", "The customer bound the mini-program.",
              "customers", "mini_program_bound_at"),
        _type("wecom_added", "添加企业微信", "The customer added us on WeCom.", "customers",
              "wecom_added_at"),
        _type("entitlement_activated", "权益激活", "The customer activated an entitlement.",
              "entitlements", "activated_at", ("entitlement_id",)),
        _type("entitlement_used", "权益使用", "The customer used an entitlement.",
              "entitlements", "used_at", ("entitlement_id",)),
        _type("consent_changed", "授权变更", "The customer gave or withdrew a consent.",
              "consents", "changed_at", ("consent_id", "purpose", "granted"), ("channel",)),
    )
}  # fmt: skip
"""Every kind of event by name."""
