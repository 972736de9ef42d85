"""Underwriting tags 承保: who the customer is, what is insured, at which price, until when."""

import ibis
import ibis.expr.types as ir

from features.tags.declare import TagGroup
from features.tags.exact import whole_years, yuan

GROUP = TagGroup("underwriting", "承保")
tag = GROUP.tag

NO_TERM = "no commercial motor term is in force"
NO_MOTOR = "no motor term is known"
NO_VEHICLE = "no vehicle is known for the leading motor term"


def next_commercial(t: ir.Table) -> ir.Value:
    """Mark the commercial term in force that ends first."""
    return t.commercial & t.next_of_line & t.in_force


@tag("年龄", unit="years", relation="customers", null="date of birth unknown", type="int64")
def age_years(t: ir.Table) -> ir.Value:
    """Age of the customer in whole years."""
    return whole_years(t.birth_date, t.as_of).max()


@tag("性别", unit="F or M", relation="customers", null="not recorded", type="string")
def gender(t: ir.Table) -> ir.Value:
    """Gender of the customer."""
    return t.gender.max()


@tag("驾龄", unit="years", relation="customers", null="licence date unknown", type="int64")
def licence_years(t: ir.Table) -> ir.Value:
    """Whole years since the customer's first driving licence."""
    return whole_years(t.licence_date, t.as_of).max()


@tag("城市等级", unit="tier", relation="customers", null="not recorded", type="string")
def city_tier(t: ir.Table) -> ir.Value:
    """Tier of the customer's city."""
    return t.city_tier.max()


@tag("机构", unit="branch", relation="customers", null="not recorded", type="string")
def branch(t: ir.Table) -> ir.Value:
    """Branch that looks after the customer."""
    return t.branch.max()


@tag("有效车险保单数", unit="policies", relation="motor_terms", type="int64", empty=0)
def motor_policies_in_force(t: ir.Table) -> ir.Value:
    """Number of motor terms in force, compulsory and commercial."""
    return t.count(where=t.in_force)


@tag("在保车辆数", unit="vehicles", relation="motor_terms", type="int64", empty=0)
def motor_vehicles_in_force(t: ir.Table) -> ir.Value:
    """Number of different vehicles with a motor term in force."""
    return t.vehicle_id.nunique(where=t.in_force)


@tag("已起保车险保单数", unit="policies", relation="motor_terms", type="int64", empty=0)
def motor_policies_ever(t: ir.Table) -> ir.Value:
    """Number of motor terms that have begun."""
    return t.count(where=t.started)


@tag("未起保车险保单数", unit="policies", relation="motor_terms", type="int64", empty=0)
def motor_policies_ahead(t: ir.Table) -> ir.Value:
    """Number of motor terms signed that have not begun yet."""
    return t.count(where=~t.started)


@tag("提前终止车险保单数", unit="policies", relation="motor_terms", type="int64", empty=0)
def motor_policies_cancelled(t: ir.Table) -> ir.Value:
    """Number of motor terms that ended before their expiry, after some cover."""
    return t.count(where=(t.cover_end < t.expiry) & (t.cover_end <= t.as_of))


@tag("商业险距到期天数", unit="days", relation="motor_terms", null=NO_TERM, type="int64")
def days_to_commercial_expiry(t: ir.Table) -> ir.Value:
    """Days to the end of the commercial motor term in force that ends first."""
    return t.ends_in_days.min(where=t.commercial & t.in_force)


@tag("商业险到期月份", unit="month", relation="motor_terms", null=NO_TERM, type="int64")
def commercial_expiry_month(t: ir.Table) -> ir.Value:
    """Month of the year, 1 to 12, in which the commercial term in force that ends first ends."""
    return t.cover_end.month().max(where=next_commercial(t))


@tag(
    "交强险距到期天数",
    unit="days",
    relation="motor_terms",
    null="no compulsory motor term is in force",
    type="int64",
)
def days_to_compulsory_expiry(t: ir.Table) -> ir.Value:
    """Days to the end of the compulsory motor term in force that ends first."""
    return t.ends_in_days.min(where=~t.commercial & t.in_force)


@tag(
    "车险距到期天数",
    unit="days",
    relation="motor_terms",
    null="no motor term is in force",
    type="int64",
)
def days_to_motor_expiry(t: ir.Table) -> ir.Value:
    """Days to the end of the motor term in force that ends first."""
    return t.ends_in_days.min(where=t.in_force)


@tag("商业险保费", unit="yuan", relation="motor_terms", null=NO_TERM)
def commercial_premium_current(t: ir.Table) -> ir.Value:
    """Written premium of the commercial term in force that ends first."""
    return yuan(t.written_premium.max(where=next_commercial(t)))


