"""Tags of the product basket 产品组合, of the loyalty group: lines held, lapsed and renewed."""

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.tags.choices import share_of
from features.tags.groups.loyalty import GROUP

tag = GROUP.tag

NO_NON_MOTOR = "no non-motor policy was signed"


@tag("历史险类数", unit="lines", window="ever", relation="policies", type="int64", empty=0)
def lines_ever(t: ir.Table) -> ir.Value:
    """Number of different lines of cover ever begun, motor and non-motor."""
    return t.line.nunique(where=t.started)


@tag("车险与非车险兼有", unit="yes or no", relation="policies", type="boolean", empty=0)
def motor_and_non_motor(t: ir.Table) -> ir.Value:
    """Whether motor and non-motor cover are both in force."""
    motor = t.line.isin(MOTOR_LINES)
    return (t.in_force & motor).any() & (t.in_force & ~motor).any()


@tag("有效非车险保单数", unit="policies", relation="non_motor_terms", type="int64", empty=0)
def non_motor_policies_in_force(t: ir.Table) -> ir.Value:
    """Number of non-motor policies in force."""
    return t.count(where=t.in_force)


@tag("非车险距到期天数", unit="days", relation="non_motor_terms", type="int64",
     null="no non-motor policy is in force")  # fmt: skip
def days_to_non_motor_expiry(t: ir.Table) -> ir.Value:
    """Days to the end of the non-motor policy in force that ends first."""
    return t.ends_in_days.min(where=t.in_force)


@tag("失效非车险险类数", unit="lines", relation="non_motor_terms", type="int64", empty=0)
def non_motor_lines_lapsed(t: ir.Table) -> ir.Value:
    """Number of non-motor lines once held of which no policy is in force or begins later."""
    return t.line.nunique() - t.line.nunique(where=t.cover_end > t.as_of)


@tag("非车险续保次数", unit="policies", window="ever", relation="non_motor_terms", type="int64",
     empty=0)  # fmt: skip
def non_motor_renewals_ever(t: ir.Table) -> ir.Value:
    """Number of non-motor policies begun that follow another of the same line."""
    return t.count(where=t.started) - t.line.nunique(where=t.started)


@tag("首个非车险", unit="line", window="ever", relation="non_motor_terms", type="string",
     null=NO_NON_MOTOR)  # fmt: skip
def first_non_motor_line(t: ir.Table) -> ir.Value:
    """Line of the non-motor policy that was signed first: accident 意外险, health 健康险,
    household 家财险 or other 其他."""
    order = ibis.struct({"signed_at": t.signed_at, "policy_id": t.policy_id})
    return t.line.argmin(order)


@tag("距首次购买非车险天数", unit="days", relation="non_motor_terms", type="int64",
     null=NO_NON_MOTOR)  # fmt: skip
def days_since_first_non_motor_signing(t: ir.Table) -> ir.Value:
    """Days since a non-motor policy was first signed."""
    return t.days_ago.max()


@tag("不再投保车辆数", unit="vehicles", window="ever", relation="motor_terms", type="int64",
     empty=0)  # fmt: skip
def vehicles_no_longer_insured(t: ir.Table) -> ir.Value:
    """Number of vehicles once insured of which no motor term is in force or begins later: parts of
    the household that have left already."""
    return t.vehicle_id.nunique() - t.vehicle_id.nunique(where=t.cover_end > t.as_of)


@tag(
    "车均有效保单数",
    unit="policies",
    needs=("motor_policies_in_force", "motor_vehicles_in_force"),
    null="no motor term is in force",
)
def policies_per_vehicle(t: ir.Table) -> ir.Value:
    """(motor_policies_in_force + non_motor_policies_in_force) / motor_vehicles_in_force."""
    policies = t.motor_policies_in_force + t.non_motor_policies_in_force
    return share_of(policies, t.motor_vehicles_in_force)
