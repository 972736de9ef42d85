"""Read what the records know of a customer, in one statement: for the caps, and for what is due."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    CompoundSelect,
    Connection,
    Date,
    String,
    bindparam,
    cast,
    literal,
    null,
    or_,
    select,
    union_all,
)

from serving.records.columns import Instant
from serving.records.contacts.made_contacts import COUNTS, IS_MADE, MADE_AT, WON
from serving.records.people.consents import (
    Consent,
    ConsentRecord,
    is_channel_open,
    latest_consent,
)
from serving.records.tables import consent_changes, contacts, due_touchpoints, outcomes
from serving.touchpoints.endings import ENDINGS, Won

_k, _o, _c, _u = contacts.c, outcomes.c, consent_changes.c, due_touchpoints.c
_NO_TEXT = cast(null(), String)
_NO_DAY, _NO_INSTANT, _NO_FLAG = cast(null(), Date), cast(null(), Instant), cast(null(), Boolean)
_HISTORY: CompoundSelect[Any] = union_all(
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
    ).where(
        _k.customer_id == bindparam("customer_id"),
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
    )
    .select_from(outcomes.outerjoin(contacts, _k.contact_id == _o.contact_id))
    .where(
        _o.customer_id == bindparam("customer_id"),
        _o.recorded_at > bindparam("outcomes_since", type_=Instant),
        or_((_o.kind == "refused") | (_o.kind == "opted_out"), WON),  # `in` is compiled each time
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
    ).where(_u.customer_id == bindparam("customer_id"), _u.until > bindparam("at", type_=Instant)),
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
    ).where(
        (_c.customer_id == bindparam("customer_id")) | (_c.customer_id == bindparam("erased_as"))
    ),
)


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
    parameters = {
        "customer_id": customer_id,
        "erased_as": erased_as,
        "at": certain or at,
        "since_day": min(since, (at - memory).date()),
        "outcomes_since": at - max(cooling, memory),
    }
    counted: list[CountedContact] = []
    last_contacts: dict[str, datetime] = {}
    reserved: list[ReservedContact] = []
    won: list[Won] = []
    events: dict[tuple[str, str], datetime] = {}
    last_refusals: dict[str, datetime] = {}
    marketing: dict[str | None, list[Consent]] = {}
    records: list[ConsentRecord] = []
    rows = connection.execute(_HISTORY, parameters)
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
