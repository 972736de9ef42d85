"""Compute the tags of price and service sensitivity, from docs/sensitivity.md."""

import numpy as np
import pandas as pd

from second_implementation.cover import motor_terms
from second_implementation.view import Frame, View, exact

ASKED_STEADY, ASKED_RISE, ASKED_SPREAD = 0.42, 0.62, 0.55
RENEWAL_LOG_ODDS, PRICE_SLOPE, SLOPE_SPREAD = 1.24, -1.38, 0.35
USED = {"A": 0.094, "B": 0.230, "C": 0.012}
USED_BY, ELAPSED = (0.04, 0.19, 0.45, 0.87), (0.04, 0.16, 0.37, 0.75)
USED_SPREAD, ENQUIRIES, ENQUIRIES_SPREAD = 0.72, 0.14, 0.32


def tags_of(view: View) -> dict[str, Frame]:
    """Compute both scores, their bands and what was usual."""
    return _price(view) | _service(view)


def _price(v: View) -> dict[str, Frame]:
    """Compute the score of the renewals that were offered and are decided."""
    terms = motor_terms(v)
    terms = terms[terms.commercial]
    same = terms.groupby(["customer_id", "vehicle_id"], sort=False)
    terms["next_inception"] = same.inception.shift(-1)
    ended = terms[terms.cancelled_on.isna() & (terms.left <= -30)]
    quotes = v.happened("quotes")
    quotes = quotes[quotes.line == "motor_commercial"]
    quotes["offered"] = exact(quotes.premium)
    t = quotes.drop(columns=["premium", "vehicle_id"]).merge(
        ended[["policy_id", "customer_id", "expiry", "premium", "next_inception"]],
        on=["policy_id", "customer_id"],
    )
    t = t[t.quoted_on <= t.expiry].sort_values(["quoted_at", "quote_id"])
    offers = t.groupby(["customer_id", "policy_id"]).agg(
        asked=("quote_id", "size"), reached=("delivered_at", "count"),
        offered=("offered", lambda column: column.iloc[0]),
        premium=("premium", "first"), expiry=("expiry", "first"),
        next_inception=("next_inception", "first"),
    )  # fmt: skip
    offers = offers[offers.reached > 0].reset_index()
    change = (offers.offered / offers.premium.where(offers.premium > 0) - 1).fillna(0.0)
    change = change.clip(-0.5, 0.5)
    usual = pd.Series(np.where(change > 0.05, ASKED_RISE, ASKED_STEADY), offers.index)
    lever = SLOPE_SPREAD * PRICE_SLOPE * change
    chance = 1 / (1 + np.exp(-(RENEWAL_LOG_ODDS + PRICE_SLOPE * change)))
    renewed = (offers.next_inception - offers.expiry).dt.days <= 30
    gain = ASKED_SPREAD * (offers.asked - 1 - usual) + lever * (renewed - chance)
    weight = ASKED_SPREAD**2 * usual + lever**2 * chance * (1 - chance)
    offers["gain"], offers["weight"] = gain.round(6), weight.round(6)
    score = v.total(offers, "gain", empty=None) / (1 + v.total(offers, "weight"))
    return {"price_sensitivity_score": score, "price_sensitivity": _band(score)}


def _service(v: View) -> dict[str, Frame]:
    """Compute the score of services used and of contacts by the customer."""
    t, terms = v.happened("entitlements"), motor_terms(v)
    t["usual"] = t.service_class.map(USED) * _passed(t.ago, t.expires_on <= v.day, USED_BY)
    terms = terms[~terms.commercial & terms.begun]
    terms["usual"] = ENQUIRIES * _passed(terms.started, terms.end <= v.day, ELAPSED)
    contacts = v.happened("interactions")
    used, expected = v.count(t, t.used_at.notna()), v.total(t, "usual")
    asked, asked_usual = v.count(contacts, contacts.direction == "in"), v.total(terms, "usual")
    gain = USED_SPREAD * (used - expected) + ENQUIRIES_SPREAD * (asked - asked_usual)
    score = gain / (1 + USED_SPREAD**2 * expected + ENQUIRIES_SPREAD**2 * asked_usual)
    score = score.where(v.count(t, t.used_at.notna() | (t.ago >= 30)) > 0)
    return {
        "services_expected_ever": expected,
        "enquiries_expected_ever": asked_usual,
        "service_sensitivity_score": score,
        "service_sensitivity": _band(score),
    }


def _passed(days: Frame, over: Frame, shares: tuple[float, ...]) -> Frame:
    """Look up the part of a year's events that is usual after so many days; 1 when it is over."""
    steps = pd.cut(days, [-1, 29, 89, 179, np.inf], labels=False)
    return steps.map(dict(enumerate(shares))).mask(over, 1.0)


def _band(score: Frame) -> Frame:
    """Name the band of a score."""
    band = pd.Series("medium", score.index, dtype=object)
    return band.mask(score <= -0.3, "low").mask(score >= 0.3, "high").where(score.notna(), None)
