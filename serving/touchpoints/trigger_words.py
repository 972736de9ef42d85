"""Describe when a touchpoint is due, for people and for the generated page."""

from features.events.event_types import EVENTS
from features.tags.catalogue import catalogue
from serving.touchpoints.fields import ONCE, Trigger

OCCASIONS = {"holiday": "节日", "weather": "天气预警"}


def describe_trigger(trigger: Trigger) -> str:
    """Describe days, events and how often, in a phrase.

    Examples
    --------
    >>> viewed = Trigger(
    ...     by="system", events=("quote_viewed",), delay_minutes=1440, once_per="event")
    >>> describe_trigger(viewed)
    '1 day after quote_viewed, once per event 每次事件'
    >>> describe_trigger(Trigger(by="system", months=(6, 11), once_per="event"))
    'in months 6, 11, once per event 每次事件'
    """
    parts = []
    if trigger.window:
        window = trigger.window
        label = catalogue()[window.tag].label
        days = f"{window.first} to {window.last}" if window.first != window.last else window.first
        parts.append(f"{label} {window.tag} {days}")
    if trigger.months:
        parts.append(f"in months {', '.join(map(str, trigger.months))}")
    if trigger.occasion:
        parts.append(f"{_quantity(trigger.days_before, 'day')} before {trigger.occasion}")
    for event in trigger.events:
        parts.append(f"{_delay(trigger.delay_minutes)} after {event}")
    every = f"once per {trigger.once_per} {ONCE[trigger.once_per]}"
    return ", ".join([" or ".join(parts) or "at any time", every])


def describe_trigger_in_chinese(trigger: Trigger) -> str:
    """Describe days, events and how often, in a Chinese phrase.

    Examples
    --------
    >>> viewed = Trigger(
    ...     by="system", events=("quote_viewed",), delay_minutes=1440, once_per="event")
    >>> describe_trigger_in_chinese(viewed)
    '报价查看 1 天后，每次事件一次'
    >>> describe_trigger_in_chinese(Trigger(by="system", months=(6, 11), once_per="year"))
    '6、11 月，每年一次'
    """
    parts = []
    if trigger.window:
        window = trigger.window
        days = f"{window.first} 至 {window.last}" if window.first != window.last else window.first
        parts.append(f"{catalogue()[window.tag].label}为 {days}")
    if trigger.months:
        parts.append(f"{'、'.join(map(str, trigger.months))} 月")
    if trigger.occasion:
        before = f"前 {trigger.days_before} 天" if trigger.days_before else "当天"
        parts.append(f"{OCCASIONS[trigger.occasion]}{before}")
    for event in trigger.events:
        parts.append(f"{EVENTS[event].label}{_chinese_delay(trigger.delay_minutes)}")
    return f"{'，或'.join(parts) or '任何时候'}，{ONCE[trigger.once_per]}一次"


def _chinese_delay(minutes: int) -> str:
    for size, unit in ((1440, "天"), (60, "小时")):
        if minutes and minutes % size == 0:
            return f" {minutes // size} {unit}后"
    return f" {minutes} 分钟后" if minutes else "后立即"


def _delay(minutes: int) -> str:
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes and minutes % size == 0:
            return _quantity(minutes // size, unit)
    return _quantity(minutes, "minute") if minutes else "at once"


def _quantity(number: int, unit: str) -> str:
    return f"{number} {unit}" + ("" if number == 1 else "s")
