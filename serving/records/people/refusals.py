"""List the customers whose latest recorded consent is a refusal."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from serving.records.people.consents import Consent, latest_consent
from serving.records.tables import consent_changes

_c = consent_changes.c
_EVERYBODY = select(_c.customer_id, _c.purpose, _c.channel, _c.granted, _c.changed_at).where(
    _c.channel.is_(None) | (_c.channel == "phone"),
    (_c.purpose == "marketing") | (_c.purpose == "profiling"),
    _c.recorded_at <= bindparam("at"),
    _c.changed_at <= bindparam("at"),
)


@dataclass(frozen=True)
class Refusals:
    """Customers whose latest recorded consent is a refusal, and when they refused.

    Attributes
    ----------
    marketing, profiling : dict of str to datetime
        Those who refuse the purpose.
    calls : dict of str to datetime
        Those who refuse marketing by phone.
    """

    marketing: dict[str, datetime] = field(default_factory=dict)
    profiling: dict[str, datetime] = field(default_factory=dict)
    calls: dict[str, datetime] = field(default_factory=dict)


def read_refusals(connection: Connection, at: datetime) -> Refusals:
    """Read which customers refuse all marketing, profiling, or calls, at an instant."""
    latest: dict[str, dict[str, Consent]] = {"marketing": {}, "profiling": {}, "calls": {}}
    rows = connection.execute(_EVERYBODY, {"at": at})
    for customer_id, purpose, channel, granted, changed_at in rows:
        subject = purpose if channel is None else "calls"
        by_customer, consent = latest[subject], Consent(granted, changed_at)
        by_customer[customer_id] = latest_consent([by_customer.get(customer_id, consent), consent])
    return Refusals(
        **{
            subject: {
                customer_id: consent.changed_at
                for customer_id, consent in by_customer.items()
                if not consent.granted
            }
            for subject, by_customer in latest.items()
        }
    )
