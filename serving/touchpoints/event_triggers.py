"""Touchpoints that an event makes due at once: a claim is reported, a quote is looked at.

Pure functions: what is due follows from the event, the customer's tags after it, and the catalogue.
Whoever accepts events writes it down, and asks `still_due` when its time has come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from features.events.event_types import Event
from serving.touchpoints.catalogue import Catalogue
from serving.touchpoints.fields import Channel, Touchpoint

Tags = Mapping[str, Any]


@dataclass(frozen=True)
class Due:
    """One touchpoint that is due to a customer after an event.

    Attributes
    ----------
    reason : str
        The event's Chinese name, and its id.
    due_at, until : datetime
        From when, within the hours of the touchpoint, and until when it is timely, in UTC.
    channels : tuple of str
        Candidates, best first, for the customer's star.
    """

    customer_id: str
    touchpoint: str
    event_id: str
    reason: str
    due_at: datetime
    until: datetime
    kind: str
    by: str
    channels: tuple[Channel, ...]
    service: str
    star: int | None


def triggered_by(
    catalogue: Catalogue, event: Event, tags: Tags, timezone: str = "Asia/Shanghai"
) -> list[Due]:
    """What an accepted event makes due, in the order of the catalogue.

    Parameters
    ----------
    tags : Mapping
        The customer's tags with the event in them. What is not there is not known, and a condition
        that is not known to hold does not.
    timezone : str
        Where the hours of the touchpoints are those of the clock.

    Examples
    --------
    >>> from features.events.event_types import EVENTS
    >>> from serving.touchpoints.catalogue import shipped_touchpoints
    >>> at = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
    >>> claim = Event("E1", EVENTS["claim_reported"], "C1", at, {"claim_id": "L1"})
    >>> (due,) = triggered_by(shipped_touchpoints(), claim, {"open_claims": 1, "star_level": 5})
    >>> due.touchpoint, due.due_at.isoformat(), due.channels
    ('accident_care', '2026-07-01T02:30:00+00:00', ('phone', 'wecom'))
    """
    there = catalogue.of(tags.get("branch"), tags.get("life_cycle_stage"))
    return [
        _due(name, touchpoint, event, tags, ZoneInfo(timezone))
        for name, touchpoint in there.items()
        if event.type.name in touchpoint.trigger.events and touchpoint.trigger.met(tags)
    ]


def still_due(catalogue: Catalogue, due: Due, tags: Tags, at: datetime) -> bool:
    """Whether a touchpoint is due yet at an instant, by the tags of then.

    A quote that was looked at may have been paid before the delay was over.
    """
    touchpoint = catalogue.find(due.touchpoint, tags.get("branch"), tags.get("life_cycle_stage"))
    timely = due.due_at <= at < due.until
    return timely and touchpoint is not None and touchpoint.trigger.met(tags)


def _due(name: str, touchpoint: Touchpoint, event: Event, tags: Tags, zone: ZoneInfo) -> Due:
    trigger, star = touchpoint.trigger, tags.get("star_level")
    ready = event.occurred_at + timedelta(minutes=trigger.delay_minutes)
    return Due(
        customer_id=event.customer_id,
        touchpoint=name,
        event_id=event.event_id,
        reason=f"{event.type.label} {event.event_id}",
        due_at=_within(ready, trigger.hours, zone),
        until=event.occurred_at.astimezone(UTC) + timedelta(days=trigger.days_after),
        kind=touchpoint.kind,
        by=trigger.by,
        channels=touchpoint.channels_for(star),
        service=touchpoint.service_for(star),
        star=star,
    )


def _within(moment: datetime, hours: tuple[int, int], zone: ZoneInfo) -> datetime:
    """The moment itself, or when the hours begin next."""
    local = moment.astimezone(zone)
    opens, closes = hours
    if local.hour < opens or local.hour >= closes:
        day = local.date() + timedelta(1 if local.hour >= closes else 0)
        local = datetime.combine(day, time(opens), tzinfo=zone)
    return local.astimezone(UTC)
