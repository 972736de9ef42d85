"""Read the contact history of a customer, on which the caps decide, in one statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import (
    Boolean,
    Connection,
    Date,
    String,
    bindparam,
    cast,
    literal,
    null,
    select,
    union_all,
)

from serving.records.columns import Instant
from serving.records.people.consents import (
    Consent,
    ConsentRecord,
    is_channel_open,
    latest_consent,
)
from serving.records.tables import consent_changes, contacts, outcomes

_k, _o, _c = contacts.c, outcomes.c, consent_changes.c
_NO_TEXT = cast(null(), String)
_NO_DAY, _NO_INSTANT, _NO_FLAG = cast(null(), Date), cast(null(), Instant), cast(null(), Boolean)
_HISTORY = union_all(
    select(
        literal("contact", String).label("what"),
        _k.channel,
        _k.purpose,
        _k.family,
        _k.campaign,
        _k.local_day.label("day"),
        _NO_INSTANT.label("at"),
        _NO_FLAG.label("granted"),
        _NO_INSTANT.label("recorded_at"),
        _k.planned_day,
    ).where(
        _k.customer_id == bindparam("customer_id"),
        (_k.local_day > bindparam("since_day", type_=Date))
        | (_k.planned_day > bindparam("since_day", type_=Date)),
        (_k.state == "sent")
        | ((_k.state == "reserved") & (_k.reserved_until > bindparam("at", type_=Instant))),
    ),
    select(
        _o.kind,
        _o.channel,
        *[_NO_TEXT] * 3,
        _NO_DAY,
        _o.recorded_at,  # peace begins when we hear of it: a date may be too early
        _NO_FLAG,
        _NO_INSTANT,
        _NO_DAY,
    ).where(
        _o.customer_id == bindparam("customer_id"),
        _o.recorded_at > bindparam("cooling_since", type_=Instant),
        (_o.kind == "refused") | (_o.kind == "opted_out"),  # `in` would be compiled each time
    ),
    select(
        literal("consent", String),
        _c.channel,
        _c.purpose,
        *[_NO_TEXT] * 2,
        _NO_DAY,
        _c.changed_at,
        _c.granted,
        _c.recorded_at,
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
    """

    contacts: tuple[CountedContact, ...]
    last_refusals: Mapping[str, datetime]
    marketing: Mapping[str | None, Consent]
    consent_records: tuple[ConsentRecord, ...] = ()

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
        Contacts of this day and earlier are left out.
    cooling : timedelta
        Refusals that we heard of this long ago and earlier are left out.
    erased_as : str, optional
        Mark of an earlier erasure of the customer (`features.erased`): refusals are kept under it.
    """
    parameters = {
        "customer_id": customer_id,
        "erased_as": erased_as,
        "at": at,
        "since_day": since,
        "cooling_since": at - cooling,
    }
    counted: list[CountedContact] = []
    last_refusals: dict[str, datetime] = {}
    marketing: dict[str | None, list[Consent]] = {}
    records: list[ConsentRecord] = []
    rows = connection.execute(_HISTORY, parameters)
    for what, channel, purpose, family, campaign, day, when, granted, recorded, planned in rows:
        if what == "contact":
            days = frozenset((day.toordinal(), planned.toordinal()))
            counted.append(CountedContact(days, channel, purpose, family, campaign))
        elif what == "consent":
            records.append(ConsentRecord(purpose, channel, granted, when, recorded))
            if purpose == "marketing":
                marketing.setdefault(channel, []).append(Consent(granted, when))
        else:
            last_refusals[what] = max(when, last_refusals.get(what, when))
    latest = {channel: latest_consent(consents) for channel, consents in marketing.items()}
    return History(tuple(counted), last_refusals, latest, tuple(records))
