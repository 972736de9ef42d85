"""Find the touchpoints that an event makes due at once: a claim is reported, a quote is viewed.

Pure functions: what is due follows from the event, the customer's tags after it, and the catalogue.
`serving.events` stores what is due, and asks `still_due` when its time has come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from features.events.event_types import Event
from serving.touchpoints.catalogue import Catalogue
from serving.touchpoints.due import Customer, standing
from serving.touchpoints.fields import Channel, Touchpoint
from serving.touchpoints.tag_days import tags_on

Tags = Mapping[str, Any]


@dataclass(frozen=True)
class DueTouchpoint:
    """A touchpoint that is due for a customer after an event.

    Attributes
    ----------
    reason : str
        The event's Chinese name, and its id.
    due_at, until : datetime
        From when (within the hours of the touchpoint) and until when it is timely, in UTC.
    kind : {"service", "marketing"}
        Kind of the touchpoint.
    by : {"system", "person"}
        Who starts the contact.
    channels : tuple of str
        Channels for the customer's star, best first.
    service : {"standard", "priority", "steward"}
        Service level for the customer's star.
    star : int or None
        The customer's star; None: not rated.
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
) -> list[DueTouchpoint]:
    """Find what an accepted event makes due, in the order of the catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        The touchpoints of the home.
    event : Event
        The event.
    tags : Mapping[str, object]
        The customer's tags after the event. A missing tag is not known, and a condition on it does
        not hold.
    timezone : str
        Time zone of the hours of the touchpoints.

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
    touchpoints = catalogue.touchpoints_for(tags.get("branch"), tags.get("life_cycle_stage"))
    zone = ZoneInfo(timezone)
    waiting = [
        (touchpoint, _due(name, touchpoint, event, tags, zone))
        for name, touchpoint in touchpoints.items()
        if event.type.name in touchpoint.trigger.events
    ]
    return [
        due
        for touchpoint, due in waiting
        if touchpoint.trigger.met(tags_on(tags, due.due_at.astimezone(zone).date()))
    ]


def still_due(
    catalogue: Catalogue,
    due: DueTouchpoint,
    customer: Customer,
    at: datetime,
    event_type: str,
    occurred_at: datetime,
) -> bool:
    """Check whether a touchpoint is still due at an instant: it may have become pointless.

    A quote that was viewed may have been paid before the delay was over, and a contact made since
    is enough.

    Parameters
    ----------
    catalogue : Catalogue
        The touchpoints of the home.
    due : DueTouchpoint
        What `triggered_by` returned.
    customer : Customer
        What is known of the customer at that instant.
    at : datetime
        The instant, with a time zone.
    event_type : str
        Kind of the event that made it due.
    occurred_at : datetime
        When the event occurred.
    """
    tags = customer.tags
    touchpoint = catalogue.find(due.touchpoint, tags.get("branch"), tags.get("life_cycle_stage"))
    if touchpoint is None or not due.due_at <= at < due.until:
        return False
    stands = standing(
        due.touchpoint,
        touchpoint,
        customer,
        customer.day_of(at),
        happened=(event_type,),
        event_at=occurred_at,
    )
    return stands.state == "due"


def _due(
    name: str, touchpoint: Touchpoint, event: Event, tags: Tags, zone: ZoneInfo
) -> DueTouchpoint:
    trigger, star = touchpoint.trigger, tags.get("star_level")
    ready = event.occurred_at + timedelta(minutes=trigger.delay_minutes)
    return DueTouchpoint(
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
    """Return the moment itself, or when the hours begin next."""
    local = moment.astimezone(zone)
    opens, closes = hours
    if local.hour < opens or local.hour >= closes:
        day = local.date() + timedelta(1 if local.hour >= closes else 0)
        local = datetime.combine(day, time(opens), tzinfo=zone)
    return local.astimezone(UTC)
