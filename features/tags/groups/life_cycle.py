"""Life-cycle tags 客户经营周期, of the loyalty group: chains of cover, returns, and the stage.

A chain is a run of motor terms without a break of more than 6 months, as the star rule has it.
"""

import ibis
import ibis.expr.types as ir

from features.tags.groups.loyalty import GROUP, NO_COVER

tag = GROUP.tag

STAGES = {"entry": "创造入口", "stickiness": "产生黏性", "trust": "建立信任"}
TRUSTED_YEARS = 3
CLOSENESS = (
    "open_complaints",
    "mini_program_bound",
    "wecom_added",
    "contact_response_count_365d",
    "entitlement_used_count_365d",
)


@tag("连续投保天数", unit="days", relation="cover_chains", null=NO_COVER, type="int64")
def days_since_chain_start(t: ir.Table) -> ir.Value:
    """Days since the first inception of the latest chain of motor terms, running or over."""
    return t.began_days_ago.min()


@tag("连续投保保单数", unit="terms", relation="cover_chains", type="int64", empty=0)
def motor_terms_in_chain(t: ir.Table) -> ir.Value:
    """Number of motor terms begun in the latest chain, compulsory and commercial."""
    return t.terms.argmax(t.began)


@tag("连续投保续保次数", unit="terms", relation="cover_chains", type="int64", empty=0)
def renewals_in_chain(t: ir.Table) -> ir.Value:
    """Number of motor terms begun in the latest chain that follow another of the same vehicle and
    line in it."""
    return t.renewals.argmax(t.began)


@tag("最长连续投保天数", unit="days", window="ever", relation="cover_chains", null=NO_COVER,
     type="int64")  # fmt: skip
def longest_chain_days(t: ir.Table) -> ir.Value:
    """Days from the first to the latest inception of the chain for which they are most."""
    return t.latest_inception.delta(t.began, unit="day").max()


@tag("近36个月断保回归次数", unit="returns", window="36 months", relation="cover_chains",
     type="int64", empty=0)  # fmt: skip
def cover_return_count_36m(t: ir.Table) -> ir.Value:
    """Number of times within 36 months that motor cover began again after a break of more than 6
    months."""
    return t.count(where=t.returned & (t.began > t.from_36m))


@tag("曾断保回归", unit="yes or no", window="ever", relation="cover_chains", type="boolean",
     empty=0)  # fmt: skip
def returned_after_break(t: ir.Table) -> ir.Value:
    """Whether the customer was won back: motor cover began again after a break of more than 6
    months."""
    return t.returned.any()


@tag("距断保回归天数", unit="days", relation="cover_chains", type="int64",
     null="motor cover never began again after a break of more than 6 months")  # fmt: skip
def days_since_last_return(t: ir.Table) -> ir.Value:
    """Days since motor cover last began again after a break of more than 6 months."""
    return t.began_days_ago.min(where=t.returned)


@tag("客户经营阶段", unit="stage", type="string", needs=CLOSENESS)
def life_cycle_stage(t: ir.Table) -> ir.Value:
    """How close the customer is: entry 创造入口, stickiness 产生黏性 or trust 建立信任. Stickiness:
    the mini-program is bound or WeCom added, or an entitlement was used or a contact responded to
    within 365 days, or a non-motor policy is in force. Trust: one of these other than bound or
    added, and tenure_years of 3 or more, and no complaint open. Entry: neither. What is not known
    counts as not so."""
    active = (
        (t.entitlement_used_count_365d.fill_null(0) > 0)
        | (t.contact_response_count_365d.fill_null(0) > 0)
        | (t.non_motor_policies_in_force.fill_null(0) > 0)
    )
    bound = t.mini_program_bound.fill_null(False) | t.wecom_added.fill_null(False)
    loyal = t.tenure_years.fill_null(0) >= TRUSTED_YEARS
    content = t.open_complaints.fill_null(0) == 0
    return ibis.cases(
        (active & loyal & content, "trust"), (active | bound, "stickiness"), else_="entry"
    )
