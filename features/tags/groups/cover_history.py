"""Underwriting tags 承保 of cover and its history: what is insured and how it changed, no-claims
discount, channels, transfers, how terms begin and end, and years of cover."""

import ibis
import ibis.expr.types as ir

from features.lake.terms import left_to_renew
from features.tags.declare import M36
from features.tags.exact import mean, ratio, yuan
from features.tags.groups.underwriting import GROUP, NO_MOTOR, NO_TERM, next_commercial

tag = GROUP.tag
family = GROUP.family

NO_PREVIOUS = NO_TERM + ", or it is the vehicle's first with us"
NO_BEGUN = "no commercial motor term has begun"
# Below this limit a serious injury is not covered in full (our choice).
LOW_LIMIT_YUAN = 1_000_000
BEST_NCD_LEVEL = -4
SHORT_TERM_DAYS = 360
YEAR_DAYS = 365.25


@tag("未续保车险距到期天数", unit="days", relation="motor_terms", type="int64",
     null="no motor term in force is left to renew")  # fmt: skip
def days_to_unrenewed_expiry(t: ir.Table) -> ir.Value:
    """Days to the end of the motor term in force that ends first, of those that are not cancelled
    and whose vehicle has no motor term signed that incepts later and no earlier than 30 days before
    this end. With several cars, the next one to renew."""
    return t.ends_in_days.min(where=left_to_renew(t))


@tag("距上次车险签单天数", unit="days", relation="motor_terms", type="int64", null=NO_MOTOR)
def days_since_last_motor_signing(t: ir.Table) -> ir.Value:
    """Days since a motor term was last signed."""
    return t.signed_days_ago.min(where=t.signed_days_ago >= 0)


@tag("有效商业险保单数", unit="policies", relation="motor_terms", type="int64", empty=0)
def commercial_policies_in_force(t: ir.Table) -> ir.Value:
    """Number of commercial motor terms in force."""
    return t.count(where=t.commercial & t.in_force)


@tag("无商业险在保车辆数", unit="vehicles", relation="motor_terms", type="int64", empty=0)
def vehicles_without_commercial(t: ir.Table) -> ir.Value:
    """Number of vehicles with compulsory cover in force and no commercial cover with us."""
    insured = t.vehicle_id.nunique(where=t.in_force)
    return insured - t.vehicle_id.nunique(where=t.in_force & t.commercial)


@tag("无交强险在保车辆数", unit="vehicles", relation="motor_terms", type="int64", empty=0)
def vehicles_without_compulsory(t: ir.Table) -> ir.Value:
    """Number of vehicles with commercial cover in force and no compulsory cover with us, which
    another insurer then has."""
    insured = t.vehicle_id.nunique(where=t.in_force)
    return insured - t.vehicle_id.nunique(where=t.in_force & ~t.commercial)


@tag("投保车损险", unit="yes or no", relation="motor_terms", null=NO_TERM, type="boolean")
def own_damage_cover(t: ir.Table) -> ir.Value:
    """Whether the commercial term in force that ends first has a sum insured for own damage."""
    return (t.sum_insured > 0).fill_null(False).any(where=next_commercial(t))


@tag("商业险保障项数", unit="covers", relation="motor_terms", null=NO_TERM, type="int64")
def cover_breadth(t: ir.Table) -> ir.Value:
    """How many of own damage, third-party and driver accident cover the commercial term in force
    that ends first has."""
    return _breadth(t).max(where=next_commercial(t))


@tag("商业险保障项数变化", unit="covers", relation="motor_terms", null=NO_PREVIOUS, type="int64")
def cover_breadth_change(t: ir.Table) -> ir.Value:
    """Covers gained, or lost if negative, from the vehicle's commercial term before."""
    change = _breadth(t) - _breadth(t, "previous_")
    return change.max(where=next_commercial(t) & (t.term_number > 1))


@tag("三者险保额变化", unit="yuan", relation="motor_terms", null=NO_PREVIOUS)
def third_party_limit_change(t: ir.Table) -> ir.Value:
    """Change of the third-party limit from the vehicle's commercial term before."""
    return yuan((t.third_party_limit - t.previous_limit).max(where=next_commercial(t)))


