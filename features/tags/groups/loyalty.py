"""Loyalty tags 忠诚度: star and value, how long with us, breaks in cover, other products held."""

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.tags.declare import TagGroup

GROUP = TagGroup("loyalty", "忠诚度")
tag = GROUP.tag
members = GROUP.members

NO_COVER = "no motor term has begun"
# More days without cover than this restart the tenure; docs/star.md counts in months.
BREAK_DAYS = 184


@tag("客户星级", unit="stars", relation="rating", null="not rated", type="int64")
def star_level(t: ir.Table) -> ir.Value:
    """Star of the customer, 1 bronze to 5 diamond (features/stars/explain.py)."""
    return t.star_level.max()


@tag("客户价值", unit="yuan", window="5 years", relation="rating", null="not rated")
def customer_value(t: ir.Table) -> ir.Value:
    """(motor premium - motor claims) x tenure coefficient over five years, for models."""
    return t.value.max().cast("float64")


@tag("客户价值（精确）", unit="yuan", window="5 years", relation="rating", null="not rated",
     type="string")  # fmt: skip
def customer_value_exact(t: ir.Table) -> ir.Value:
    """customer_value as an exact decimal, written out."""
    return t.value.max().cast("string")


@tag("留存年限", unit="years", relation="rating", null="not rated", type="int64")
def tenure_years(t: ir.Table) -> ir.Value:
    """Consecutive years insured with us; a break of more than 6 months restarts the count."""
    return t.tenure_years.max()


@tag("脱保", unit="yes or no", relation="rating", null="not rated", type="boolean")
def lapsed(t: ir.Table) -> ir.Value:
    """Whether the customer has been without motor cover for more than 6 months."""
    return t.lapsed.any()


@tag("五年车险保费", unit="yuan", window="5 years", relation="rating", null="not rated")
def star_premium_5y(t: ir.Table) -> ir.Value:
    """Premium that enters the star rating."""
    return t.premium_5y.max().cast("float64")


@tag("五年车险赔款", unit="yuan", window="5 years", relation="rating", null="not rated")
def star_claims_5y(t: ir.Table) -> ir.Value:
    """Claims, paid and outstanding, that enter the star rating."""
    return t.claims_5y.max().cast("float64")


@tag("距保障结束天数", unit="days", relation="motor_terms", null=NO_COVER, type="int64")
def days_since_motor_cover_end(t: ir.Table) -> ir.Value:
    """Days since motor cover ended; negative while it lasts."""
    return (0 - t.ends_in_days).min(where=t.started)


@tag("首次投保距今天数", unit="days", relation="motor_terms", null=NO_COVER, type="int64")
def days_since_first_motor_term(t: ir.Table) -> ir.Value:
    """Days since the inception of the first motor term."""
    return t.started_days_ago.max(where=t.started)


@tag("续保次数", unit="terms", relation="motor_terms", type="int64", empty=0)
def commercial_renewals_ever(t: ir.Table) -> ir.Value:
    """Number of commercial terms begun that follow another of the same vehicle."""
    return t.count(where=t.commercial & t.started & (t.term_number > 1))


@tag("投保车辆总数", unit="vehicles", relation="motor_terms", type="int64", empty=0)
def vehicles_ever(t: ir.Table) -> ir.Value:
    """Number of different vehicles ever insured."""
    return t.vehicle_id.nunique(where=t.started)


@tag("断保次数", unit="gaps", relation="motor_terms", type="int64", empty=0)
def cover_gaps_ever(t: ir.Table) -> ir.Value:
    """Number of motor terms begun that follow a day or more without any motor cover."""
    return t.count(where=t.started & (t.gap_days > 0))


@tag("长断保次数", unit="gaps", relation="motor_terms", type="int64", empty=0)
def long_cover_gaps_ever(t: ir.Table) -> ir.Value:
    """Number of motor terms begun that follow more than 184 days without any motor cover."""
    return t.count(where=t.started & (t.gap_days > BREAK_DAYS))


@tag("最长断保天数", unit="days", relation="motor_terms", type="int64",
     null="fewer than two motor terms have begun")  # fmt: skip
def longest_cover_gap_days(t: ir.Table) -> ir.Value:
    """Longest time without any motor cover between two motor terms."""
    return t.gap_days.max(where=t.started)


with GROUP.interleaved():

    @members(
        {
            "holds_accident": ("持有意外险", "accident"),
            "holds_health": ("持有健康险", "health"),
            "holds_household": ("持有家财险", "household"),
        },
        unit="yes or no", relation="policies", type="boolean", empty=0,
    )  # fmt: skip
    def holds_line(t: ir.Table, line: str) -> ir.Value:
        """Whether {value} cover is in force."""
        return (t.in_force & (t.line == line)).any()

    @members(
        {
            "accident_policies_ever": ("意外险保单总数", "accident"),
            "health_policies_ever": ("健康险保单总数", "health"),
            "household_policies_ever": ("家财险保单总数", "household"),
        },
        unit="policies", relation="policies", type="int64", empty=0,
    )  # fmt: skip
    def line_policies_ever(t: ir.Table, line: str) -> ir.Value:
        """Number of {value} policies signed."""
        return t.count(where=t.line == line)


@tag("持有险类数", unit="lines", relation="policies", type="int64", empty=0)
def products_held(t: ir.Table) -> ir.Value:
    """Number of different lines of cover in force."""
    return t.line.nunique(where=t.in_force)


@tag("有效非车险保费", unit="yuan", relation="policies", empty=0)
def non_motor_premium_in_force(t: ir.Table) -> ir.Value:
    """Written premium of non-motor policies in force."""
    chosen = t.in_force & t.line.notin(MOTOR_LINES)
    return t.written_premium.sum(where=chosen).fill_null(0).cast("float64")


@tag("距上次购买非车险天数", unit="days", relation="policies", type="int64",
     null="no non-motor policy was signed")  # fmt: skip
def days_since_last_non_motor_signing(t: ir.Table) -> ir.Value:
    """Days since a non-motor policy was last signed."""
    return t.signed_days_ago.min(where=t.line.notin(MOTOR_LINES))


@tag("建档天数", unit="days", relation="customers", null="customer unknown", type="int64")
def days_since_registration(t: ir.Table) -> ir.Value:
    """Days since the customer was registered."""
    return t.registered_days_ago.max()


@tag("最长断保占比", unit="share", null=NO_COVER)
def longest_gap_share(t: ir.Table) -> ir.Value:
    """longest_cover_gap_days / days_since_first_motor_term, 0 without a gap."""
    days = t.days_since_first_motor_term
    share = t.longest_cover_gap_days.fill_null(0) / days
    # On the first day no gap can lie behind, and there is nothing to divide by.
    return (days == 0).ifelse(ibis.literal(0.0), share)
