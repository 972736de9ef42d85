"""Which rule holds a contact back, and from when on none does: no database, no clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from serving.records.contacts.contact_caps import SAME_CAMPAIGN, CapRule, ContactCaps, Purpose
from serving.records.contacts.history import History, Made

MOST_STEPS = 400
QUIET = "quiet_hours."
"""Begins the name of a rule of quiet hours; the channel follows."""
PERIODS = {"day": ("每日", "a day"), "week": ("每周", "a week"), "month": ("每月", "a month")}


@dataclass(frozen=True)
class Block:
    """Why a contact may not be made at a time, and until when that reason holds.

    Parameters
    ----------
    clears_at : datetime or None
        From then on this rule no longer holds it back, as far as is known now; None: for good.
    """

    rule: str
    label: str
    chinese: str
    english: str
    clears_at: datetime | None


@dataclass(frozen=True)
class Plan:
    """When a contact would be made, and the rule that holds it back then, if one does."""

    at: datetime
    block: Block | None


@dataclass(frozen=True)
class ContactTraits:
    """What the rules look at of a contact that is wanted."""

    family: str
    purpose: Purpose
    channel: str
    campaign: str | None
    zone: ZoneInfo


def first_block(
    caps: ContactCaps, history: History, traits: ContactTraits, at: datetime
) -> Block | None:
    """The first rule that holds a contact back at `at`, if any does."""
    return next(_blocks(caps, history, traits, at), None)


def plan(caps: ContactCaps, history: History, traits: ContactTraits, at: datetime) -> Plan:
    """Plan a contact for `at`, or in quiet hours for their end.

    Parameters
    ----------
    caps : ContactCaps
        The rules.
    history : History
        Contacts, refusals and consents of the customer, read in the same transaction.
    traits : ContactTraits
        The contact.
    at : datetime
        When it would be made at the earliest.

    Returns
    -------
    Plan
        The rules are asked once, and a second time only where quiet hours move the contact.
    """
    block = first_block(caps, history, traits, at)
    if block is None or block.clears_at is None or not block.rule.startswith(QUIET):
        return Plan(at, block)
    return Plan(block.clears_at, first_block(caps, history, traits, block.clears_at))


def next_free(
    caps: ContactCaps, history: History, traits: ContactTraits, at: datetime
) -> datetime | None:
    """The first instant from `at` on at which no rule holds the contact back, if there is one.

    As far as is known now: a contact reserved meanwhile may take the place.
    """
    for _ in range(MOST_STEPS):
        block = first_block(caps, history, traits, at)
        if block is None:
            return at
        if block.clears_at is None:
            return None
        at = block.clears_at
    return None


def fits(days: Sequence[int], day: int, width: int, most: int) -> bool:
    """Whether one more contact on `day` leaves at most `most` in any `width` days on end.

    Parameters
    ----------
    days : sequence of int
        Days of the contacts there are, in any order.

    Examples
    --------
    >>> fits([1, 8], 9, width=7, most=2), fits([3, 8], 9, width=7, most=2)
    (True, False)
    >>> fits([12, 13], 9, width=7, most=2)
    False
    """
    days_around = sorted([*(one for one in days if abs(one - day) < width), day])
    spans = zip(days_around, days_around[most:], strict=False)
    return not any(first <= day <= last and last - first < width for first, last in spans)


def _blocks(
    caps: ContactCaps, history: History, traits: ContactTraits, at: datetime
) -> Iterator[Block]:
    marketing = traits.purpose == "marketing"
    if marketing and history.closed(traits.channel):
        yield Block("opted_out", "已退订", "客户已退订", "the customer opted out", None)
    if marketing:
        yield from _cooling(caps, history, at)
    quiet = caps.quiet_hours.get(traits.channel)
    local = at.astimezone(traits.zone)
    if quiet and quiet.hold(local.time()) and (marketing or not quiet.service_passes):
        chinese = f"免打扰时段 {quiet.begins:%H:%M}-{quiet.ends:%H:%M}"
        english = f"quiet hours {quiet.begins:%H:%M}-{quiet.ends:%H:%M}"
        later = local.time() >= quiet.ends
        clears = _instant(local.date() + timedelta(days=later), quiet.ends, traits.zone)
        yield Block(f"{QUIET}{traits.channel}", quiet.label, chinese, english, clears)
    day = local.date().toordinal()
    for name, rule in caps.rules.items():
        if _binds(rule, traits):
            days = [made.day for made in history.contacts if _counts(rule, traits, made)]
            if len(days) >= rule.most and not fits(days, day, rule.days, rule.most):
                yield _full(name, rule, days, day, traits.zone)


def _cooling(caps: ContactCaps, history: History, at: datetime) -> Iterator[Block]:
    rule = caps.cooling_off
    for kind, days in (("refused", rule.refused_days), ("opted_out", rule.opted_out_days)):
        clears = history.last[kind] + timedelta(days=days) if kind in history.last else at
        if clears > at:
            did = {"refused": ("拒绝", "refusal"), "opted_out": ("退订", "opt-out")}[kind]
            chinese = f"客户{did[0]}后{days}天内不营销"
            english = f"no marketing within {days} days of the customer's {did[1]}"
            yield Block("cooling_off", rule.label, chinese, english, clears)


def _full(name: str, rule: CapRule, days: list[int], day: int, zone: ZoneInfo) -> Block:
    chinese, english = PERIODS[rule.per]
    clears = None
    if rule.most > 0:
        # A place comes free on the day after a contact has left the window, and on no other.
        later = sorted(one + rule.days for one in days if one + rule.days > day)
        free = next(one for one in later if fits(days, one, rule.days, rule.most))
        clears = _instant(date.fromordinal(free), time(), zone)
    return Block(
        name,
        rule.label,
        f"{rule.label}: {chinese}最多{rule.most}次",
        f"{rule.most} {english} are reached",
        clears,
    )


def _binds(rule: CapRule, traits: ContactTraits) -> bool:
    """Whether a rule may hold a contact back."""
    if traits.purpose == "service" and rule.service_passes:
        return False
    if rule.campaign == SAME_CAMPAIGN and traits.campaign is None:
        return False
    return _counts(rule, traits, traits)


def _counts(rule: CapRule, traits: ContactTraits, made: Made | ContactTraits) -> bool:
    """Whether a contact is in the scope of a rule, when it judges a contact of these traits."""
    campaign = traits.campaign if rule.campaign == SAME_CAMPAIGN else rule.campaign
    return (
        rule.purpose in (None, made.purpose)
        and rule.channel in (None, made.channel)
        and rule.family in (None, made.family)
        and campaign in (None, made.campaign)
    )


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """A time of day as an instant; where daylight saving has two for it, or none, the later one."""
    at = datetime.combine(day, clock, zone)
    return max(at.astimezone(UTC), at.replace(fold=1).astimezone(UTC))