@tag("三者险保额不足百万", unit="yes or no", relation="motor_terms", null=NO_TERM, type="boolean")
def third_party_limit_low(t: ir.Table) -> ir.Value:
    """Whether the third-party limit of the commercial term in force that ends first is below
    1,000,000 yuan; so is no third-party cover."""
    low = t.third_party_limit.fill_null(0) < LOW_LIMIT_YUAN
    return low.any(where=next_commercial(t))


@tag("历史最高三者险保额", unit="yuan", relation="motor_terms", null=NO_BEGUN)
def third_party_limit_highest_ever(t: ir.Table) -> ir.Value:
    """Highest third-party limit of a commercial term that has begun."""
    return yuan(t.third_party_limit.max(where=t.commercial & t.started))


@tag("车损险保额变化率", unit="change", relation="motor_terms", null=NO_PREVIOUS)
def sum_insured_change_ratio(t: ir.Table) -> ir.Value:
    """Sum insured of the commercial term in force that ends first / of the one before - 1."""
    here = next_commercial(t)
    return ratio(t.sum_insured.max(where=here), t.previous_sum_insured.max(where=here)) - 1


@tag("历史最优无赔款优待等级", unit="level", relation="motor_terms", null=NO_BEGUN, type="int64")
def ncd_level_best_ever(t: ir.Table) -> ir.Value:
    """Lowest no-claims discount level, the lower the cheaper, of commercial terms begun."""
    return t.ncd_level.min(where=t.commercial & t.started)


@tag("历史最差无赔款优待等级", unit="level", relation="motor_terms", null=NO_BEGUN, type="int64")
def ncd_level_worst_ever(t: ir.Table) -> ir.Value:
    """Highest no-claims discount level of commercial terms begun."""
    return t.ncd_level.max(where=t.commercial & t.started)


@tag("无赔款优待累计改善级数", unit="levels", relation="motor_terms", type="int64", empty=0)
def ncd_levels_gained_ever(t: ir.Table) -> ir.Value:
    """No-claims discount levels gained at renewals begun, added up."""
    return _levels(t, t.previous_ncd_level - t.ncd_level)


@tag("无赔款优待累计恶化级数", unit="levels", relation="motor_terms", type="int64", empty=0)
def ncd_levels_lost_ever(t: ir.Table) -> ir.Value:
    """No-claims discount levels lost at renewals begun, added up."""
    return _levels(t, t.ncd_level - t.previous_ncd_level)


@tag("最高优待保单数", unit="terms", relation="motor_terms", type="int64", empty=0)
def ncd_terms_at_best_ever(t: ir.Table) -> ir.Value:
    """Number of commercial terms begun at the largest no-claims discount, level -4."""
    return t.count(where=t.commercial & t.started & (t.ncd_level == BEST_NCD_LEVEL))


@tag("首次投保渠道", unit="channel", relation="motor_terms", null=NO_MOTOR, type="string")
def first_channel(t: ir.Table) -> ir.Value:
    """Channel of the customer's first motor term: one of direct, telephone, online, agent, broker,
    dealer."""
    return t.channel.argmin(ibis.struct({"day": t.inception, "policy": t.policy_id}))


@tag("首次投保新转续", unit="kind", relation="motor_terms", null=NO_MOTOR, type="string")
def first_business_type(t: ir.Table) -> ir.Value:
    """How the customer's first motor term came: new, transfer or renewal."""
    return t.business_type.argmin(ibis.struct({"day": t.inception, "policy": t.policy_id}))


@tag("使用渠道数", unit="channels", relation="motor_terms", type="int64", empty=0)
def channels_used_ever(t: ir.Table) -> ir.Value:
    """Number of different channels through which motor terms were signed."""
    return t.channel.nunique()


@tag("渠道同上年", unit="yes or no", relation="motor_terms", null=NO_PREVIOUS, type="boolean")
def channel_kept(t: ir.Table) -> ir.Value:
    """Whether the commercial term in force that ends first came through the channel of the
    vehicle's term before."""
    return (t.channel == t.previous_channel).any(where=next_commercial(t))


