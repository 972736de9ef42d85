"""Apply the cap rules: which rule blocks a contact, and until when. No database, no clock.

Of several rules that block it the strongest is named: the one that holds longest.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from serving.records.contacts.contact_caps import SAME_CAMPAIGN, CapRule, ContactCaps, Purpose
from serving.records.contacts.history import CountedContact, History

MOST_STEPS = 400
QUIET = "quiet_hours."
"""Prefix of the name of a quiet-hours rule; the channel follows."""
PERIODS = {"day": ("每日", "a day"), "week": ("每周", "a week"), "month": ("每月", "a month")}


@dataclass(frozen=True)
class Block:
    """Why a contact may not be made at a time, and until when that reason holds.

    Parameters
    ----------
    rule, label : str
        Name of the rule, and its Chinese name.
    chinese, english : str
        The reason in words.
    clears_at : datetime or None
        When the rule stops blocking, if no other contact is made until then; None: never.
    """

    rule: str
    label: str
    chinese: str
    english: str
    clears_at: datetime | None


@dataclass(frozen=True)
class Plan:
    """When a contact would be made, and the rule that blocks it then, if any."""

    at: datetime
    block: Block | None


@dataclass(frozen=True)
class ContactTraits:
    """The properties of a requested contact that the rules look at."""

    family: str
    purpose: Purpose
    channel: str
    campaign: str | None
    zone: ZoneInfo
    inbound: bool = False


def strongest_block(
    caps: ContactCaps, history: History, traits: ContactTraits, at: datetime
) -> Block | None:
    """Find the rule that blocks a contact at an instant for the longest time, if any does.

    Parameters
    ----------
    caps : ContactCaps
        The rules.
    history : History
        The customer's history.
    traits : ContactTraits
        The contact.
    at : datetime
        When it would be made.
    """
    return _strongest(_blocks(caps, history, traits, at))


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
        The rules are evaluated once, and again only if quiet hours move the contact.
    """
    blocks = list(_blocks(caps, history, traits, at))
    quiet = next((block for block in blocks if block.rule.startswith(QUIET)), None)
    if quiet is None or quiet.clears_at is None:
        return Plan(at, _strongest(blocks))
    return Plan(quiet.clears_at, strongest_block(caps, history, traits, quiet.clears_at))


def next_free(
    caps: ContactCaps, history: History, traits: ContactTraits, at: datetime
) -> datetime | None:
    """Find the first instant at which no rule blocks a contact; None if there is none.

    A contact that is reserved meanwhile may take the place.

    Parameters
    ----------
    caps : ContactCaps
        The rules.
    history : History
        The customer's history.
    traits : ContactTraits
        The contact.
    at : datetime
        Earliest instant.
    """
    for _ in range(MOST_STEPS):
        block = strongest_block(caps, history, traits, at)
        if block is None:
            return at
        if block.clears_at is None:
            return None
        at = block.clears_at
    return None


def fits(contacts: Sequence[Collection[int]], day: int, width: int, most: int) -> bool:
    """Check whether one more contact keeps every window of days within the cap.

    Parameters
    ----------
    contacts : sequence of collection of int
        The days of each existing contact, as ordinals; a window that has one of them holds it.
    day : int
        Day of the new contact, as ordinal.
    width : int
        Length of a window in days.
    most : int
        Most contacts in any window.

    Examples
    --------
    >>> fits([{1}, {8}], 9, width=7, most=2), fits([{3}, {8}], 9, width=7, most=2)
    (True, False)
    >>> fits([{12}, {13}], 9, width=7, most=2)
    False
    >>> fits([{8, 9}], 8, width=1, most=1), fits([{8, 9}], 10, width=1, most=1)
    (False, True)
    """
    around = [days for days in contacts if any(abs(other - day) < width for other in days)]
    return len(around) < most or all(
        sum(any(first <= other < first + width for other in days) for days in around) < most
        for first in range(day - width + 1, day + 1)
    )


