"""Telematics tags 车联网: how far, when and how the customer drives, by distance.

They are computed only for customers whose latest change on the purpose `location` is consent, from
trips within that consent (`features/tags/relations/trips.py`); for all others they are null.
"""

import ibis
import ibis.expr.types as ir

from features.tags.declare import D30, D90, D365, TagGroup, Window
from features.tags.exact import ratio

GROUP = TagGroup("telematics", "车联网")
tag = GROUP.tag
family = GROUP.family
members = GROUP.members

WINDOWS: tuple[Window, ...] = (D30, D90, D365)
NO_TRIP = "no consent to location, or no trip within it is known"
NO_DISTANCE = "no consent to location, or no distance within it in the window"
LEAST_DAYS = 30
YEAR_DAYS = 365


@family("行驶里程", *WINDOWS, unit="km", relation="trips", null=NO_TRIP)
def distance_km(t: ir.Table, within: ir.Value) -> ir.Value:
    """Distance driven within {window}."""
    return _sum(t.distance_m, within).cast("float64") / 1000


@family("行驶天数", *WINDOWS, unit="days", relation="trips", null=NO_TRIP, type="int64")
def driven_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different days within {window} on which a vehicle was driven."""
    return t.ended_on.nunique(where=within & (t.distance_m > 0))


@family("夜间行驶占比", *WINDOWS, unit="share", relation="trips", null=NO_DISTANCE)
def night_distance_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the distance within {window} that was driven at night."""
    return ratio(_sum(t.night_distance_m, within), _sum(t.distance_m, within))


@members(
    {
        "harsh_accelerations_per_100km": ("百公里急加速次数", "accelerations"),
        "harsh_brakings_per_100km": ("百公里急刹车次数", "brakings"),
        "harsh_cornerings_per_100km": ("百公里急转弯次数", "cornerings"),
    },
    *WINDOWS, unit="events per 100 km", relation="trips", null=NO_DISTANCE,
)  # fmt: skip
def harsh_events_per_100km(t: ir.Table, within: ir.Value, events: str) -> ir.Value:
    """Harsh {value} per 100 km driven within {window}."""
    return _per_100km(t, t[f"harsh_{events}"], within)


@family("百公里超速秒数", *WINDOWS, unit="seconds per 100 km", relation="trips", null=NO_DISTANCE)
def speeding_seconds_per_100km(t: ir.Table, within: ir.Value) -> ir.Value:
    """Seconds above the speed limit per 100 km driven within {window}."""
    return _per_100km(t, t.speeding_seconds, within)


@family("单日最长里程", *WINDOWS, unit="km", relation="trips",
        null="no consent to location, or no trip within it in the window")  # fmt: skip
def longest_day_km(t: ir.Table, within: ir.Value) -> ir.Value:
    """Longest distance one vehicle was driven on one day within {window}."""
    return t.distance_m.max(where=within).cast("float64") / 1000


@tag("近30天里程变化率", unit="change", window="30 days", relation="trips",
     null="no consent to location, or no distance in the 30 days before the last 30")  # fmt: skip
def distance_change_ratio_30d(t: ir.Table) -> ir.Value:
    """Distance within 30 days / distance in the 30 days before them - 1."""
    before = (t.days_ago >= 30) & (t.days_ago < 60)
    return ratio(_sum(t.distance_m, t.days_ago < 30), _sum(t.distance_m, before)) - 1


@tag("近365天行驶车辆数", unit="vehicles", window="365 days", relation="trips", null=NO_TRIP,
     type="int64")  # fmt: skip
def vehicles_driven_365d(t: ir.Table) -> ir.Value:
    """Number of different vehicles driven within 365 days."""
    return t.vehicle_id.nunique(where=(t.days_ago < 365) & (t.distance_m > 0))


@tag("距上次行程天数", unit="days", relation="trips", null=NO_TRIP, type="int64")
def days_since_last_trip(t: ir.Table) -> ir.Value:
    """Days since a vehicle was last driven."""
    return t.days_ago.min(where=t.distance_m > 0)


@tag("距首次行程天数", unit="days", relation="trips", null=NO_TRIP, type="int64")
def days_since_first_trip(t: ir.Table) -> ir.Value:
    """Days since the first trip within consent."""
    return t.days_ago.max(where=t.distance_m > 0)


@tag("近90天行驶日均里程", unit="km", window="90 days", null=NO_DISTANCE)
def distance_km_per_driven_day_90d(t: ir.Table) -> ir.Value:
    """distance_km_90d / driven_days_90d."""
    return ratio(t.distance_km_90d, t.driven_days_90d)


@tag("近90天行驶天数占比", unit="share", window="90 days",
     null=NO_TRIP)  # fmt: skip
def driven_days_share_90d(t: ir.Table) -> ir.Value:
    """driven_days_90d / the days observed of the last 90: those since days_since_first_trip."""
    return ratio(t.driven_days_90d, ibis.least(t.days_since_first_trip + 1, 90))


@tag("估计年里程", unit="km", window="365 days", relation="trips",
     null="no consent to location, or fewer than 30 days from first to last trip within it in "
     "the window")  # fmt: skip
def annual_distance_km(t: ir.Table) -> ir.Value:
    """Distance a vehicle is driven in a year, estimated: distance_km_365d / vehicles_driven_365d,
    carried from the days from the first to the last trip within 365 days, both included, to 365;
    from 30 days. Days before the first and after the last trip of the window do not count: a device
    that is silent tells no distance."""
    driven = D365.contains(t) & (t.distance_m > 0)
    days = t.days_ago.max(where=driven) - t.days_ago.min(where=driven) + 1
    metres = _sum(t.distance_m, driven) * YEAR_DAYS
    yearly = ratio(metres, t.vehicle_id.nunique(where=driven) * days * 1000)
    return (days >= LEAST_DAYS).ifelse(yearly, ibis.null("float64"))


def _sum(value: ir.Value, where: ir.Value) -> ir.Value:
    """Sum integers over the rows `where` is true; 0 without any."""
    return value.sum(where=where).fill_null(0)


def _per_100km(t: ir.Table, events: ir.Value, within: ir.Value) -> ir.Value:
    """Compute events per 100 km in the window from exact sums."""
    return ratio(_sum(events, within), _sum(t.distance_m, within)) * 100_000
