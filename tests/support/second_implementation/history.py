"""Compute tags of the history of cover: prices, returns, gaps, chains, other products."""

import pandas as pd

from second_implementation.cover import motor_terms, next_commercial, policies
from second_implementation.view import MOTOR, Frame, View, exact, ratio


def tags_of(view: View) -> dict[str, Frame]:
    """Compute the tags of the history of cover."""
    t, v = motor_terms(view), view
    here = next_commercial(t)
    return _prices(v, t, here) | _past(v, t, here) | _returns(v, t) | _chains(v, t) | _products(v)


def _prices(v: View, t: Frame, here: Frame) -> dict[str, Frame]:
    """Compare premiums of whole terms."""
    before_whole = t.before_whole.eq(True)
    two_whole = before_whole & t.whole_before_before.eq(True)
    first_whole = t.whole & t.first_whole.astype(bool) & (t.number > 1)
    pair = t.running & t.whole & before_whole & t.premium.notna() & t.before_premium.notna()
    t["rise"] = ratio(t.premium, t.before_premium) - 1
    cents, before = t.premium.round(2) * 100, t.before_premium.round(2) * 100
    dearer = t.commercial & (before > 0) & ((cents * 100).round() > (before * 105).round())
    compared = t.commercial & (t.before_premium > 0) & t.premium.notna()
    bought_before = t.commercial & t.begun & t.whole
    return {
        "premium_change_ratio_before": ratio(
            v.greatest(t, "before_premium", here & two_whole),
            v.greatest(t, "before_before", here & two_whole),
        ) - 1,
        "premium_change_since_first_ratio": ratio(
            v.greatest(t, "premium", here & first_whole),
            v.greatest(t, "first_premium", here & first_whole),
        ) - 1,
        "motor_premium_change_ratio": ratio(
            v.total(t, "premium", pair), v.total(t, "before_premium", pair)
        ) - 1,
        "commercial_premium_lowest_ever": v.least(t, "premium", bought_before),
        "commercial_premium_highest_ever": v.greatest(t, "premium", bought_before),
        "premium_decreases_ever": v.count(
            t, t.commercial & t.whole & before_whole & (t.premium < t.before_premium)
        ),
        "price_increases_accepted": v.count(t, dearer),
        "price_increase_acceptance_share": ratio(v.count(t, dearer), v.count(t, compared)),
        "largest_premium_increase": v.greatest(t, "rise", t.commercial & (t.before_premium > 0)),
    }  # fmt: skip


def _past(v: View, t: Frame, here: Frame) -> dict[str, Frame]:
    """Compute the tags of terms, channels and managers so far."""
    changed = t.account_manager_id.notna() & t.before_account_manager_id.notna()
    differ = changed & (t.account_manager_id != t.before_account_manager_id)
    t["days"] = (t.end - t.inception).dt.days
    running = t.commercial & t.running
    ends = v.greatest(t, "started", running) + v.least(t, "started", running)
    ended = v.total(t, "days", t.commercial & (t.end <= v.day))
    begun = t.commercial & t.begun
    levels = t.before_ncd_level.astype(float) - t.ncd_level.astype(float)
    t["gained"], t["lost"] = levels.clip(lower=0), (-levels).clip(lower=0)
    other_channel = t.channel.notna() & t.before_channel.notna() & (t.channel != t.before_channel)
    return {
        "account_manager_changed": v.any(t, differ, here & changed),
        "account_managers_ever": v.different(t, "account_manager_id"),
        "channels_used_ever": v.different(t, "channel"),
        "channel_switches": v.count(t, t.commercial & other_channel),
        "first_channel": v.first(t, "channel", ["inception", "policy_id"]),
        "transferred_vehicles_ever": v.different(t, "vehicle_id", t.business_type == "transfer"),
        "won_back_terms_ever": v.count(
            t, (t.business_type == "transfer") & (t.first_end <= t.inception)
        ),
        "previous_insurer": v.last(
            t, "previous_insurer", ["inception", "policy_id"], t.previous_insurer.notna()
        ),
        "insured_from_new": v.any(
            t, t.first_business_type == "new", t.leading & t.first_business_type.notna()
        ),
        "renewal_lead_days_mean": v.mean(t, "lead", t.commercial & (t.number > 1)),
        "renewal_lead_days_shortest": v.least(t, "lead", t.commercial & (t.number > 1)),
        "signing_lead_days_mean": v.mean(t, "lead", t.commercial),
        "last_minute_signings": v.count(t, t.commercial & (t.lead <= 3)),
        "short_terms_ever": v.count(t, (t.expiry - t.inception).dt.days < 360),
        "ncd_level_best_ever": v.least(t, "ncd_level", begun),
        "ncd_levels_gained_ever": v.total(t, "gained", begun),
        "ncd_levels_lost_ever": v.total(t, "lost", begun),
        "commercial_days_ended": ended,
        "commercial_insured_years": (
            ended + (v.count(t, running) * ends.fillna(0) / 2)
        ) / 365.25,
        "commercial_renewals_ever": v.count(t, begun & (t.number > 1)),
        "vehicles_ever": v.different(t, "vehicle_id", t.begun),
    }  # fmt: skip