@tag(
    "上年商业险保费",
    unit="yuan",
    relation="motor_terms",
    null=NO_TERM + ", or it is the vehicle's first with us",
)
def commercial_premium_previous(t: ir.Table) -> ir.Value:
    """Written premium of the term before the commercial term in force that ends first, for the
    same vehicle."""
    return yuan(t.previous_premium.max(where=next_commercial(t)))


@tag(
    "交强险保费",
    unit="yuan",
    relation="motor_terms",
    null="no compulsory motor term is in force",
)
def compulsory_premium_current(t: ir.Table) -> ir.Value:
    """Written premium of the compulsory term in force that ends first."""
    return yuan(t.written_premium.max(where=~t.commercial & t.next_of_line & t.in_force))


@tag("有效车险保费", unit="yuan", relation="motor_terms", null="no motor term is in force")
def motor_premium_in_force(t: ir.Table) -> ir.Value:
    """Written premium of all motor terms in force."""
    return yuan(t.written_premium.sum(where=t.in_force))


@tag("渠道", unit="channel", relation="motor_terms", null=NO_MOTOR, type="string")
def channel(t: ir.Table) -> ir.Value:
    """Channel through which the leading motor term was sold."""
    return t.channel.max(where=t.leading)


@tag("新转续", unit="kind", relation="motor_terms", null=NO_MOTOR, type="string")
def business_type(t: ir.Table) -> ir.Value:
    """Whether the leading motor term is new, transferred in or renewed."""
    return t.business_type.max(where=t.leading)


@tag("无赔款优待等级", unit="level", relation="motor_terms", null=NO_TERM, type="int64")
def ncd_level(t: ir.Table) -> ir.Value:
    """No-claims discount level of the commercial term in force that ends first."""
    return t.ncd_level.max(where=next_commercial(t))


@tag(
    "无赔款优待等级变化",
    unit="levels",
    relation="motor_terms",
    null=NO_TERM + ", or it is the vehicle's first with us",
    type="int64",
)
def ncd_level_change(t: ir.Table) -> ir.Value:
    """Change of the no-claims discount level from the previous commercial term."""
    return (t.ncd_level - t.previous_ncd_level).max(where=next_commercial(t))


@tag("自主定价系数", unit="factor", relation="motor_terms", null=NO_TERM)
def pricing_factor(t: ir.Table) -> ir.Value:
    """Insurer's own pricing factor of the commercial term in force that ends first."""
    return t.pricing_factor.max(where=next_commercial(t))


@tag("三者险保额", unit="yuan", relation="motor_terms", null=NO_TERM)
def third_party_limit(t: ir.Table) -> ir.Value:
    """Third-party limit of the commercial term in force that ends first."""
    return yuan(t.third_party_limit.max(where=next_commercial(t)))


@tag("车损险保额", unit="yuan", relation="motor_terms", null=NO_TERM)
def sum_insured(t: ir.Table) -> ir.Value:
    """Sum insured of the commercial term in force that ends first."""
    return yuan(t.sum_insured.max(where=next_commercial(t)))


@tag("附加驾乘意外险", unit="yes or no", relation="motor_terms", null=NO_TERM, type="boolean")
def driver_accident_cover(t: ir.Table) -> ir.Value:
    """Whether the commercial term in force that ends first has driver accident cover added."""
    return t.driver_accident_cover.any(where=next_commercial(t))


@tag("有第二驾驶人", unit="yes or no", relation="motor_terms", null=NO_TERM, type="boolean")
def second_driver(t: ir.Table) -> ir.Value:
    """Whether the commercial term in force that ends first names a second driver."""
    return t.second_driver.any(where=next_commercial(t))


@tag("本车商业险年度数", unit="terms", relation="motor_terms", null=NO_TERM, type="int64")
def commercial_term_number(t: ir.Table) -> ir.Value:
    """Which commercial term of its vehicle with us the one in force that ends first is."""
    return t.term_number.max(where=next_commercial(t))


@tag("续保已签单", unit="yes or no", relation="motor_terms", null=NO_TERM, type="boolean")
def commercial_renewal_signed(t: ir.Table) -> ir.Value:
    """Whether the vehicle of the commercial term in force that ends first has a motor term signed
    that incepts no earlier than 30 days before this end."""
    ahead = t.last_inception.delta(t.cover_end, unit="day")
    follows = (t.last_inception > t.inception) & (ahead >= -30)
    return follows.any(where=next_commercial(t))


