"""Compute tags of terms in force: what is insured, at which price, until when."""

import pandas as pd

from second_implementation.view import MOTOR, Frame, View, exact, ratio


def policies(view: View) -> Frame:
    """List the terms that ever gave cover, with what the definitions say of them."""
    rows = view.known("policies")
    rows = rows[rows.cancelled_on.isna() | (rows.cancelled_on > rows.inception)].copy()
    rows["end"] = rows.cancelled_on.fillna(rows.expiry)
    rows["begun"] = rows.inception <= view.day
    rows["running"] = rows.begun & (rows.end > view.day)
    rows["left"] = -view.since(rows.end)
    rows["started"] = view.since(rows.inception)
    rows["signed"] = view.since(rows.signed_on)
    rows["premium"] = exact(rows.written_premium)
    return rows


def motor_terms(view: View) -> Frame:
    """List the motor terms with the term before, the leading term and the next to end."""
    rows = policies(view)
    rows = rows[rows.line.isin(MOTOR)].copy()
    rows["commercial"] = rows.line == "motor_commercial"
    rows["whole"] = (rows.end - rows.inception).dt.days >= 360
    rows = rows.sort_values(["inception", "policy_id"])
    same = rows.groupby(["customer_id", "vehicle_id", "line"], sort=False)
    rows["number"] = same.cumcount() + 1
    for name in ("premium", "ncd_level", "channel", "third_party_limit", "sum_insured", "whole",
                 "account_manager_id", "driver_accident_cover"):  # fmt: skip
        rows[f"before_{name}"] = same[name].shift()
    rows["before_before"] = same.premium.shift(2)
    rows["whole_before_before"] = same.whole.shift(2)
    for name in ("premium", "whole", "business_type"):
        rows[f"first_{name}"] = same[name].transform(lambda values: [values.iloc[0]] * len(values))
    rows["gap"] = _gaps(rows)
    rows["state"] = (~rows.running).astype(int) + (~rows.begun).astype(int)
    rows["distance"] = rows.left.abs()
    order = ["state", "distance", "policy_id"]
    running = rows[rows.running].sort_values(order)
    next_ids = running.groupby(["customer_id", "line"]).head(1).policy_id
    rows["next"] = rows.policy_id.isin(next_ids) & rows.running
    rows["line_rank"] = (~rows.commercial).astype(int)
    ranked = rows.sort_values(["state", "line_rank", "distance", "policy_id"])
    rows["leading"] = rows.policy_id.isin(ranked.groupby("customer_id").head(1).policy_id)
    vehicle = rows.groupby(["customer_id", "vehicle_id"])
    rows["last_inception"] = vehicle.inception.transform("max")
    rows["first_end"] = vehicle.end.transform("min")
    rows["lead"] = (rows.inception - rows.signed_on).dt.days
    return rows


def _gaps(rows: Frame) -> Frame:
    """Count the days without any motor cover before each term; null for the first."""
    ends = rows.groupby("customer_id", sort=False).end.transform(lambda end: end.cummax().shift())
    return (rows.inception - ends).dt.days.clip(lower=0)


def next_commercial(rows: Frame) -> Frame:
    """Mark the commercial term in force that ends first."""
    return rows.commercial & rows.next


