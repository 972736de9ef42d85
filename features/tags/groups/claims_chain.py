"""Claims tags 理赔 of the claims chain 报案-查勘-定损-理算-赔付.

They say how long each step took, compared with its standard
(`features/tags/relations/claims_standards.py`), and which step open claims have reached.
"""

from typing import NamedTuple

import ibis
import ibis.expr.types as ir

from features.tags.declare import M36
from features.tags.exact import mean, ratio
from features.tags.groups.claims import GROUP
from features.tags.relations.claims_standards import STEPS

tag = GROUP.tag
family = GROUP.family
members = GROUP.members


class Step(NamedTuple):
    """A step of the chain, and in words the span that its days count."""

    name: str
    span: str


REPORT = Step("report", "from accident to report")
SURVEY = Step("survey", "from report to survey")
ASSESS = Step("assess", "from survey to assessment")
ADJUST = Step("adjust", "from assessment to adjustment")
PAY = Step("pay", "from adjustment to payment")
NO_DATES = "no claim of the window has both dates {value.span}"
NO_OPEN = "no claim is open"


@family("平均定损天数", M36, unit="days", relation="claims",
        null="no claim of the window was assessed after a survey")  # fmt: skip
def assess_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from survey to assessment, of claims within {window} that were assessed."""
    return mean(t.assess_days, within)


@family("平均理算天数", M36, unit="days", relation="claims",
        null="no claim of the window was adjusted after an assessment")  # fmt: skip
def adjust_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from assessment to adjustment, of claims within {window} that were adjusted."""
    return mean(t.adjust_days, within)


@family("平均理算后赔付天数", M36, unit="days", relation="claims",
        null="no claim of the window was paid after an adjustment")  # fmt: skip
def pay_delay_days(t: ir.Table, within: ir.Value) -> ir.Value:
    """Mean days from adjustment to payment, of claims within {window} that were paid."""
    return mean(t.pay_days, within)


with GROUP.interleaved():

    @members(
        {
            "longest_report_delay_days": ("最长报案天数", REPORT),
            "longest_survey_delay_days": ("最长查勘天数", SURVEY),
            "longest_assess_delay_days": ("最长定损天数", ASSESS),
            "longest_adjust_delay_days": ("最长理算天数", ADJUST),
            "longest_pay_delay_days": ("最长赔付天数", PAY),
        },
        M36, unit="days", relation="claims", type="int64", null=NO_DATES,
    )  # fmt: skip
    def longest_step_delay_days(t: ir.Table, within: ir.Value, step: Step) -> ir.Value:
        """Most days {value.span}, of claims that occurred within {window}."""
        return t[f"{step.name}_days"].max(where=within)

    @members(
        {
            "report_in_time_share": ("报案时效达标率", REPORT),
            "survey_in_time_share": ("查勘时效达标率", SURVEY),
            "assess_in_time_share": ("定损时效达标率", ASSESS),
            "adjust_in_time_share": ("理算时效达标率", ADJUST),
            "pay_in_time_share": ("赔付时效达标率", PAY),
        },
        M36, unit="share", relation="claims", null=NO_DATES,
    )  # fmt: skip
    def step_in_time_share(t: ir.Table, within: ir.Value, step: Step) -> ir.Value:
        """Share of the claims that occurred within {window} whose days {value.span} were within the
        standard, of those that have both dates."""
        return ratio(_in_time(t, step.name, within), t[f"{step.name}_days"].count(where=within))


@family("理赔环节时效达标率", M36, unit="share", relation="claims",
        null="no step was taken on a claim of the window")  # fmt: skip
def claim_steps_in_time_share(t: ir.Table, within: ir.Value) -> ir.Value:
    """Share of the steps taken, of all five, that were within their standard, on claims that
    occurred within {window}."""
    in_time, steps = [], []
    for step in STEPS:
        in_time.append(_in_time(t, step, within))
        steps.append(t[f"{step}_days"].count(where=within))
    return ratio(sum(in_time[1:], in_time[0]), sum(steps[1:], steps[0]))


@tag("超时赔案数", unit="claims", relation="claims", type="int64", empty=0)
def overdue_claims(t: ir.Table) -> ir.Value:
    """Number of open claims that have waited for their next step longer than its standard."""
    return t.count(where=t.overdue)


@tag("最近未决赔案环节", unit="stage", relation="claims", null=NO_OPEN, type="string")
def open_claim_stage(t: ir.Table) -> ir.Value:
    """Last step taken on the open claim reported last: report 报案, survey 查勘, assess 定损,
    adjust 理算 or pay 赔付."""
    return t.stage.argmax(_last_reported(t), where=t.open)


@tag("距最近未决赔案进展天数", unit="days", relation="claims", null=NO_OPEN, type="int64")
def days_since_open_claim_step(t: ir.Table) -> ir.Value:
    """Days since the last step on the open claim reported last."""
    return t.stage_days_ago.argmax(_last_reported(t), where=t.open)


def _in_time(t: ir.Table, step: str, within: ir.Value) -> ir.Value:
    """Count the claims whose step was in time."""
    return t.count(where=within & t[f"{step}_in_time"].fill_null(False))


def _last_reported(t: ir.Table) -> ir.Value:
    """Order claims by their report; of equals the greater id comes last."""
    return ibis.struct({"moment": t.reported_at, "claim": t.claim_id})
