"""Compute tags of trips, of the leading motor term's vehicle, and of the vehicles in force."""

import pandas as pd

from second_implementation.cover import motor_terms
from second_implementation.view import Frame, View, anniversary, exact, ratio


def trips_of(view: View) -> Frame:
    """List the days driven wholly within consent, of customers whose latest word is consent."""
    words = view.happened("consents")
    words = words[words.purpose == "location"].assign(refused=lambda t: ~t.granted.astype(bool))
    words = words.sort_values(["changed_at", "refused", "consent_id"])
    rows = view.happened("trips")
    kept = []
    for customer, said in words.groupby("customer_id"):
        if not bool(said.granted.iloc[-1]):
            continue
        driven = rows[rows.customer_id == customer]
        within = pd.Series(False, index=driven.index)
        given = None
        for day, granted in zip(said.changed_on, said.granted, strict=True):
            if granted and given is None:
                given = day
            if not granted and given is not None:
                within |= (driven.ended_on > given) & (driven.ended_on < day)
                given = None
        if given is not None:
            within |= driven.ended_on > given
        kept.append(driven[within])
    return pd.concat(kept) if kept else rows.iloc[:0]


def tags_of(view: View) -> dict[str, Frame]:
    """Compute the tags of trips and vehicles."""
    driving = _trips(view)
    return driving | _vehicle(view, driving["annual_distance_km"]) | _in_force(view)


def _trips(v: View) -> dict[str, Frame]:
    """Compute the tags of trips; null without any."""
    t = trips_of(v)
    moved, someone = t.distance_m > 0, v.count(t) > 0
    tags = {}
    for days in (30, 90, 365):
        within = t.ago < days
        metres = v.total(t, "distance_m", within)
        tags |= {
            f"distance_km_{days}d": (metres / 1000).where(someone),
            f"driven_days_{days}d": v.different(t, "ended_on", within & moved).where(someone),
            f"night_distance_share_{days}d": ratio(v.total(t, "night_distance_m", within), metres),
            f"harsh_brakings_per_100km_{days}d": 100_000
            * ratio(v.total(t, "harsh_brakings", within), metres),
            f"longest_day_km_{days}d": v.greatest(t, "distance_m", within) / 1000,
        }
    before = (t.ago >= 30) & (t.ago < 60)
    year = (t.ago < 365) & moved
    span = v.greatest(t, "ago", year) - v.least(t, "ago", year) + 1
    vehicles = v.different(t, "vehicle_id", year)
    first = v.greatest(t, "ago", moved)
    yearly = ratio(tags["distance_km_365d"] * 365, vehicles * span)
    return tags | {
        "distance_change_ratio_30d": ratio(
            v.total(t, "distance_m", t.ago < 30), v.total(t, "distance_m", before)
        )
        - 1,
        "vehicles_driven_365d": vehicles.where(someone),
        "days_since_last_trip": v.least(t, "ago", moved),
        "days_since_first_trip": first,
        "driven_days_share_90d": ratio(tags["driven_days_90d"], (first + 1).clip(upper=90)),
        "annual_distance_km": yearly.where(span >= 30),
    }


def _due(v: View, t: Frame) -> Frame:
    """Count the anniversaries of the first registration up to the date."""
    years = v.day.year - t.first_registered.dt.year
    return years - (anniversary(t.first_registered, years) > v.day)


def _days_to(v: View, t: Frame, years: Frame) -> Frame:
    return -v.since(anniversary(t.first_registered, years))


def _vehicle(v: View, annual_km: Frame) -> dict[str, Frame]:
    """Compute the tags of the leading motor term's vehicle."""
    terms = motor_terms(v)
    leading = terms[terms.leading][["customer_id", "vehicle_id"]]
    t = v.known("vehicles").merge(leading, on=["customer_id", "vehicle_id"])
    t = t.set_index("customer_id").reindex(v.customers)
    age, due = v.ages(t.first_registered), _due(v, t)
    new_energy = t.energy.isin(("electric", "plug_in"))
    since = v.since(t.first_registered)
    since = since.where(since >= 0)
    half = pd.Series(
        [day + pd.DateOffset(months=6) if pd.notna(day) else pd.NaT for day in t.first_registered],
        index=t.index,
    )
    half = pd.to_datetime(half)
    following = due + 1
    site = following.mask(following <= 10, 10).mask(following <= 6, 6)
    mark = following.mask(following <= 10, (following + following % 2).clip(lower=2))
    maintenance = _days_to(v, t, following).mask(half > v.day, -v.since(half))
    last = (-_days_to(v, t, due)).mask(due < 1, v.since(half)).where(half <= v.day)
    begun = last.notna()
    progress = annual_km * last.fillna(since) / 365 / begun.map({True: 10_000, False: 5_000})
    warranty = _days_to(v, t, due * 0 + 8).where(new_energy & (due < 8))
    known = t.vehicle_id.notna()
    return {
        "vehicle_age_years": age,
        "vehicle_list_price": exact(t.list_price),
        "vehicle_kind": t.kind,
        "new_energy": new_energy.where(t.energy.notna()),
        "days_since_first_registration": since,
        "vehicle_age_months": (since / (365.25 / 12)) // 1,
        "vehicle_in_first_year": (age < 1).where(known & age.notna()),
        "days_to_next_inspection": _days_to(v, t, site).where(t.kind == "car"),
        "days_to_next_inspection_mark": _days_to(v, t, mark).where(t.kind == "car"),
        "days_to_next_maintenance": maintenance,
        "days_since_last_maintenance_due": last,
        "maintenance_distance_share": progress,
        "maintenance_due_30d": ((maintenance <= 30) | (progress >= 1)).where(maintenance.notna()),
        "days_to_battery_warranty_end": warranty,
        "battery_warranty_distance_share": (annual_km * since / 365 / 120_000).where(
            warranty.notna()
        ),
    }


def _in_force(v: View) -> dict[str, Frame]:
    """Compute the tags of the vehicles with motor cover in force."""
    terms = motor_terms(v)
    running = terms[terms.running][["customer_id", "vehicle_id"]].drop_duplicates()
    t = v.known("vehicles").merge(running, on=["customer_id", "vehicle_id"])
    t["age"] = v.ages(t.first_registered)
    return {
        "vehicles_aged_0_to_2_years": v.count(t, t.age.between(0, 2)),
        "vehicles_aged_10_years_or_more": v.count(t, t.age >= 10),
        "oldest_vehicle_age_years": v.greatest(t, "age"),
        "mean_vehicle_age_years": v.mean(t, "age"),
        "new_energy_vehicles_in_force": v.count(t, t.energy.isin(("electric", "plug_in"))),
    }
