"""Cap rules of tests, and an oracle that counts every window of days one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from serving.records.contacts.caps import ContactRequest
from serving.records.contacts.contact_caps import CapRule, ContactCaps, CoolingOff, QuietHours

CHINA = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 1, 31, 2, tzinfo=UTC)
RULES = ContactCaps(
    reservation_hours=36,
    rules={
        "day": CapRule(label="每日", most=1, per="day", purpose="marketing"),
        "week": CapRule(label="每周", most=2, per="week", service_passes=True),
        "month": CapRule(label="每月", most=4, per="month", purpose="marketing"),
        "sms": CapRule(label="短信", most=1, per="week", channel="sms"),
        "claims": CapRule(label="理赔", most=2, per="day", family="claims"),
        "campaign": CapRule(label="活动", most=1, per="month", campaign="*"),
    },
    quiet_hours={"sms": QuietHours(label="静默", begins=time(21), ends=time(9))},
    cooling_off=CoolingOff(label="冷静期", refused_days=0, opted_out_days=0),
    time_zones={},
)

Counted = tuple[ContactRequest, datetime | None]


def in_scope(rule: CapRule, one: ContactRequest, campaign: str | None) -> bool:
    return all(
        asked is None or asked == told
        for asked, told in (
            (rule.purpose, one.purpose),
            (rule.channel, one.channel),
            (rule.family, one.family),
            (campaign, one.campaign),
        )
    )


def days_of(one: ContactRequest, made: datetime | None) -> set[int]:
    """The civil days on which a contact counts: planned, and made."""
    moments = (one.planned_at, made or one.planned_at)
    return {at.astimezone(CHINA).date().toordinal() for at in moments}


def exceeded(rule: CapRule, counted: Sequence[Counted], new: ContactRequest) -> bool:
    """Count every window around a new contact, of its campaign, one by one."""
    if rule.campaign is not None and new.campaign is None:
        return False
    campaign = rule.campaign and new.campaign
    if not in_scope(rule, new, campaign):
        return False
    days = [days_of(one, made) for one, made in counted if in_scope(rule, one, campaign)]
    (day,) = days_of(new, None)
    windows = [
        set(range(first, first + rule.days)) for first in range(day - rule.days + 1, day + 1)
    ]
    return any(sum(not window.isdisjoint(one) for one in days) > rule.most for window in windows)
