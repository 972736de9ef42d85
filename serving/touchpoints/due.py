"""Decide whether a touchpoint is due for a customer: the one answer of all who ask.

`/decide`, `/v1/due` and `guanjia triggers` mean the same by "due". The first two call `standing`;
the triggers of a whole snapshot are the same rules as SQL (`trigger_sql`), and a test holds the two
together. Pure functions: no clock, no database.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

from features.tags.catalogue import catalogue
from serving.touchpoints.endings import (
    BOUGHT_DAYS,
    SIGNED,
    Past,
    endings,
    products,
    renewal_is_pending,
)
from serving.touchpoints.fields import Touchpoint, Trigger
from serving.touchpoints.occasions import Occasion, timely_occasions
from serving.touchpoints.tag_days import tag_age, tags_on

YEAR_DAYS = 365
CONTACTED = "touchpoints_contacted"
State = Literal["due", "not_due", "stale", "made", "ended"]


@dataclass(frozen=True)
class Timing:
    """Why a touchpoint is timely on a day.

    Attributes
    ----------
    reason : str
        A tag with its value, an occasion, a month, an event.
    first, last : date
        First and last day of the window.
    since : date or datetime
        From when on a contact counts as made about the same term, event or entitlement.
    """

    reason: str
    first: date
    last: date
    since: date | datetime


@dataclass(frozen=True)
class Standing:
    """How a touchpoint stands with a customer on a day.

    Attributes
    ----------
    state : {"due", "not_due", "stale", "made", "ended"}
        "stale": the tags are too old to tell. "made": the contact was made already. "ended": what
        it is about was signed or bought.
    timing : Timing or None
        Why it is timely; None if it is not, or the tags cannot tell.
    """

    state: State
    timing: Timing | None = None


STALE, NOT_DUE = Standing("stale"), Standing("not_due")


@dataclass(frozen=True)
class Customer:
    """What is known of a customer when it is asked what is due.

    Attributes
    ----------
    tags : Mapping[str, object]
        Tags by name, with `as_of` and `newer` (`features.online.reader`).
    today : date
        The day of the question, by which tags are old or new.
    zone : ZoneInfo
        The insurer's time zone, whose days count.
    past : Past
        What the records know.
    """

    tags: Mapping[str, Any]
    today: date
    zone: ZoneInfo
    past: Past = field(default_factory=Past)

    @cached_property
    def _moved(self) -> dict[date, dict[str, Any]]:
        """Tags by the day to which they were moved: a decision asks about one day or two."""
        return {}

    def tags_on(self, day: date) -> Mapping[str, Any]:
        """Return the tags as they stand on a day."""
        if day not in self._moved:
            self._moved[day] = tags_on(self.tags, day)
        return self._moved[day]

    @cached_property
    def _age(self) -> int:
        """Age of all tags together."""
        return tag_age(self.tags, self.today)

    def age_of(self, trigger: Trigger) -> int:
        """Return the age in days of the tags that a trigger reads."""
        if not self.tags.get("newer"):
            return self._age
        return tag_age(self.tags, self.today, trigger.tags_read)

    @cached_property
    def contacts(self) -> dict[str, datetime]:
        """Touchpoint -> last contact, by our records and by the core system's interactions."""
        last = read_contacts(self.tags.get(CONTACTED))
        for name, at in self.past.contacts.items():
            last[name] = max(at, last.get(name, at))
        return last

    @cached_property
    def signed_on(self) -> date | None:
        """Day on which a motor policy was last signed, as far as the tags know."""
        days = self.tags_on(self.today).get(SIGNED)
        return None if days is None else self.today - timedelta(days)

    def day_of(self, at: datetime) -> date:
        """Return the civil day of an instant."""
        return at.astimezone(self.zone).date()


def standing(
    name: str,
    touchpoint: Touchpoint,
    customer: Customer,
    day: date,
    *,
    occasions: Sequence[Occasion] = (),
    happened: Collection[str] = (),
    event_at: datetime | None = None,
) -> Standing:
    """Say whether a touchpoint is due for a customer by a contact on a day.

    Parameters
    ----------
    name : str
        Name of the touchpoint.
    touchpoint : Touchpoint
        The touchpoint as declared for the customer's branch and stage.
    customer : Customer
        What is known of the customer.
    day : date
        Civil day on which the contact is made.
    occasions : sequence of Occasion
        Holidays and weather warnings.
    happened : collection of str
        Kinds of events and occasions that bring the customer here.
    event_at : datetime, optional
        When the event occurred that makes it due, if that is known.
    """
    trigger = touchpoint.trigger
    brought = _brought(trigger, happened) if happened else None
    by_window = trigger.window is not None and brought is None
    if customer.age_of(trigger) > trigger.oldest_tags(by_window=by_window):
        return STALE
    tags = customer.tags_on(day)
    if not trigger.met(tags):
        return NOT_DUE
    if brought is not None:
        value = tags.get(trigger.window.tag) if trigger.window else None
        since = _since_event(trigger, value, day, event_at)
        timings = [Timing(brought, day, day, since)]
    else:
        timings = list(_timings(trigger, tags, day, occasions))
    if not timings:
        return NOT_DUE
    if _is_ended(touchpoint, customer):
        return Standing("ended", timings[0])
    left = [timing for timing in timings if not _is_made(name, timing.since, customer)]
    if not left:
        return Standing("made", timings[0])
    # Of two warnings at once the one that began first, as in the triggers of a snapshot.
    first = min(left, key=lambda timing: (timing.first, -timing.last.toordinal(), timing.reason))
    return Standing("due", first)


