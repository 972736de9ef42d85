"""Claims tags 理赔 in detail: kinds, frequency, severity, reserves, disputes and satisfaction."""

import ibis
import ibis.expr.types as ir

from features.tags.declare import D365, EVER, M36
from features.tags.exact import mean, ratio, share
from features.tags.groups.claims import GROUP, NO_AMOUNTS, NONE_IN_WINDOW
from features.tags.groups.cover_history import COVER_TIME, commercial_insured_years

tag = GROUP.tag
family = GROUP.family
members = GROUP.members

NO_CASES = "surveys and complaints are absent"
NO_SURVEY = "no survey about claims was answered"
# Claims of this size are reviewed by a person (our choice).
LARGE_CLAIM_YUAN = 50_000
# Days of a year in which claim-free time is counted.
YEAR_DAYS = 365.25


@members(
    {
        "collision_claim_share": ("碰撞出险占比", "collision"),
        "scratch_claim_share": ("划痕出险占比", "scratch"),
        "glass_claim_share": ("玻璃出险占比", "glass"),
        "theft_claim_share": ("盗抢出险占比", "theft"),
        "natural_claim_share": ("自然灾害出险占比", "natural"),
    },
    M36, unit="share", relation="claims", null=NONE_IN_WINDOW,
)  # fmt: skip
def kind_claim_share(t: ir.Table, within: ir.Value, kind: str) -> ir.Value:
    """Share of the claims within {window} of the kind {value}."""
    return share(t, (t.kind == kind).fill_null(False), of=within)


@family("人伤出险占比", M36, unit="share", relation="claims", null=NONE_IN_WINDOW)
def injury_claim_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the claims within {window} with a person injured."""
    return share(t, t.injury.fill_null(False), of=within)


@family("有责出险占比", M36, unit="share", relation="claims", null=NONE_IN_WINDOW)
def at_fault_claim_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the claims within {window} in which the insured was at fault."""
    return share(t, t.at_fault.fill_null(False), of=within)


@family("商业险出险次数", D365, M36, EVER, unit="claims", relation="claims", type="int64", empty=0)
def commercial_claim_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of claims on commercial cover within {window}."""
    return t.count(where=within & t.commercial.fill_null(False))


@family("交强险出险次数", D365, M36, unit="claims", relation="claims", type="int64", empty=0)
def compulsory_claim_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of claims on compulsory cover within {window}."""
    return t.count(where=within & (~t.commercial).fill_null(False))


@family("无赔付结案数", M36, unit="claims", relation="claims", type="int64", empty=0)
def closed_unpaid_claims(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of claims within {window} that were closed without a payment."""
    return t.count(where=within & t.closed_at.notnull() & t.paid_at.isnull())


@family("无赔付结案占比", M36, unit="share", relation="claims",
        null="no claim of the window is closed")  # fmt: skip
def closed_unpaid_claim_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the closed claims within {window} that were closed without a payment."""
    return share(t, t.paid_at.isnull(), of=within & t.closed_at.notnull())


@family("案均已决赔款", M36, unit="yuan", relation="claim_amounts",
        null="nothing was paid on a claim of the window")  # fmt: skip
def mean_claim_paid(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean paid so far on claims within {window} on which something was paid."""
    return mean(t.paid, within & (t.paid > 0))


@family("大额赔案数", M36, EVER, unit="claims", relation="claim_amounts", null=NO_AMOUNTS,
        type="int64", empty=0)  # fmt: skip
def large_claim_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of claims within {window} with 50,000 yuan or more paid and outstanding."""
    return t.count(where=within & (t.incurred >= LARGE_CLAIM_YUAN))


@family("结案后变动赔案数", M36, unit="claims", relation="claim_amounts", null=NO_AMOUNTS,
        type="int64", empty=0)  # fmt: skip
def reopened_claims(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of claims within {window} whose amounts moved after they were closed."""
    return t.count(where=within & t.reopened)


@family("首次未决发展率", M36, unit="change", relation="claim_amounts",
        null="no claim of the window with a first reserve was paid and closed")  # fmt: skip
def reserve_development_ratio(t: ir.Table, within: ir.Value) -> ir.Value:
    """Paid / first reserve - 1, both added up over the claims within {window} that are paid and
    closed: above 0 they cost more than was first set aside."""
    settled = within & t.closed_at.notnull() & (t.paid > 0) & (t.first_reserve > 0)
    return ratio(t.paid.sum(where=settled), t.first_reserve.sum(where=settled)) - 1


@family("理赔投诉次数", D365, M36, unit="complaints", relation="cases", null=NO_CASES,
        type="int64", empty=0)  # fmt: skip
def claim_complaint_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of complaints about claims received within {window}."""
    return t.count(where=within & _disputed(t))


@tag("未解决理赔投诉数", unit="complaints", relation="cases", null=NO_CASES, type="int64", empty=0)
def open_claim_complaints(t: ir.Table) -> ir.Value:
    """Number of complaints about claims that are not resolved."""
    return t.count(where=_disputed(t) & t.resolved_at.isnull())


@family("有投诉赔案数", M36, unit="claims", relation="cases", null=NO_CASES, type="int64", empty=0)
def disputed_claims(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different claims about which a complaint was received within {window}."""
    return t.claim_id.nunique(where=within & _disputed(t))


@tag("最近理赔满意度", unit="score of 1 to 5", relation="cases", null=NO_SURVEY, type="int64")
def claim_survey_score_last(t: ir.Table) -> ir.Value:
    """Score of the latest satisfaction survey about claims."""
    order = ibis.struct({"moment": t.occurred_at, "case": t.case_id})
    return t.score.argmax(order, where=_surveyed(t))


@family("平均理赔满意度", M36, unit="score of 1 to 5", relation="cases",
        null="no survey about claims was answered in the window")  # fmt: skip
def claim_survey_score_mean(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean score of the satisfaction surveys about claims answered within {window}."""
    return mean(t.score, within & _surveyed(t))


@tag("赔案投诉率", unit="share", window="36 months",
     null="no claim occurred in the window, or surveys and complaints are absent")  # fmt: skip
def disputed_claim_ratio_36m(t: ir.Table) -> ir.Value:
    """disputed_claims_36m / claim_count_36m; above 1 where older claims were complained about."""
    return ratio(t.disputed_claims_36m, t.claim_count_36m)


@tag("商业险年均出险次数", unit="claims a year", needs=COVER_TIME,
     null="no commercial cover has begun, or it began on the date")  # fmt: skip
def commercial_claim_frequency(t: ir.Table) -> ir.Value:
    """commercial_claim_count_ever / commercial_insured_years."""
    return ratio(t.commercial_claim_count_ever, commercial_insured_years(t))


@tag("连续无赔年数", unit="years", needs=("days_since_first_motor_term",), type="int64",
     null="no motor term has begun")  # fmt: skip
def claim_free_years(t: ir.Table) -> ir.Value:
    """Whole years of 365.25 days since the last claim occurred, or since the first motor term began
    if none did."""
    covered = t.days_since_first_motor_term
    days = ibis.least(t.days_since_last_claim.fill_null(covered), covered)
    # `least` skips nulls: without cover there would be days since a claim.
    return covered.isnull().ifelse(ibis.null("float64"), (days / YEAR_DAYS).floor())


def _disputed(t: ir.Table) -> ir.Value:
    """Mark complaints about claims."""
    return (t.kind == "complaint") & (t.topic == "claims")


def _surveyed(t: ir.Table) -> ir.Value:
    """Mark surveys about claims."""
    return (t.kind == "survey") & (t.topic == "claims")
