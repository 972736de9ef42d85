"""Vehicle care tags 车辆养护: age, energy, and when inspection, maintenance and warranty fall due.

Due dates are counted from the first registration of the leading motor term's vehicle and lie ahead:
on the due day itself the next one counts. In a year without a 29 February, what falls due on that
day falls due on 28 February; an age in whole years is complete on 1 March then.

Inspection 年检 follows the rule for private cars since 1 October 2022 (opinion of four ministries
on vehicle inspection; stated from general knowledge): a mark (检验标志) every two years up to year
10 and every year after, and a test on site at years 6 and 10 and every year after. The same rule is
applied to earlier dates. Maintenance and battery terms are our choice, those usual among makers:
maintenance first after 6 months or 5,000 km, then at 12 months and every year or every 10,000 km;
core parts of a new-energy car are under warranty for 8 years or 120,000 km.
"""

import ibis
import ibis.expr.types as ir

from features.lake.known import days_ago
from features.tags.declare import TagGroup
from features.tags.exact import anniversary, ratio, whole_years
from features.tags.groups.underwriting import NO_VEHICLE

GROUP = TagGroup("vehicle_care", "车辆养护")
tag = GROUP.tag
members = GROUP.members

NO_DATE = NO_VEHICLE + ", or its first registration is unknown or ahead"
NO_CAR = NO_VEHICLE + ", or it is no car, or its first registration is unknown"
NO_TELEMATICS = "annual_distance_km or the days are null"
NOT_INSURED = "vehicles are absent"
FIRST_MAINTENANCE_MONTHS = 6
FIRST_MAINTENANCE_KM = 5_000
MAINTENANCE_KM = 10_000
WARRANTY_YEARS = 8
WARRANTY_KM = 120_000
MONTH_DAYS = 365.25 / 12
DRIVEN = ("annual_distance_km",)


@tag("距初登天数", unit="days", relation="insured_vehicle", null=NO_DATE, type="int64")
def days_since_first_registration(t: ir.Table) -> ir.Value:
    """Days since the first registration of the leading motor term's vehicle."""
    return days_ago(t, "first_registered").max(where=t.first_registered <= t.as_of)


@tag("车龄月数", unit="months", null=NO_DATE, type="int64")
def vehicle_age_months(t: ir.Table) -> ir.Value:
    """days_since_first_registration in whole months of 365.25 / 12 days."""
    return (t.days_since_first_registration / MONTH_DAYS).floor()


@tag("首年新车", unit="yes or no", relation="insured_vehicle", null=NO_VEHICLE, type="boolean")
def vehicle_in_first_year(t: ir.Table) -> ir.Value:
    """Whether the leading motor term's vehicle was first registered less than 12 months ago."""
    return (_age(t) < 1).any()


@tag("两年内新车", unit="yes or no", relation="insured_vehicle", null=NO_VEHICLE, type="boolean")
def vehicle_in_first_two_years(t: ir.Table) -> ir.Value:
    """Whether the leading motor term's vehicle was first registered less than 24 months ago."""
    return (_age(t) < 2).any()


@tag("纯电动车", unit="yes or no", relation="insured_vehicle", null=NO_VEHICLE, type="boolean")
def battery_electric(t: ir.Table) -> ir.Value:
    """Whether the leading motor term's vehicle runs on a battery alone."""
    return (t.energy == "electric").any()


@tag("插电混动车", unit="yes or no", relation="insured_vehicle", null=NO_VEHICLE, type="boolean")
def plug_in_hybrid(t: ir.Table) -> ir.Value:
    """Whether the leading motor term's vehicle is a plug-in hybrid."""
    return (t.energy == "plug_in").any()


@tag("距上线年检天数", unit="days", relation="insured_vehicle", null=NO_CAR, type="int64")
def days_to_next_inspection(t: ir.Table) -> ir.Value:
    """Days to the next inspection on site of the leading motor term's car: at years 6 and 10, then
    every year."""
    return _days_to(t, _inspection_year(_due_years(t) + 1)).min(where=t.kind == "car")