@tag("已定终止", unit="yes or no", relation="motor_terms", null=NO_TERM, type="boolean")
def commercial_cancellation_known(t: ir.Table) -> ir.Value:
    """Whether it is known that the commercial term in force that ends first will not be renewed,
    because it is cancelled to a date ahead, be it its expiry."""
    return t.cancelled_on.notnull().any(where=next_commercial(t))


@tag("车龄", unit="years", relation="insured_vehicle", null=NO_VEHICLE, type="int64")
def vehicle_age_years(t: ir.Table) -> ir.Value:
    """Whole years since the first registration of the leading motor term's vehicle."""
    return whole_years(t.first_registered, t.as_of).max()


@tag("新能源车", unit="yes or no", relation="insured_vehicle", null=NO_VEHICLE, type="boolean")
def new_energy(t: ir.Table) -> ir.Value:
    """Whether the leading motor term's vehicle is electric or a plug-in hybrid."""
    return t.energy.isin(("electric", "plug_in")).any()


@tag("能源类型", unit="kind", relation="insured_vehicle", null=NO_VEHICLE, type="string")
def vehicle_energy(t: ir.Table) -> ir.Value:
    """What drives the leading motor term's vehicle."""
    return t.energy.max()


@tag("车辆种类", unit="kind", relation="insured_vehicle", null=NO_VEHICLE, type="string")
def vehicle_kind(t: ir.Table) -> ir.Value:
    """Kind of the leading motor term's vehicle."""
    return t.kind.max()


@tag("新车购置价", unit="yuan", relation="insured_vehicle", null=NO_VEHICLE)
def vehicle_list_price(t: ir.Table) -> ir.Value:
    """List price of the leading motor term's vehicle."""
    return yuan(t.list_price.max())


@tag("车辆功率", unit="kW", relation="insured_vehicle", null=NO_VEHICLE)
def vehicle_power_kw(t: ir.Table) -> ir.Value:
    """Power of the leading motor term's vehicle."""
    return t.power_kw.max()


@tag("整备质量", unit="kg", relation="insured_vehicle", null=NO_VEHICLE)
def vehicle_weight_kg(t: ir.Table) -> ir.Value:
    """Weight of the leading motor term's vehicle."""
    return t.weight_kg.max()


@tag("排量", unit="cm3", relation="insured_vehicle", null=NO_VEHICLE)
def vehicle_engine_cc(t: ir.Table) -> ir.Value:
    """Engine displacement of the leading motor term's vehicle."""
    return t.engine_cc.max()


@tag("车门数", unit="doors", relation="insured_vehicle", null=NO_VEHICLE, type="int64")
def vehicle_doors(t: ir.Table) -> ir.Value:
    """Doors of the leading motor term's vehicle."""
    return t.doors.max()


@tag("车长", unit="m", relation="insured_vehicle", null=NO_VEHICLE)
def vehicle_length_m(t: ir.Table) -> ir.Value:
    """Length of the leading motor term's vehicle."""
    return t.length_m.max()


@tag("座位数", unit="seats", relation="insured_vehicle", null=NO_VEHICLE, type="int64")
def vehicle_seats(t: ir.Table) -> ir.Value:
    """Seats of the leading motor term's vehicle."""
    return t.seats.max()


@tag("停放区域", unit="area", relation="insured_vehicle", null=NO_VEHICLE, type="string")
def vehicle_garage_area(t: ir.Table) -> ir.Value:
    """Where the leading motor term's vehicle is kept."""
    return t.garage_area.max()


@tag(
    "商业险保费变化率",
    unit="change",
    null="no commercial term in force, no term before it, or the one before was free",
)
def premium_change_ratio(t: ir.Table) -> ir.Value:
    """commercial_premium_current / commercial_premium_previous - 1."""
    before = t.commercial_premium_previous
    return (before > 0).ifelse(t.commercial_premium_current / before - 1, ibis.null("float64"))


@tag(
    "保费车价比",
    unit="share",
    null="no commercial term in force, or list price unknown",
)
def premium_to_list_price(t: ir.Table) -> ir.Value:
    """commercial_premium_current / vehicle_list_price."""
    price = t.vehicle_list_price
    return (price > 0).ifelse(t.commercial_premium_current / price, ibis.null("float64"))


@tag("仅投保交强险", unit="yes or no", null="policies are absent", type="boolean")
def compulsory_only(t: ir.Table) -> ir.Value:
    """Whether motor cover is in force and none of it is commercial."""
    return (t.motor_policies_in_force > 0) & t.days_to_commercial_expiry.isnull()
