"""What the caps must know of a customer, asked for in one statement."""

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
from serving.records.people.consents import Said, Word, latest, open_to
from serving.records.tables import consent_changes, contacts, outcomes

_k, _o, _c = contacts.c, outcomes.c, consent_changes.c
_NO_TEXT = cast(null(), String)
_NO_DAY, _NO_INSTANT, _NO_WORD = cast(null(), Date), cast(null(), Instant), cast(null(), Boolean)
_HISTORY = union_all(
    select(
        literal("contact", String).label("what"),
        _k.channel,
        _k.purpose,
        _k.family,
        _k.campaign,
        _k.local_day.label("day"),
        _NO_INSTANT.label("at"),
        _NO_WORD.label("granted"),
        _NO_INSTANT.label("recorded_at"),
    ).where(
        _k.customer_id == bindparam("customer_id"),
        _k.local_day > bindparam("since_day", type_=Date),
        (_k.state == "sent")
        | ((_k.state == "reserved") & (_k.reserved_until > bindparam("at", type_=Instant))),
    ),
    select(
        _o.kind, _o.channel, *[_NO_TEXT] * 3, _NO_DAY, _o.occurred_at, _NO_WORD, _NO_INSTANT
    ).where(
        _o.customer_id == bindparam("customer_id"),
        _o.occurred_at > bindparam("cooling_since", type_=Instant),
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
    ).where(
        (_c.customer_id == bindparam("customer_id")) | (_c.customer_id == bindparam("erased_as"))
    ),
)


@dataclass(frozen=True)
class Made:
    """A contact that counts: it was sent, or has its place."""

    day: int
    channel: str
    purpose: str
    family: str
    campaign: str | None


@dataclass(frozen=True)
class History:
    """A customer's contacts, refusals and words on marketing.

    Parameters
    ----------
    contacts : tuple of Made
        Days are those of the customer's time zone, as proleptic Gregorian ordinals.
    last : dict of str to datetime
        When the customer last `refused` and last `opted_out`, as far as that may matter.
    words : dict of channel or None to Word
        The latest word on marketing by a channel, and under None on all marketing.
    said : tuple of Said
        Everything the customer ever said of consents.
    """

    contacts: tuple[Made, ...]
    last: Mapping[str, datetime]
    words: Mapping[str | None, Word]
    said: tuple[Said, ...] = ()

    def closed(self, channel: str) -> bool:
        """Whether the customer closed a channel to marketing."""
        whole, by_channel = self.words.get(None), self.words.get(channel)
        if by_channel is None:
            return whole is not None and not whole.granted
        return not open_to(whole, by_channel)


def contact_history(
    connection: Connection,
    customer_id: str,
    at: datetime,
    since: date,
    cooling: timedelta,
    erased_as: str | None = None,
) -> History:
    """A customer's history as it stands at `at`.

    Parameters
    ----------
    since : date
        Contacts of this day and earlier do not matter.
    cooling : timedelta
        Refusals that are as old do not matter.
    erased_as : str, optional
        What stands for the customer since an erasure, which a refusal outlives.
    """
    given = {
        "customer_id": customer_id,
        "erased_as": erased_as,
        "at": at,
        "since_day": since,
        "cooling_since": at - cooling,
    }
    made: list[Made] = []
    last: dict[str, datetime] = {}
    words: dict[str | None, list[Word]] = {}
    said: list[Said] = []
    rows = connection.execute(_HISTORY, given)
    for what, channel, purpose, family, campaign, day, when, granted, recorded in rows:
        if what == "contact":
            made.append(Made(day.toordinal(), channel, purpose, family, campaign))
        elif what == "consent":
            said.append(Said(purpose, channel, granted, when, recorded))
            if purpose == "marketing":
                words.setdefault(channel, []).append(Word(granted, when))
        else:
            last[what] = max(when, last.get(what, when))
    spoken = {channel: latest(found) for channel, found in words.items()}
    return History(tuple(made), last, spoken, tuple(said))