@tag("客户经理已更换", unit="yes or no", relation="motor_terms", null=NO_PREVIOUS, type="boolean")
def account_manager_changed(t: ir.Table) -> ir.Value:
    """Whether the commercial term in force that ends first has another account manager than the
    vehicle's term before."""
    changed = t.account_manager_id != t.previous_account_manager_id
    return changed.any(where=next_commercial(t))


@tag("历任客户经理数", unit="managers", relation="motor_terms", type="int64", empty=0)
def account_managers_ever(t: ir.Table) -> ir.Value:
    """Number of different account managers of motor terms."""
    return t.account_manager_id.nunique()


@tag("转入车辆数", unit="vehicles", relation="motor_terms", type="int64", empty=0)
def transferred_vehicles_ever(t: ir.Table) -> ir.Value:
    """Number of different vehicles transferred in from another insurer."""
    return t.vehicle_id.nunique(where=t.business_type == "transfer")


@tag("赢回次数", unit="terms", relation="motor_terms", type="int64", empty=0)
def won_back_terms_ever(t: ir.Table) -> ir.Value:
    """Number of motor terms transferred in of a vehicle that we had insured before: a motor term of
    it, of either line, had ended by the inception."""
    won_back = (t.business_type == "transfer") & (t.first_cover_end <= t.inception)
    return t.count(where=won_back)


@tag("上年承保公司", unit="insurer", relation="motor_terms", type="string",
     null="no motor term names an insurer before us")  # fmt: skip
def previous_insurer(t: ir.Table) -> ir.Value:
    """Insurer before us, of the motor term that names one and begins last."""
    order = ibis.struct({"day": t.inception, "policy": t.policy_id})
    return t.previous_insurer.argmax(order, where=t.previous_insurer.notnull())


@tag("新车起承保", unit="yes or no", relation="motor_terms", null=NO_MOTOR, type="boolean")
def insured_from_new(t: ir.Table) -> ir.Value:
    """Whether the first term of the leading motor term's vehicle and line was new business, so that
    the car was new when we began to insure it."""
    return (t.first_business_type == "new").any(where=t.leading)


@tag("平均提前续保天数", unit="days", relation="motor_terms",
     null="no commercial term of the same vehicle follows another")  # fmt: skip
def renewal_lead_days_mean(t: ir.Table) -> ir.Value:
    """Mean days from signing to inception of the commercial terms that follow another of the
    vehicle."""
    return mean(_lead(t), t.commercial & (t.term_number > 1))


@tag("最短提前续保天数", unit="days", relation="motor_terms", type="int64",
     null="no commercial term of the same vehicle follows another")  # fmt: skip
def renewal_lead_days_shortest(t: ir.Table) -> ir.Value:
    """Fewest days from signing to inception of a commercial term that follows another of the
    vehicle; negative if it was signed late."""
    return _lead(t).min(where=t.commercial & (t.term_number > 1))


@family("退保次数", M36, unit="terms", relation="early_ends", type="int64", empty=0)
def cancellation_count(t: ir.Table, within: ir.Value) -> ir.Value:
    """Number of motor terms cancelled before their expiry to a day within {window}."""
    return t.count(where=within)


@family("退保退费", M36, unit="yuan", relation="early_ends", null="policies are absent", empty=0)
def refund(t: ir.Table, within: ir.Value) -> ir.Value:
    """Premium refunded on motor terms cancelled to a day within {window}: as first written less as
    written now."""
    return yuan(t.refund.sum(where=within).fill_null(0))


@tag("距上次退保天数", unit="days", relation="early_ends", type="int64",
     null="no motor term was cancelled")  # fmt: skip
def days_since_last_cancellation(t: ir.Table) -> ir.Value:
    """Days since a motor term was last cancelled before its expiry."""
    return t.days_ago.min()


@tag("自起保退保次数", unit="terms", relation="early_ends", type="int64", empty=0)
def cancelled_from_inception_ever(t: ir.Table) -> ir.Value:
    """Number of motor terms cancelled from their inception, as if they had never been."""
    return t.count(where=t.from_inception)