def tags_of(view: View) -> dict[str, Frame]:
    """Compute the tags of terms in force."""
    t, v = motor_terms(view), view
    here, running = next_commercial(t), t.running
    t["change"] = t.ncd_level.astype(float) - t.before_ncd_level.astype(float)
    t["limit"], t["before_limit"] = exact(t.third_party_limit), exact(t.before_third_party_limit)
    t["limit_change"] = t.limit - t.before_limit
    t["damage"] = exact(t.sum_insured)
    t["month"] = t.end.dt.month
    ahead = (t.last_inception - t.end).dt.days >= -30
    signed = (t.last_inception > t.inception) & ahead
    renewed_one = signed
    tags = {
        "motor_policies_in_force": v.count(t, running),
        "motor_vehicles_in_force": v.different(t, "vehicle_id", running),
        "motor_policies_ever": v.count(t, t.begun),
        "motor_policies_ahead": v.count(t, ~t.begun),
        "motor_policies_cancelled": v.count(t, (t.end < t.expiry) & (t.end <= v.day)),
        "days_to_commercial_expiry": v.least(t, "left", t.commercial & running),
        "days_to_compulsory_expiry": v.least(t, "left", ~t.commercial & running),
        "days_to_motor_expiry": v.least(t, "left", running),
        "commercial_expiry_month": v.greatest(t, "month", here),
        "commercial_premium_current": v.greatest(t, "premium", here),
        "commercial_premium_previous": v.greatest(t, "before_premium", here),
        "compulsory_premium_current": v.greatest(t, "premium", ~t.commercial & t.next),
        "motor_premium_in_force": v.total(t, "premium", running, empty=None),
        "commercial_premium_in_force": v.total(t, "premium", t.commercial & running),
        "channel": v.first(t, "channel", ["policy_id"], t.leading),
        "business_type": v.first(t, "business_type", ["policy_id"], t.leading),
        "ncd_level": v.greatest(t, "ncd_level", here),
        "ncd_level_change": v.greatest(t, "change", here),
        "pricing_factor": v.greatest(t, "pricing_factor", here),
        "third_party_limit": v.greatest(t, "limit", here),
        "third_party_limit_change": v.greatest(t, "limit_change", here),
        "sum_insured": v.greatest(t, "damage", here),
        "commercial_term_number": v.greatest(t, "number", here),
        "commercial_renewal_signed": v.any(t, renewed_one, here),
        "commercial_cancellation_known": v.any(t, t.cancelled_on.notna(), here),
        "own_damage_cover": v.any(t, t.damage > 0, here),
        "third_party_limit_low": v.any(t, t.limit.fillna(0) < 1_000_000, here),
        "days_to_unrenewed_expiry": v.least(
            t, "left", running & t.cancelled_on.isna() & ~signed
        ),
        "commercial_policies_in_force": v.count(t, t.commercial & running),
        "vehicles_without_commercial": v.different(t, "vehicle_id", running)
        - v.different(t, "vehicle_id", running & t.commercial),
        "vehicles_expiring_60d": v.different(t, "vehicle_id", running & (t.left <= 60)),
        "days_to_last_commercial_expiry": v.greatest(t, "left", t.commercial & running),
        "days_signed_before_inception": v.greatest(t, "lead", t.leading),
    }  # fmt: skip
    tags["premium_change_ratio"] = (
        ratio(tags["commercial_premium_current"], tags["commercial_premium_previous"]) - 1
    )
    tags["commercial_premium_share"] = ratio(
        tags["commercial_premium_in_force"], tags["motor_premium_in_force"]
    )
    tags["premium_per_vehicle"] = ratio(
        tags["motor_premium_in_force"], tags["motor_vehicles_in_force"]
    )
    tags["compulsory_only"] = (tags["motor_policies_in_force"] > 0) & tags[
        "days_to_commercial_expiry"
    ].isna()
    return tags | _people(view)


def _people(view: View) -> dict[str, Frame]:
    """Compute the tags of the person."""
    people = view.known("customers").set_index("customer_id").reindex(view.customers)
    this_year = [_birthday(born, view.day.year) for born in people.birth_date]
    next_year = [_birthday(born, view.day.year + 1) for born in people.birth_date]
    coming = [a if pd.notna(a) and a > view.day else b
              for a, b in zip(this_year, next_year, strict=True)]  # fmt: skip
    birthday = pd.Series(pd.to_datetime(coming), index=people.index)
    return {
        "age_years": view.ages(people.birth_date),
        "licence_years": view.ages(people.licence_date),
        "gender": people.gender,
        "branch": people.branch,
        "days_to_next_birthday": -view.since(birthday),
        "days_since_registration": view.since(people.registered_on),
    }


def _birthday(born: Frame, year: int) -> Frame:
    return born + pd.DateOffset(years=year - born.year) if pd.notna(born) else pd.NaT
