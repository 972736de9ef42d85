"""Compute tags of quotes: how many, what became of them, and those for the coming renewal."""

import pandas as pd

from second_implementation.cover import motor_terms, next_commercial, policies
from second_implementation.view import MOTOR, Frame, View, exact, most, ratio

PARTS = ("morning", "afternoon", "evening", "night")


def part_of_day(hours: Frame) -> Frame:
    """Name the part of the day: from 6, 12, 18 and 22 o'clock."""
    cut = pd.cut(hours, [-1, 5, 11, 17, 21, 23], labels=["early", *PARTS])
    return cut.astype(object).replace("early", "night")


def quotes_of(view: View) -> Frame:
    """List the quotes, with the purchase that followed and the part of day of the view."""
    rows = view.happened("quotes")
    terms = policies(view)[["customer_id", "line", "vehicle_id", "signed_on"]]
    pairs = rows.merge(terms, on=["customer_id", "line"], suffixes=("", "_bought"))
    later = (pairs.signed_on - pairs.quoted_on).dt.days
    same = pairs.vehicle_id.isna() | (pairs.vehicle_id == pairs.vehicle_id_bought)
    rows["bought"] = rows.quote_id.isin(pairs[(later >= 0) & (later <= 60) & same].quote_id)
    rows["amount"] = exact(rows.premium)
    rows["viewed_ago"] = view.since(rows.viewed_on)
    rows["delivery"] = (rows.delivered_on - rows.quoted_on).dt.days
    rows["view_days"] = (rows.viewed_on - rows.delivered_on.fillna(rows.quoted_on)).dt.days
    rows["part"] = part_of_day(rows.viewed_hour)
    rows["weekend"] = rows.viewed_on.dt.dayofweek >= 5
    seen = rows[rows.viewed_at.notna()].groupby("customer_id").quoted_at.max()
    last = rows.customer_id.map(seen)
    rows["unseen"] = last.isna() | (rows.quoted_at > last)
    return rows


def tags_of(view: View) -> dict[str, Frame]:
    """Compute the tags of quotes."""
    t, v = quotes_of(view), view
    year, quarter, recent = t.ago < 365, t.ago < 90, t.in_36m
    delivered, viewed = t.delivered_at.notna(), t.viewed_at.notna()
    named = t.policy_id.notna()
    per_policy = v.different(t, "policy_id", recent)
    tags = {
        "quote_count_30d": v.count(t, t.ago < 30),
        "quote_count_90d": v.count(t, quarter),
        "quote_count_365d": v.count(t, year),
        "quote_delivered_count_90d": v.count(t, quarter & delivered),
        "quote_delivered_count_365d": v.count(t, year & delivered),
        "quote_viewed_count_90d": v.count(t, quarter & viewed),
        "quote_viewed_count_365d": v.count(t, year & viewed),
        "quote_channels_365d": v.different(t, "channel", year),
        "non_motor_quote_count_365d": v.count(t, year & ~t.line.isin(MOTOR)),
        "accident_quote_count_36m": v.count(t, recent & (t.line == "accident")),
        "online_quote_count_365d": v.count(t, year & (t.channel == "online")),
        "days_since_last_quote": v.least(t, "ago"),
        "days_since_last_quote_view": v.least(t, "viewed_ago"),
        "quote_viewed_not_bought_count_365d": v.count(t, year & viewed & ~t.bought),
        "quote_viewed_bought_share_36m": ratio(
            v.count(t, recent & viewed & t.bought), v.count(t, recent & viewed)
        ),
        "quote_delivery_delay_days_365d": v.mean(t, "delivery", year),
        "quote_view_delay_days_36m": v.mean(t, "view_days", recent),
        "quotes_since_last_viewed": v.count(t, t.unseen),
        "quotes_per_renewal_36m": ratio(v.count(t, recent & named), per_policy),
        "quoted_renewals_reached_share_36m": ratio(
            v.different(t, "policy_id", recent & (delivered | viewed)), per_policy
        ),
        "quoted_renewals_viewed_share_36m": ratio(
            v.different(t, "policy_id", recent & viewed), per_policy
        ),
        "preferred_view_part_of_day_36m": most(
            {part: v.count(t, recent & (t.part == part)) for part in PARTS}
        ),
        "evening_quote_view_share_36m": ratio(
            v.count(t, recent & viewed & (t.part == "evening")), v.count(t, recent & viewed)
        ),
        "weekend_quote_view_share_36m": ratio(
            v.count(t, recent & viewed & t.weekend), v.count(t, recent & viewed)
        ),
    }
    tags["quote_viewed_share_90d"] = ratio(tags["quote_viewed_count_90d"], tags["quote_count_90d"])
    return tags | _coming_renewal(v, t) | _offers(v, t)


def _coming_renewal(v: View, t: Frame) -> dict[str, Frame]:
    """Compute the tags of quotes for renewing the commercial term in force that ends first."""
    terms = motor_terms(v)
    expiring = terms[next_commercial(terms)][["policy_id", "customer_id", "premium"]]
    t = t[t.line == "motor_commercial"].drop(columns="premium")
    t = t.merge(expiring, on=["policy_id", "customer_id"])
    newest = ["quoted_at", "quote_id"]
    low, high = v.least(t, "amount"), v.greatest(t, "amount")
    return {
        "renewal_quote_count": v.count(t),
        "renewal_quote_premium": v.last(t, "amount", newest),
        "renewal_quote_change_ratio": ratio(
            v.last(t, "amount", newest), v.last(t, "premium", newest)
        )
        - 1,
        "renewal_quote_spread": ratio(high, low) - 1,
        "renewal_quote_delivered": v.any(t, t.delivered_at.notna()).eq(True),
        "renewal_quote_viewed": v.any(t, t.viewed_at.notna()).eq(True),
        "days_since_renewal_quote": v.least(t, "ago"),
        "renewal_quote_premiums": v.different(t, "amount"),
        "renewal_quote_channels": v.different(t, "channel"),
    }


def _offers(v: View, t: Frame) -> dict[str, Frame]:
    """Count the renewals that were offered and are decided."""
    terms = policies(v)
    terms = terms[(terms.line == "motor_commercial") & terms.cancelled_on.isna()]
    terms = terms[terms.left <= -30][["policy_id", "customer_id", "expiry"]]
    t = t[t.line == "motor_commercial"].merge(terms, on=["policy_id", "customer_id"])
    t = t[t.quoted_on <= t.expiry]
    offers = t.groupby(["customer_id", "policy_id"]).agg(
        quotes=("quote_id", "size"), reached=("delivered_at", "count")
    )
    offers = offers[offers.reached > 0].reset_index()
    offers["further"] = offers.quotes - 1
    return {
        "price_sensitivity_observations": v.count(offers),
        "further_quotes_asked": v.total(offers, "further"),
    }