def _strongest(blocks: Iterable[Block]) -> Block | None:
    """Choose the block that holds longest; of several, the first."""
    never = datetime.max.replace(tzinfo=UTC)
    return max(blocks, key=lambda block: block.clears_at or never, default=None)


def _blocks(
    caps: ContactCaps, history: History, traits: ContactTraits, at: datetime
) -> Iterator[Block]:
    marketing = traits.purpose == "marketing"
    if marketing and history.is_closed(traits.channel):
        yield Block("opted_out", "已退订", "客户已退订", "the customer opted out", None)
    if marketing:
        yield from _cooling(caps, history, at)
    quiet = None if traits.inbound else caps.quiet_hours.get(traits.channel)
    local = at.astimezone(traits.zone)
    if quiet and quiet.covers(local.time()) and (marketing or not quiet.service_passes):
        chinese = f"免打扰时段 {quiet.begins:%H:%M}-{quiet.ends:%H:%M}"
        english = f"quiet hours {quiet.begins:%H:%M}-{quiet.ends:%H:%M}"
        later = local.time() >= quiet.ends
        clears = _instant(local.date() + timedelta(days=later), quiet.ends, traits.zone)
        yield Block(f"{QUIET}{traits.channel}", quiet.label, chinese, english, clears)
    day = local.date().toordinal()
    for name, rule in caps.rules.items():
        if _binds(rule, traits):
            counted = [
                contact.days for contact in history.contacts if _counts(rule, traits, contact)
            ]
            if len(counted) >= rule.most and not fits(counted, day, rule.days, rule.most):
                yield _full(name, rule, counted, day, traits.zone)


def _cooling(caps: ContactCaps, history: History, at: datetime) -> Iterator[Block]:
    rule = caps.cooling_off
    for kind, days in (("refused", rule.refused_days), ("opted_out", rule.opted_out_days)):
        refusals = history.last_refusals
        clears = refusals[kind] + timedelta(days=days) if kind in refusals else at
        if clears > at:
            act = {"refused": ("拒绝", "refusal"), "opted_out": ("退订", "opt-out")}[kind]
            chinese = f"客户{act[0]}后{days}天内不营销"
            english = f"no marketing within {days} days of the customer's {act[1]}"
            yield Block("cooling_off", rule.label, chinese, english, clears)


def _full(
    name: str, rule: CapRule, counted: Sequence[Collection[int]], day: int, zone: ZoneInfo
) -> Block:
    chinese, english = PERIODS[rule.per]
    clears = None
    if rule.most > 0:
        # A place becomes free only on a day on which an earlier contact leaves the window.
        ends = {past + rule.days for days in counted for past in days}
        later = sorted(end for end in ends if end > day)
        free = next(start for start in later if fits(counted, start, rule.days, rule.most))
        clears = _instant(date.fromordinal(free), time(), zone)
    return Block(
        name,
        rule.label,
        f"{rule.label}：{chinese}最多{rule.most}次",
        f"{rule.most} {english} are reached",
        clears,
    )


def _binds(rule: CapRule, traits: ContactTraits) -> bool:
    """Check whether a rule may block a contact."""
    if traits.purpose == "service" and rule.service_passes:
        return False
    if rule.campaign == SAME_CAMPAIGN and traits.campaign is None:
        return False
    return _counts(rule, traits, traits)


def _counts(rule: CapRule, traits: ContactTraits, contact: CountedContact | ContactTraits) -> bool:
    """Check whether a rule counts a contact when it is applied to a request with these traits."""
    campaign = traits.campaign if rule.campaign == SAME_CAMPAIGN else rule.campaign
    return (
        rule.purpose in (None, contact.purpose)
        and rule.channel in (None, contact.channel)
        and rule.family in (None, contact.family)
        and campaign in (None, contact.campaign)
    )


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Convert a local time to an instant; of two instants (daylight saving) take the later one."""
    at = datetime.combine(day, clock, zone)
    return max(at.astimezone(UTC), at.replace(fold=1).astimezone(UTC))