@tag("短期保单数", unit="terms", relation="motor_terms", type="int64", empty=0)
def short_terms_ever(t: ir.Table) -> ir.Value:
    """Number of motor terms written for less than 360 days."""
    return t.count(where=t.expiry.delta(t.inception, unit="day") < SHORT_TERM_DAYS)


@tag("60天内到期车辆数", unit="vehicles", relation="motor_terms", window="next 60 days",
     type="int64", empty=0)  # fmt: skip
def vehicles_expiring_60d(t: ir.Table) -> ir.Value:
    """Number of vehicles with a motor term in force that ends within 60 days."""
    return t.vehicle_id.nunique(where=t.in_force & (t.ends_in_days <= 60))


@tag("商业险到期间隔天数", unit="days", relation="motor_terms", null=NO_TERM, type="int64")
def commercial_expiry_spread_days(t: ir.Table) -> ir.Value:
    """Days between the first and the last end of the commercial terms in force; 0 with one."""
    running = t.commercial & t.in_force
    return t.ends_in_days.max(where=running) - t.ends_in_days.min(where=running)


@tag("末张商业险距到期天数", unit="days", relation="motor_terms", null=NO_TERM, type="int64")
def days_to_last_commercial_expiry(t: ir.Table) -> ir.Value:
    """Days to the end of the commercial term in force that ends last."""
    return t.ends_in_days.max(where=t.commercial & t.in_force)


@tag("已结束商业险保障天数", unit="days", relation="motor_terms", type="int64", empty=0)
def commercial_days_ended(t: ir.Table) -> ir.Value:
    """Days of cover of the commercial terms that have ended, added up over vehicles."""
    days = t.cover_end.delta(t.inception, unit="day")
    return days.sum(where=t.commercial & (t.cover_end <= t.as_of)).fill_null(0)


@tag("最早有效商业险已保天数", unit="days", relation="motor_terms", null=NO_TERM, type="int64")
def days_since_earliest_commercial_inception(t: ir.Table) -> ir.Value:
    """Days since the inception of the commercial term in force that began first."""
    return t.started_days_ago.max(where=t.commercial & t.in_force)


@tag("最近有效商业险已保天数", unit="days", relation="motor_terms", null=NO_TERM, type="int64")
def days_since_latest_commercial_inception(t: ir.Table) -> ir.Value:
    """Days since the inception of the commercial term in force that began last."""
    return t.started_days_ago.min(where=t.commercial & t.in_force)


COVER_TIME = (
    "commercial_policies_in_force",
    "commercial_days_ended",
    "days_since_earliest_commercial_inception",
    "days_since_latest_commercial_inception",
)
"""Tags from which the years of cover are derived."""


@tag("商业险保障年数", unit="years", null="policies are absent")
def commercial_insured_years(t: ir.Table) -> ir.Value:
    """Vehicle years of commercial cover so far: commercial_days_ended and, for each term in force,
    the days since its inception, in years of 365.25 days. Exact for up to two terms in force; for
    more, the ones between count as the mean of the earliest and the latest."""
    ends = t.days_since_earliest_commercial_inception + t.days_since_latest_commercial_inception
    running = t.commercial_policies_in_force * ends.fill_null(0) / 2
    return (t.commercial_days_ended + running) / YEAR_DAYS


def _breadth(t: ir.Table, which: str = "") -> ir.Value:
    """Count the covers of a commercial term, or of the one before it (`which` = "previous_")."""
    limit = t.third_party_limit if which == "" else t.previous_limit
    damage, driver = t[f"{which}sum_insured"], t[f"{which}driver_accident_cover"]
    covers = [(damage > 0), (limit > 0), driver]
    first, second, third = (cover.fill_null(False).cast("int64") for cover in covers)
    return first + second + third


def _levels(t: ir.Table, change: ir.Value) -> ir.Value:
    """Sum the positive changes of level at renewals begun."""
    return change.clip(lower=0).sum(where=t.commercial & t.started).fill_null(0)


def _lead(t: ir.Table) -> ir.Value:
    """Count the days from signing to inception."""
    return t.signed_days_ago - t.started_days_ago