@tag("距年检标志到期天数", unit="days", relation="insured_vehicle", null=NO_CAR, type="int64")
def days_to_next_inspection_mark(t: ir.Table) -> ir.Value:
    """Days to the next inspection mark of the leading motor term's car, on site or not: every two
    years up to year 10, then every year."""
    return _days_to(t, _mark_year(_due_years(t) + 1)).min(where=t.kind == "car")


@tag("年检临近", unit="yes or no", null=NO_CAR, type="boolean")
def inspection_mark_due_90d(t: ir.Table) -> ir.Value:
    """Whether days_to_next_inspection_mark is 90 or less: marks are given three months ahead."""
    return t.days_to_next_inspection_mark <= 90


@tag("距下次保养天数", unit="days", relation="insured_vehicle", null=NO_VEHICLE, type="int64")
def days_to_next_maintenance(t: ir.Table) -> ir.Value:
    """Days to the next maintenance of the leading motor term's vehicle by the calendar: 6 months
    after its first registration, then on each anniversary."""
    first = _first_maintenance(t)
    to_first = first.delta(t.as_of, unit="day").cast("int64")
    return (first > t.as_of).ifelse(to_first, _days_to(t, _due_years(t) + 1)).min()


@tag("距上次应保养天数", unit="days", relation="insured_vehicle", type="int64",
     null=NO_VEHICLE + ", or its first maintenance is ahead")  # fmt: skip
def days_since_last_maintenance_due(t: ir.Table) -> ir.Value:
    """Days since maintenance of the leading motor term's vehicle last fell due by the calendar."""
    anniversary = 0 - _days_to(t, _due_years(t))
    to_first = t.as_of.delta(_first_maintenance(t), unit="day").cast("int64")
    since = (_due_years(t) >= 1).ifelse(anniversary, to_first)
    return since.min(where=_first_maintenance(t) <= t.as_of)


@tag("保养里程进度", unit="share", null=NO_TELEMATICS, needs=DRIVEN)
def maintenance_distance_share(t: ir.Table) -> ir.Value:
    """Distance since maintenance last fell due, estimated from annual_distance_km, / the 10,000 km
    after which it is due again (5,000 km the first time)."""
    begun = t.days_since_last_maintenance_due.notnull()
    days = begun.ifelse(t.days_since_last_maintenance_due, t.days_since_first_registration)
    driven = t.annual_distance_km * days / 365
    return driven / begun.ifelse(MAINTENANCE_KM, FIRST_MAINTENANCE_KM)


@tag("保养临近", unit="yes or no", null=NO_VEHICLE, type="boolean")
def maintenance_due_30d(t: ir.Table) -> ir.Value:
    """Whether days_to_next_maintenance is 30 or less, or maintenance_distance_share 1 or more."""
    driven = (t.maintenance_distance_share >= 1).fill_null(False)
    return (t.days_to_next_maintenance <= 30) | driven


@tag("距三电质保到期天数", unit="days", relation="insured_vehicle", type="int64",
     null="no new-energy vehicle, or its warranty is over")  # fmt: skip
def days_to_battery_warranty_end(t: ir.Table) -> ir.Value:
    """Days to the end of the 8 years of warranty on battery, motor and control of the leading motor
    term's vehicle, if it is electric or a plug-in hybrid."""
    new_energy = t.energy.isin(("electric", "plug_in"))
    running = new_energy & (_due_years(t) < WARRANTY_YEARS)
    return _days_to(t, _due_years(t) * 0 + WARRANTY_YEARS).min(where=running)


@tag("三电质保里程进度", unit="share", needs=DRIVEN,
     null="no new-energy vehicle, its 8 years are over, or annual_distance_km is null")  # fmt: skip
