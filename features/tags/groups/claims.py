"""Claims tags 理赔: how often, how much, how fast, what is open."""

import ibis.expr.types as ir

from features.tags.declare import D30, D90, D180, D365, EVER, M36, TagGroup
from features.tags.exact import mean, ratio

GROUP = TagGroup("claims", "理赔")
tag = GROUP.tag
family = GROUP.family

NO_CLAIM = "no claim is known"
NONE_IN_WINDOW = "no claim occurred in the window"
NO_AMOUNTS = "claim movements are absent"


@family("出险次数", D30, D90, D180, D365, M36, EVER, unit="claims", relation="claims",
        type="int64", empty=0)  # fmt: skip
def claim_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of claims that occurred within {window}."""
    return t.count(where=within)


@family("有责出险次数", D365, M36, unit="claims", relation="claims", type="int64", empty=0)
def at_fault_claim_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of claims within {window} in which the insured was at fault."""
    return t.count(where=within & t.at_fault.fill_null(False))


@family("人伤出险次数", D365, M36, unit="claims", relation="claims", type="int64", empty=0)
def injury_claim_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of claims within {window} with a person injured."""
    return t.count(where=within & t.injury.fill_null(False))


@family("出险车辆数", M36, unit="vehicles", relation="claims", type="int64", empty=0)
def claim_vehicles(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of different vehicles with a claim within {window}."""
    return t.vehicle_id.nunique(where=within)


@tag("距上次出险天数", unit="days", relation="claims", null=NO_CLAIM, type="int64")
def days_since_last_claim(t: ir.Table) -> ir.Value:
    """Days since the latest claim occurred."""
    return t.days_ago.min()


@tag("未决赔案数", unit="claims", relation="claims", type="int64", empty=0)
def open_claims(t: ir.Table) -> ir.Value:
    """Number of claims reported and not closed, or opened again: amounts moved after the closing,
    and something is outstanding."""
    return t.count(where=t.closed_at.isnull() & (t.reported_days_ago >= 0))


@tag("最长未决天数", unit="days", relation="claims", null="no claim is open", type="int64")
def days_since_oldest_open_claim(t: ir.Table) -> ir.Value:
    """Days since the report of the claim that has been open longest."""
    return t.reported_days_ago.max(where=t.closed_at.isnull() & (t.reported_days_ago >= 0))


@tag("距上次结案天数", unit="days", relation="claims", null="no claim was closed", type="int64")
def days_since_last_claim_closed(t: ir.Table) -> ir.Value:
    """Days since a claim was last closed; of those that are not open again."""
    return t.closed_days_ago.min()


@tag("距上次报案天数", unit="days", relation="claims", null="no claim is known", type="int64")
def days_since_last_claim_reported(t: ir.Table) -> ir.Value:
    """Days since a claim was last reported."""
    return t.reported_days_ago.min(where=t.reported_days_ago >= 0)


@tag("距上次查勘天数", unit="days", relation="claims", null="no claim was surveyed", type="int64")
def days_since_last_claim_surveyed(t: ir.Table) -> ir.Value:
    """Days since a claim was last surveyed."""
    return t.surveyed_days_ago.min()


@tag("距上次赔付天数", unit="days", relation="claims", null="no claim was paid", type="int64")
def days_since_last_claim_paid(t: ir.Table) -> ir.Value:
    """Days since a claim was last paid."""
    return t.paid_days_ago.min()


@family("平均报案延迟天数", M36, unit="days", relation="claims", null=NONE_IN_WINDOW)
def report_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from accident to report, of claims that occurred within {window}."""
    return mean(t.days_ago - t.reported_days_ago, within)


@family("平均查勘天数", M36, unit="days", relation="claims",
        null="no claim of the window was surveyed")  # fmt: skip
def survey_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from report to survey, of claims within {window} that were surveyed."""
    return mean(t.reported_days_ago - t.surveyed_days_ago, within)


@family("平均赔付天数", M36, unit="days", relation="claims",
        null="no claim of the window was paid")  # fmt: skip
def payment_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from report to payment, of claims within {window} that were paid."""
    return mean(t.reported_days_ago - t.paid_days_ago, within)


@family("已决赔款", D365, M36, unit="yuan", relation="claim_amounts", null=NO_AMOUNTS, empty=0)
def claims_paid(t: ir.Table, within: ir.Value) -> ir.Value:
    """Paid so far on claims that occurred within {window}."""
    return t.paid.sum(where=within).fill_null(0).cast("float64")


@family("赔款（已决+未决）", D365, M36, EVER, unit="yuan", relation="claim_amounts",
        null=NO_AMOUNTS, empty=0)  # fmt: skip
def claims_incurred(t: ir.Table, within: ir.Value) -> ir.Value:
    """Paid and outstanding, as known, on claims that occurred within {window}."""
    return t.incurred.sum(where=within).fill_null(0).cast("float64")


@tag("未决赔款", unit="yuan", relation="claim_amounts", null=NO_AMOUNTS, empty=0)
def claims_outstanding(t: ir.Table) -> ir.Value:
    """Outstanding on all claims."""
    return t.outstanding.sum().cast("float64")


@family("单案最大赔款", M36, unit="yuan", relation="claim_amounts",
        null="no claim with an amount occurred in the window")  # fmt: skip
def largest_claim(t: ir.Table, within: ir.Value) -> ir.Value:
    """Paid and outstanding on the costliest claim that occurred within {window}."""
    return t.incurred.max(where=within).cast("float64")


@tag(
    "近36个月车险保费",
    unit="yuan",
    window="36 months",
    relation="motor_terms",
    null="policies are absent",
    empty=0,
)
def motor_premium_36m(t: ir.Table) -> ir.Value:
    """Written premium of motor terms whose inception lies within 36 months."""
    recent = t.started & (t.inception > t.from_36m)
    return t.written_premium.sum(where=recent).fill_null(0).cast("float64")


@tag(
    "近36个月简单赔付率",
    unit="share",
    window="36 months",
    null="no motor premium in the window, or claim movements are absent",
)
def claims_ratio_36m(t: ir.Table) -> ir.Value:
    """claims_incurred_36m / motor_premium_36m."""
    return ratio(t.claims_incurred_36m, t.motor_premium_36m)


@tag("近36个月案均赔款", unit="yuan", window="36 months", null=NONE_IN_WINDOW)
def mean_claim_36m(t: ir.Table) -> ir.Value:
    """claims_incurred_36m / claim_count_36m."""
    return ratio(t.claims_incurred_36m, t.claim_count_36m)