def _returns(v: View, t: Frame) -> dict[str, Frame]:
    """Compute the tags of gaps, endings and refunds."""
    rows = v.known("policies")
    rows = rows[rows.line.isin(MOTOR)]
    early = rows[(rows.cancelled_on < rows.expiry) & (rows.cancelled_on <= v.day)].copy()
    first = v.versions("policies").sort_values("recorded_at").groupby("policy_id").head(1)
    first = exact(first.set_index("policy_id").written_premium)
    early["refund"] = early.policy_id.map(first) - exact(early.written_premium)
    early["ago"] = v.since(early.cancelled_on)
    recent = early.cancelled_on > v.from_36m
    longest = v.greatest(t, "gap", t.begun)
    covered = v.greatest(t, "started", t.begun)
    t["since_end"] = -t.left
    return {
        "cancellation_count_36m": v.count(early, recent),
        "refund_36m": v.total(early, "refund", recent),
        "days_since_last_cancellation": v.least(early, "ago"),
        "cancelled_from_inception_ever": v.count(early, early.cancelled_on <= early.inception),
        "cover_gaps_ever": v.count(t, t.begun & (t.gap > 0)),
        "long_cover_gaps_ever": v.count(t, t.begun & (t.gap > 184)),
        "longest_cover_gap_days": longest,
        "days_since_first_motor_term": covered,
        "longest_gap_share": (longest.fillna(0) / covered).where(covered != 0, 0.0),
        "days_since_motor_cover_end": v.least(t, "since_end", t.begun),
        "vehicles_no_longer_insured": v.different(t, "vehicle_id")
        - v.different(t, "vehicle_id", t.end > v.day),
    }


def _chains(v: View, t: Frame) -> dict[str, Frame]:
    """Compute the tags of chains of motor terms without a break of more than 6 months."""
    rows = t[t.begun].sort_values(["inception", "end", "policy_id"]).copy()
    so_far = rows.groupby("customer_id").end.transform(lambda end: end.cummax().shift())
    limit = pd.Series(
        [end + pd.DateOffset(months=6) if pd.notna(end) else pd.NaT for end in so_far],
        index=rows.index, dtype="datetime64[ns]",
    )  # fmt: skip
    rows["returned"] = rows.inception > limit
    rows["chain"] = (rows.returned | so_far.isna()).groupby(rows.customer_id).cumsum()
    keys = ["customer_id", "chain"]
    chains = rows.groupby(keys).agg(
        began=("inception", "min"), latest=("inception", "max"), terms=("policy_id", "size"),
        returned=("returned", "any"),
    )  # fmt: skip
    lines = rows.groupby([*keys, "line"]).vehicle_id.nunique().groupby(level=[0, 1]).sum()
    chains["renewals"] = chains.terms - lines
    chains = chains.reset_index()
    chains["ago"] = v.since(chains.began)
    chains["length"] = (chains.latest - chains.began).dt.days
    return {
        "days_since_chain_start": v.least(chains, "ago"),
        "motor_terms_in_chain": v.last(chains, "terms", ["chain"]).fillna(0),
        "renewals_in_chain": v.last(chains, "renewals", ["chain"]).fillna(0),
        "longest_chain_days": v.greatest(chains, "length"),
        "cover_return_count_36m": v.count(chains, chains.returned & (chains.began > v.from_36m)),
        "returned_after_break": v.any(chains, chains.returned).eq(True),
        "days_since_last_return": v.least(chains, "ago", chains.returned),
    }


def _products(v: View) -> dict[str, Frame]:
    """Compute the tags of other products."""
    rows = policies(v)
    other = rows[~rows.line.isin(MOTOR)].copy()
    other["in_36m"] = other.signed_on > v.from_36m
    motor = rows[rows.line.isin(MOTOR)][["customer_id", "signed_on"]]
    pairs = other[["policy_id", "customer_id", "signed_on"]].merge(motor, on="customer_id")
    near = pairs[(pairs.signed_on_x - pairs.signed_on_y).dt.days.abs() < 7]
    order = ["inception", "signed_at", "policy_id"]
    number = other.sort_values(order).groupby(["customer_id", "line"]).cumcount() + 1
    other["number"] = number.reindex(other.index)
    return {
        "holds_accident": v.any(rows, rows.running & (rows.line == "accident")).eq(True),
        "health_policies_ever": v.count(rows, rows.line == "health"),
        "products_held": v.different(rows, "line", rows.running),
        "lines_ever": v.different(rows, "line", rows.begun),
        "non_motor_premium_in_force": v.total(other, "premium", other.running),
        "non_motor_premium_mean_36m": v.mean(other, "premium", other.in_36m),
        "non_motor_policies_in_force": v.count(other, other.running),
        "days_to_non_motor_expiry": v.least(other, "left", other.running),
        "days_since_last_non_motor_signing": v.least(other, "signed"),
        "non_motor_renewals_ever": v.count(other, other.begun & (other.number > 1)),
        "non_motor_with_motor_ever": v.count(other, other.policy_id.isin(near.policy_id)),
        "first_non_motor_line": v.first(other, "line", ["signed_at", "policy_id"]),
        "non_motor_lines_lapsed": v.different(other, "line")
        - v.different(other, "line", other.end > v.day),
    }