def battery_warranty_distance_share(t: ir.Table) -> ir.Value:
    """Distance since the first registration, estimated from annual_distance_km, / the 120,000 km of
    warranty on battery, motor and control; above 1 it is over."""
    driven = t.annual_distance_km * t.days_since_first_registration / 365 / WARRANTY_KM
    return t.days_to_battery_warranty_end.notnull().ifelse(driven, ibis.null("float64"))


@members(
    {
        "vehicles_aged_0_to_2_years": ("在保0至2年车辆数", (0, 2)),
        "vehicles_aged_3_to_5_years": ("在保3至5年车辆数", (3, 5)),
        "vehicles_aged_6_to_9_years": ("在保6至9年车辆数", (6, 9)),
    },
    unit="vehicles", relation="vehicles_in_force", null=NOT_INSURED, type="int64", empty=0,
)  # fmt: skip
def vehicles_aged_years(t: ir.Table, ages: tuple[int, int]) -> ir.Value:
    """Number of vehicles with motor cover in force aged {value[0]} to {value[1]} whole years."""
    return t.count(where=_age(t).between(*ages))


@tag("在保10年以上车辆数", unit="vehicles", relation="vehicles_in_force", null=NOT_INSURED,
     type="int64", empty=0)  # fmt: skip
def vehicles_aged_10_years_or_more(t: ir.Table) -> ir.Value:
    """Number of vehicles with motor cover in force aged 10 whole years or more."""
    return t.count(where=_age(t) >= 10)


@tag("在保最大车龄", unit="years", relation="vehicles_in_force", type="int64",
     null="no motor cover is in force, or first registrations are unknown")  # fmt: skip
def oldest_vehicle_age_years(t: ir.Table) -> ir.Value:
    """Whole years since the first registration of the oldest vehicle with motor cover in force."""
    return _age(t).max()


@tag("在保平均车龄", unit="years", relation="vehicles_in_force",
     null="no motor cover is in force, or first registrations are unknown")  # fmt: skip
def mean_vehicle_age_years(t: ir.Table) -> ir.Value:
    """Mean of the whole years since the first registration of the vehicles with motor cover in
    force."""
    return ratio(_age(t).sum(), _age(t).count())


@tag("在保新能源车辆数", unit="vehicles", relation="vehicles_in_force", null=NOT_INSURED,
     type="int64", empty=0)  # fmt: skip
def new_energy_vehicles_in_force(t: ir.Table) -> ir.Value:
    """Number of electric vehicles and plug-in hybrids with motor cover in force."""
    return t.count(where=t.energy.isin(("electric", "plug_in")))


def _age(t: ir.Table) -> ir.Value:
    """Count the whole years since the first registration; -1 in the year before it."""
    return whole_years(t.first_registered, t.as_of)


def _due_years(t: ir.Table) -> ir.Value:
    """Count the anniversaries of the first registration up to the date; -1 in the year before."""
    first = t.first_registered
    ahead = anniversary(first, t.as_of.year()) > t.as_of
    return t.as_of.year() - first.year() - ahead.cast("int64")


def _days_to(t: ir.Table, years: ir.Value) -> ir.Value:
    """Count the days to an anniversary, in years, of the first registration."""
    due = anniversary(t.first_registered, t.first_registered.year() + years)
    return due.delta(t.as_of, unit="day").cast("int64")


def _first_maintenance(t: ir.Table) -> ir.Value:
    return (t.first_registered + ibis.interval(months=FIRST_MAINTENANCE_MONTHS)).cast("date")


def _inspection_year(year: ir.Value) -> ir.Value:
    """Return the year of age, `year` or later, in which the next test on site is due."""
    return ibis.cases((year <= 6, 6), (year <= 10, 10), else_=year)


def _mark_year(year: ir.Value) -> ir.Value:
    """Return the year of age, `year` or later, in which the next mark is due."""
    even = ibis.greatest(year + year % 2, 2)
    return (year <= 10).ifelse(even, year)