def read_contacts(text: str | None) -> dict[str, datetime]:
    """Read the tag `touchpoints_contacted`: touchpoint -> last contact.

    Examples
    --------
    >>> read_contacts("birthday:1782864000")["birthday"].isoformat()
    '2026-07-01T00:00:00+00:00'
    """
    pairs = (entry.rpartition(":") for entry in text.split(";")) if text else ()
    return {name: datetime.fromtimestamp(int(seconds), UTC) for name, _, seconds in pairs}


def longest_memory(touchpoints: Collection[Touchpoint]) -> timedelta:
    """Return how far back a contact may lie and still count as made, for any of the touchpoints."""
    days = YEAR_DAYS
    for touchpoint in touchpoints:
        window, trigger = touchpoint.trigger.window, touchpoint.trigger
        days = max(days, trigger.days_after, max(window.first, window.last) if window else 0)
    return timedelta(days + 1)


def _brought(trigger: Trigger, happened: Collection[str]) -> str | None:
    """Return what happened that makes the touchpoint due; None if nothing did."""
    kinds = (*trigger.events, trigger.occasion)
    return next((kind for kind in kinds if kind is not None and kind in happened), None)


def _timings(
    trigger: Trigger, tags: Mapping[str, Any], day: date, occasions: Sequence[Occasion]
) -> Iterator[Timing]:
    """Yield why a day is timely without an event; nothing if it is not."""
    window = trigger.window
    if window is not None:
        value = tags.get(window.tag)
        # Whichever of the two is the lower: days_to_ falls and days_since_ rises.
        if value is not None and (window.first - value) * (value - window.last) >= 0:
            zero = day - timedelta(window.step * value)
            first, last = (
                zero + timedelta(window.step * days) for days in (window.first, window.last)
            )
            reason = f"{_label(window.tag)} {value}"
            since = zero if window.step > 0 else first
            yield Timing(reason, first, last, _since(trigger, since, day))
    elif trigger.months:
        if day.month in trigger.months:
            first = day.replace(day=1)
            last = (first + timedelta(31)).replace(day=1) - timedelta(1)
            yield Timing(f"{day.month}月", first, last, _since(trigger, first, day))
    elif trigger.occasion:
        before = trigger.days_before
        for occasion in timely_occasions(
            occasions, trigger.occasion, tags.get("branch"), day, before
        ):
            begins = occasion.begins - timedelta(before)
            reason = f"{occasion.label} {occasion.begins}"
            yield Timing(reason, begins, occasion.ends, _since(trigger, begins, day))
    elif trigger.daily:
        yield Timing("符合条件", day, day, _since(trigger, day, day))


@cache
def _label(tag: str) -> str:
    return catalogue()[tag].label


def _since(trigger: Trigger, since: date, day: date) -> date:
    """Return the day from which a contact counts as made, of once a year 365 days ago."""
    # A contact on the same day of last year was of last year.
    return day - timedelta(YEAR_DAYS - 1) if trigger.once_per == "year" else since


def _since_event(
    trigger: Trigger, value: int | None, day: date, event_at: datetime | None
) -> date | datetime:
    """Return from when on a contact counts as made about what an event makes due.

    A term or an entitlement began on the day on which its tag was 0. Where nobody knows when the
    event occurred, a contact within the days in which it makes the touchpoint due, or since the
    eve of an occasion, is taken to be about the same one.
    """
    if trigger.once_per == "year":
        return _since(trigger, day, day)
    if trigger.once_per == "event" and event_at is not None:
        return event_at
    if trigger.window is not None and trigger.window.step > 0 and value is not None and value >= 0:
        return day - timedelta(value)
    within = trigger.days_before if trigger.occasion else trigger.days_after - 1
    return event_at or day - timedelta(within)


def _is_made(name: str, since: date | datetime, customer: Customer) -> bool:
    last = customer.contacts.get(name)
    if last is None:
        return False
    return last >= since if isinstance(since, datetime) else customer.day_of(last) >= since


def _is_ended(touchpoint: Touchpoint, customer: Customer) -> bool:
    """Check whether what the touchpoint is about was renewed or bought, as outcomes say."""
    past, today = customer.past, customer.today
    if past.renewed is None and not past.bought:
        return False
    ends = endings(touchpoint)
    if "renewed" in ends and past.renewed is not None:
        reported = customer.day_of(past.renewed)
        if renewal_is_pending(reported, customer.signed_on, today):
            return True
    return "bought" in ends and any(
        today < customer.day_of(past.bought[line]) + timedelta(BOUGHT_DAYS)
        for line in products(touchpoint) & past.bought.keys()
    )
