"""Compute tags of claims, their steps and amounts, and of surveys and complaints about them."""

import pandas as pd

from second_implementation.cover import motor_terms
from second_implementation.history import tags_of as history
from second_implementation.view import MOTOR, Frame, View, exact, ratio

STEPS = ("occurred_on", "reported_on", "surveyed_on", "assessed_on", "adjusted_on", "paid_on")
STANDARDS = {"report": (2, 2), "survey": (1, 3), "assess": (7, 30), "adjust": (3, 10),
             "pay": (3, 10)}  # fmt: skip


def amounts(view: View) -> Frame:
    """Add up the movements of each claim."""
    moves = view.happened("claim_movements").sort_values(["moved_at", "movement_id"])
    moves["paid"], moves["outstanding"] = exact(moves.paid_change), exact(moves.outstanding_change)
    claims = moves.groupby("claim_id")
    sums = claims[["paid", "outstanding"]].sum().round(2)
    sums["last_moved_at"] = claims.moved_at.max()
    sums["first_reserve"] = claims.outstanding.first()
    return sums


def claims_of(view: View) -> Frame:
    """List the claims with their amounts, steps and whether they are open."""
    rows = view.happened("claims")
    terms = view.known("policies")
    terms = terms[terms.line.isin(MOTOR)][["policy_id", "customer_id", "line"]]
    rows = rows.merge(terms, on=["policy_id", "customer_id"], how="left")
    rows = rows.merge(amounts(view), left_on="claim_id", right_index=True, how="left")
    rows["incurred"] = rows.paid + rows.outstanding
    rows["moved_after"] = rows.last_moved_at > rows.closed_at
    again = rows.moved_after & (rows.outstanding > 0)
    rows["closed_at"] = rows.closed_at.mask(again)
    rows["closed_on"] = rows.closed_on.mask(again)
    rows["open"] = rows.closed_at.isna() & (view.since(rows.reported_on) >= 0)
    injured = rows.injury.eq(True)
    allowed = {}
    for step, before, day in zip(STANDARDS, STEPS, STEPS[1:], strict=False):
        rows[f"{step}_days"] = (rows[day] - rows[before]).dt.days
        allowed[step] = injured.map({True: STANDARDS[step][1], False: STANDARDS[step][0]})
        rows[f"{step}_in_time"] = rows[f"{step}_days"] <= allowed[step]
    rows["stage"], rows["stage_on"], rows["allowed"] = "report", rows.reported_on, allowed["survey"]
    following = {"survey": "assess", "assess": "adjust", "adjust": "pay", "pay": "pay"}
    for step, day in zip(following, STEPS[2:], strict=True):
        taken = rows[day].notna()
        rows["stage"] = rows.stage.mask(taken, step)
        rows["stage_on"] = rows.stage_on.mask(taken, rows[day])
        rows["allowed"] = rows.allowed.mask(taken, allowed[following[step]])
    rows["stage_ago"] = view.since(rows.stage_on)
    rows["overdue"] = rows.open & rows.paid_on.isna() & (rows.stage_ago > rows.allowed)
    rows["reported_ago"] = view.since(rows.reported_on)
    rows["closed_ago"], rows["paid_ago"] = view.since(rows.closed_on), view.since(rows.paid_on)
    return rows


def tags_of(view: View) -> dict[str, Frame]:
    """Compute the tags of claims."""
    t, v = claims_of(view), view
    year, recent = t.ago < 365, t.in_36m
    tags = {
        "claim_count_30d": v.count(t, t.ago < 30),
        "claim_count_90d": v.count(t, t.ago < 90),
        "claim_count_365d": v.count(t, year),
        "claim_count_36m": v.count(t, recent),
        "claim_count_ever": v.count(t),
        "at_fault_claim_count_36m": v.count(t, recent & t.at_fault.eq(True)),
        "injury_claim_count_365d": v.count(t, year & t.injury.eq(True)),
        "claim_vehicles_36m": v.different(t, "vehicle_id", recent),
        "collision_claim_share_36m": ratio(
            v.count(t, recent & (t.kind == "collision")), v.count(t, recent)
        ),
        "commercial_claim_count_ever": v.count(t, t.line == "motor_commercial"),
        "compulsory_claim_count_36m": v.count(t, recent & (t.line == "motor_compulsory")),
        "days_since_last_claim": v.least(t, "ago"),
        "days_since_last_claim_reported": v.least(t, "reported_ago"),
        "days_since_last_claim_closed": v.least(t, "closed_ago"),
        "days_since_last_claim_paid": v.least(t, "paid_ago"),
        "closed_unpaid_claims_36m": v.count(t, recent & t.closed_at.notna() & t.paid_at.isna()),
    }
    return tags | _open(v, t) | _steps(v, t) | _amounts(v, t, tags) | _cases(v, tags)


