"""Read what the records know of a customer, in one statement: for the caps, and for what is due."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from serving.records.contacts.history_statements import OF_EVERYBODY, OF_NAMED, OF_ONE
from serving.records.people.consents import (
    Consent,
    ConsentRecord,
    CoreSystemConsents,
    is_channel_open,
    latest_consent,
    merge_consents,
)
from serving.touchpoints.endings import ENDINGS, Won

MOST_NAMED = 500
"""Customers that a statement names one by one; of more, the rows of everybody are read."""


@dataclass(frozen=True)
class CountedContact:
    """A contact that counts under the caps: sent, or reserved and not expired.

    Parameters
    ----------
    days : frozenset of int
        The day for which it was reserved and the day on which it was made, as ordinals; a window
        of days that has either holds the contact.
    """

    days: frozenset[int]
    channel: str
    purpose: str
    family: str
    campaign: str | None


@dataclass(frozen=True)
class ReservedContact:
    """A touchpoint whose contact has its place and was not sent yet, and when it got it."""

    touchpoint: str
    reserved_at: datetime
    counted: CountedContact


@dataclass(frozen=True)
class History:
    """A customer's contacts, refusals and consents to marketing.

    Parameters
    ----------
    contacts : tuple of CountedContact
        Days are those of the customer's time zone, as proleptic Gregorian ordinals.
    last_refusals : dict of str to datetime
        When we last heard that the customer `refused` and `opted_out`, if a cooling-off may still
        run.
    marketing : dict of channel or None to Consent
        The latest consent to marketing by a channel; under None to marketing by any channel.
    consent_records : tuple of ConsentRecord
        All consent changes of the customer, of every purpose.
    last_contacts : dict of str to datetime
        Touchpoint -> when the last contact was made, or for when one is reserved.
    reserved : tuple of ReservedContact
        Contacts that have their place and were not sent yet.
    won : tuple of Won
        Renewals and purchases reported as outcomes.
    events : dict of (str, str) to datetime
        Touchpoint and kind of event -> when the event that makes it due last occurred.
    """

    contacts: tuple[CountedContact, ...]
    last_refusals: Mapping[str, datetime]
    marketing: Mapping[str | None, Consent]
    consent_records: tuple[ConsentRecord, ...] = ()
    last_contacts: Mapping[str, datetime] = field(default_factory=dict)
    reserved: tuple[ReservedContact, ...] = ()
    won: tuple[Won, ...] = ()
    events: Mapping[tuple[str, str], datetime] = field(default_factory=dict)

    def without(self, touchpoints: Collection[str]) -> "History":
        """Return the history without the reserved contacts of some touchpoints."""
        gone = [contact for contact in self.reserved if contact.touchpoint in touchpoints]
        counted = list(self.contacts)
        for contact in gone:
            if contact.counted in counted:
                counted.remove(contact.counted)
        return replace(
            self,
            contacts=tuple(counted),
            last_contacts={
                name: at for name, at in self.last_contacts.items() if name not in touchpoints
            },
            reserved=tuple(contact for contact in self.reserved if contact not in gone),
        )

    def with_later(self, core: CoreSystemConsents) -> "History":
        """Return the history with the core system's consents to marketing that are later.

        Only where the core system says when they were given: else a refusal told to us holds. What
        it refuses is no matter of the records.
        """
        at = core.changed_at.get("marketing")
        theirs: dict[str | None, Consent] = {
            channel: consent for channel, consent in core.channels.items() if consent.granted
        }
        if core.marketing and at is not None:
            theirs[None] = Consent(True, at)
        if not self.marketing or not theirs:
            return self
        return replace(self, marketing=merge_consents(self.marketing, theirs))

    def is_closed(self, channel: str) -> bool:
        """Check whether the customer closed a channel to marketing."""
        overall, by_channel = self.marketing.get(None), self.marketing.get(channel)
        if by_channel is None:
            return overall is not None and not overall.granted
        return not is_channel_open(overall, by_channel)


def contact_history(
    connection: Connection,
    customer_id: str,
    at: datetime,
    since: date,
    cooling: timedelta,
    erased_as: str | None = None,
    memory: timedelta = timedelta(0),
    certain: datetime | None = None,
) -> History:
    """Read a customer's history as it stands at an instant.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customer_id : str
        The customer.
    at : datetime
        Now; reservations that expired before are left out.
    since : date
        Contacts of this day and earlier do not count under the caps.
    cooling : timedelta
        Refusals that we heard of this long ago and earlier are left out.
    erased_as : str, optional
        Mark of an earlier erasure of the customer (`features.erased`): refusals are kept under it.
    memory : timedelta
        How far back contacts count as made, and outcomes as won; at least as far as the caps look.
    certain : datetime, optional
        The instant by which reservations expire, where the clock may have jumped ahead. Default:
        `at`.
    """
    parameters = _bounds(at, since, cooling, memory) | {
        "customer_id": customer_id,
        "erased_as": erased_as,
        "at": certain or at,
    }
    rows = connection.execute(OF_ONE, parameters)
    return _history_of((tuple(row) for row in rows), at, since, cooling)


def contact_histories(
    connection: Connection,
    customers: Mapping[str, str],
    at: datetime,
    since: date,
    cooling: timedelta,
) -> dict[str, History]:
    """Read the histories of many customers in one statement, as they were known at an instant.

    Each is that of `contact_history` at that instant.

    Parameters
    ----------
    connection : Connection
        Of the records.
    customers : mapping of str to str
        Customer id -> the mark under which refusals of an earlier erasure are kept.
    at, since, cooling
        As in `contact_history`.

    Returns
    -------
    dict of str to History
        The customers of whom the records know anything; all others have no history.
    """
    parameters: dict[str, Any] = _bounds(at, since, cooling, timedelta(0))
    statement = OF_EVERYBODY
    if len(customers) <= MOST_NAMED:
        statement = OF_NAMED
        parameters |= {
            "customer_ids": list(customers),
            "customers_or_marks": [*customers, *customers.values()],
        }
    customer_of = {mark: customer for customer, mark in customers.items()}
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in connection.execute(statement, parameters):
        if row.recorded_at is not None and row.recorded_at > at:
            continue  # a list of an earlier instant knows nothing of it
        whose: str = customer_of.get(row.whose, row.whose)
        if whose in customers:
            rows[whose].append(tuple(row))
    return {whose: _history_of(theirs, at, since, cooling) for whose, theirs in rows.items()}


def _bounds(
    at: datetime, since: date, cooling: timedelta, memory: timedelta
) -> dict[str, date | datetime]:
    """Bind the parameters that say how far back the statement looks."""
    return {
        "at": at,
        "since_day": min(since, (at - memory).date()),
        "outcomes_since": at - max(cooling, memory),
    }


def _history_of(
    rows: Iterable[tuple[Any, ...]], at: datetime, since: date, cooling: timedelta
) -> History:
    """Put the rows of one customer together."""
    counted: list[CountedContact] = []
    last_contacts: dict[str, datetime] = {}
    reserved: list[ReservedContact] = []
    won: list[Won] = []
    events: dict[tuple[str, str], datetime] = {}
    last_refusals: dict[str, datetime] = {}
    marketing: dict[str | None, list[Consent]] = {}
    records: list[ConsentRecord] = []
    for row in rows:
        (
            what,
            channel,
            purpose,
            family,
            campaign,
            day,
            when,
            flag,
            recorded,
            at_point,
            text,
            plan,
            _whose,
        ) = row
        if what == "contact":
            days = frozenset((day.toordinal(), plan.toordinal()))
            contact = CountedContact(days, channel, purpose, family, campaign)
            if max(day, plan) > since:
                counted.append(contact)
            if text == "reserved":
                reserved.append(ReservedContact(at_point, recorded, contact))
            if flag:
                last_contacts[at_point] = max(when, last_contacts.get(at_point, when))
        elif what == "consent":
            records.append(ConsentRecord(purpose, channel, flag, when, recorded))
            if purpose == "marketing":
                marketing.setdefault(channel, []).append(Consent(flag, when))
        elif what == "event":
            events[at_point, text] = max(when, events.get((at_point, text), when))
        elif what in ENDINGS:
            won.append(Won(what, at_point, when))
        elif recorded > at - cooling:
            last_refusals[what] = max(recorded, last_refusals.get(what, recorded))
    latest = {channel: latest_consent(consents) for channel, consents in marketing.items()}
    return History(
        tuple(counted),
        last_refusals,
        latest,
        tuple(records),
        last_contacts,
        tuple(reserved),
        tuple(won),
        events,
    )