def _open(v: View, t: Frame) -> dict[str, Frame]:
    """Compute the tags of open claims."""
    by = ["reported_at", "claim_id"]
    return {
        "open_claims": v.count(t, t.open),
        "days_since_oldest_open_claim": v.greatest(t, "reported_ago", t.open),
        "overdue_claims": v.count(t, t.overdue),
        "open_claim_stage": v.last(t, "stage", by, t.open),
        "days_since_open_claim_step": v.last(t, "stage_ago", by, t.open),
    }


def _steps(v: View, t: Frame) -> dict[str, Frame]:
    """Compute the tags of the steps of the claims chain."""
    recent = t.in_36m
    in_time, taken = 0, 0
    for step in STANDARDS:
        in_time = in_time + v.count(t, recent & t[f"{step}_in_time"])
        taken = taken + v.count(t, recent & t[f"{step}_days"].notna())
    return {
        "report_delay_days_36m": v.mean(t, "report_days", recent),
        "survey_delay_days_36m": v.mean(t, "survey_days", recent),
        "assess_delay_days_36m": v.mean(t, "assess_days", recent),
        "longest_pay_delay_days_36m": v.greatest(t, "pay_days", recent),
        "survey_in_time_share_36m": ratio(
            v.count(t, recent & t.survey_in_time), v.count(t, recent & t.survey_days.notna())
        ),
        "claim_steps_in_time_share_36m": ratio(in_time, taken),
    }


def _amounts(v: View, t: Frame, tags: dict[str, Frame]) -> dict[str, Frame]:
    """Compute the tags of amounts, of claims that have any."""
    premium = motor_terms(v)
    written = v.total(premium, "premium", premium.begun & (premium.inception > v.from_36m))
    t = t[t.paid.notna()]
    recent = t.in_36m
    settled = recent & t.closed_at.notna() & (t.paid > 0) & (t.first_reserve > 0)
    incurred = v.total(t, "incurred", recent)
    covered = history(v)
    since_first = covered["days_since_first_motor_term"]
    free = pd.concat([tags["days_since_last_claim"].fillna(since_first), since_first], axis=1)
    return {
        "claims_paid_365d": v.total(t, "paid", t.ago < 365),
        "claims_incurred_36m": incurred,
        "claims_incurred_ever": v.total(t, "incurred"),
        "claims_outstanding": v.total(t, "outstanding"),
        "largest_claim_36m": v.greatest(t, "incurred", recent),
        "mean_claim_paid_36m": v.mean(t, "paid", recent & (t.paid > 0)),
        "large_claim_count_ever": v.count(t, t.incurred >= 50_000),
        "reopened_claims_36m": v.count(t, recent & t.moved_after),
        "reserve_development_ratio_36m": ratio(
            v.total(t, "paid", settled), v.total(t, "first_reserve", settled)
        )
        - 1,
        "motor_premium_36m": written,
        "claims_ratio_36m": ratio(incurred, written),
        "mean_claim_36m": ratio(incurred, tags["claim_count_36m"]),
        "commercial_claim_frequency": ratio(
            tags["commercial_claim_count_ever"], covered["commercial_insured_years"]
        ),
        "claim_free_years": (free.min(axis=1).where(since_first.notna()) / 365.25) // 1,
    }


def _cases(v: View, tags: dict[str, Frame]) -> dict[str, Frame]:
    """Compute the tags of surveys and complaints."""
    t = v.happened("surveys_and_complaints")
    complaint, survey = t.kind == "complaint", t.kind == "survey"
    disputed = complaint & (t.topic == "claims")
    disputes = v.different(t, "claim_id", t.in_36m & disputed)
    last = ["occurred_at", "case_id"]
    return {
        "claim_complaint_count_36m": v.count(t, t.in_36m & disputed),
        "open_claim_complaints": v.count(t, disputed & t.resolved_at.isna()),
        "disputed_claims_36m": disputes,
        "disputed_claim_ratio_36m": ratio(disputes, tags["claim_count_36m"]),
        "claim_survey_score_last": v.last(t, "score", last, survey & (t.topic == "claims")),
        "survey_count_365d": v.count(t, (t.ago < 365) & survey),
        "survey_score_last": v.last(t, "score", last, survey),
        "survey_score_mean_36m": v.mean(t, "score", t.in_36m & survey),
        "complaint_count_365d": v.count(t, (t.ago < 365) & complaint),
        "open_complaints": v.count(t, complaint & t.resolved_at.isna()),
    }
