"""Entitlement years (权益年度) and the services that the star allows in each.

The star moves only on days on which a term or a claim became known, a term began or ended, or money
left the star's window. So the highest star of a year is found exactly by rating on these days
alone, as it was known on each of them. The rule is in `docs/entitlements.md`.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.civil_days import civil_days, with_day
from features.lake.spine import spine_of
from features.stars.settings import StarSettings
from features.stars.value import KEYS, chained, motor_terms, rate

CLASSES = ("A", "B", "C")
YEAR = (*KEYS, "year_start", "year_end")


def calendar(lake: Lake, spine: ir.Table) -> ir.Table:
    """The civil days up to the last date of the spine on which stars can have a cause.

    Read at once, from the first motor inception and the first occurrence of a claim.
    """
    policies, claims = lake.table("policies"), lake.table("claims")
    first = policies.filter(policies.line.isin(MOTOR_LINES)).inception.min()
    found = (first, claims.occurred_at.min().date(), spine.as_of.max())
    inception, occurred, last = (lake.engine.to_pyarrow(day).as_py() for day in found)
    if last is None:
        return civil_days(lake, date.max, date.min)
    # The day before: west of Greenwich an instant's civil day may be the one before its UTC date.
    causes = [day for day in (inception, occurred and occurred - timedelta(1)) if day]
    return civil_days(lake, min([*causes, last]), last)


def entitlement_years(
    lake: Lake, spine: ir.Table, days: ir.Table, settings: StarSettings, *, current: bool
) -> ir.Table:
    """The entitlement years begun by the date of each spine row, of every chain known then.

    Parameters
    ----------
    spine : ibis Table (customer_id, as_of, cutoff)
    days : ibis Table
        `calendar` of this spine.
    current : bool
        Only the year that runs on the date; a customer has none if his cover ended before it began.

    Returns
    -------
    ibis Table
        `customer_id`, `as_of`, `year_start`, `year_end` (dates; the year is [start, end)).
    """
    terms = chained(motor_terms(lake, spine_of(spine), settings), settings)
    so_far = ibis.window(
        group_by=list(KEYS),
        order_by=["inception", "cover_end", "policy_id"],
        preceding=(None, 0),
    )
    begun = terms.starts.ifelse(terms.inception, ibis.null("date"))
    terms = terms.mutate(chain_start=begun.max().over(so_far))
    chains = terms.group_by(*KEYS, "chain_start").agg(cover_end=terms.cover_end.max())
    in_turn = ibis.window(group_by=list(KEYS), order_by="chain_start")
    chains = chains.mutate(next_start=chains.chain_start.lead().over(in_turn))
    years = chains.cross_join(days.select(number=days.day.year()).distinct())
    years = years.filter(years.number >= years.chain_start.year())
    years = years.mutate(
        year_start=_boundary(years.chain_start, years.number, settings),
        year_end=_boundary(years.chain_start, years.number + 1, settings),
    )
    years = years.filter(years.year_start < years.cover_end, years.year_start <= years.as_of)
    # A year of an earlier chain gives way to the first year of the next one.
    cut = (years.next_start < years.year_end).fill_null(False)
    years = years.select(*KEYS, "year_start", year_end=cut.ifelse(years.next_start, years.year_end))
    return held(lake, years.filter(years.year_end > years.as_of) if current else years)


def held(lake: Lake, rows: ir.Table) -> ir.Table:
    """The rows computed once: a query that asks for them in several places would do it in each."""
    return ibis.memtable(lake.engine.to_pyarrow(rows))


def star_days(lake: Lake, years: ir.Table, days: ir.Table, settings: StarSettings) -> ir.Table:
    """The star on each day of the years on which it may have moved, as known on that day.

    Returns
    -------
    ibis Table
        `customer_id`, `as_of`, `year_start`, `year_end`, `day` (date), `star_level` (int64; null
        without the table claim_movements), `covered` (boolean: motor cover in force on the day).
    """
    moved = years.inner_join(_events(lake, years, days, settings), "customer_id")
    inside = (moved.day >= moved.year_start) & (moved.day < moved.year_end)
    moved = moved.filter(inside & (moved.day <= moved.as_of)).select(*YEAR, "day")
    looked = ibis.union(years.mutate(day=years.year_start), moved, distinct=True)
    closing = days.select("day", "closes").distinct()
    spine = looked.inner_join(closing, "day")
    spine = spine.select("customer_id", as_of=spine.day, cutoff=spine.closes).distinct()
    spine = held(lake, spine)
    rated = rate(lake, spine_of(spine), settings)
    rated = rated.select(
        "customer_id",
        "star_level",
        day=rated.as_of,
        covered=(rated.cover_end > rated.as_of).fill_null(False),
    )
    return held(lake, looked.inner_join(rated, ["customer_id", "day"]))


def allowances(lake: Lake, years: ir.Table, stars: ir.Table, settings: StarSettings) -> ir.Table:
    """Services allowed in each year by class, as of the date of the year's spine row.

    Parameters
    ----------
    stars : ibis Table
        `star_days` of these years.

    Returns
    -------
    ibis Table
        The columns of `years`, `service_class` (string), `allowance` (int64): the most that the
        star of any day under cover allowed; 0 if no such day is known, null if no star is.
    """
    found = stars.filter(stars.covered)
    if not settings.entitlement_upgrade_at_once:
        first = found.day.min().over(ibis.window(group_by=list(YEAR)))
        found = found.filter(found.day == first)
    most = {name: _services(found.star_level, name, settings).max() for name in CLASSES}
    highest = found.group_by(*YEAR).agg(**most, days=found.count())
    joined = years.left_join(highest, list(YEAR)).select(*YEAR, *CLASSES, "days")
    each = joined.cross_join(ibis.memtable({"service_class": CLASSES}))
    allowed = ibis.cases(*((each.service_class == name, each[name]) for name in CLASSES))
    allowed = each.days.isnull().ifelse(0, allowed).cast("int64")
    return held(lake, each.select(*YEAR, "service_class", allowance=allowed))


def _services(star: ir.Value, service_class: str, settings: StarSettings) -> ir.Value:
    name = f"{service_class.lower()}_services"
    return ibis.cases(*((star == tier.level, getattr(tier, name)) for tier in settings.tiers))


def _events(lake: Lake, years: ir.Table, days: ir.Table, settings: StarSettings) -> ir.Table:
    """Customers and the days on which their stars may move; more days than needed do no harm."""
    policies = lake.table("policies").semi_join(years, "customer_id")
    policies = policies.filter(policies.line.isin(MOTOR_LINES))
    claims = lake.table("claims").semi_join(years, "customer_id")
    claims = claims.select("customer_id", "claim_id", "occurred_at", "recorded_at")
    began = policies.select("customer_id", day=policies.inception)
    occurred = with_day(claims, "occurred_at", days).select("customer_id", "day")
    found = [
        began,
        policies.select("customer_id", day=policies.expiry),
        policies.select("customer_id", day=policies.cancelled_on),
        with_day(policies, "recorded_at", days).select("customer_id", "day"),
        with_day(claims, "recorded_at", days).select("customer_id", "day"),
        *(_left_window(rows, settings.window_years, late) for rows in (began, occurred)
          for late in (0, 1)),
    ]  # fmt: skip
    if lake.has("claim_movements"):
        moves = lake.table("claim_movements").select("claim_id", "recorded_at")
        moves = moves.inner_join(claims.select("claim_id", "customer_id").distinct(), "claim_id")
        found.append(with_day(moves, "recorded_at", days).select("customer_id", "day"))
    return ibis.union(*found, distinct=True)


def _left_window(rows: ir.Table, years: int, late: int) -> ir.Table:
    """When money of these days leaves the window; what is of 29 February does so a day late."""
    left = rows.day + ibis.interval(years=years) + ibis.interval(days=late)
    return rows.select("customer_id", day=left.cast("date"))


def _boundary(start: ir.Value, year: ir.Value, settings: StarSettings) -> ir.Value:
    """The day of that civil year on which a new entitlement year begins.

    29 February becomes 28 February where there is none.
    """
    if settings.entitlement_year == "calendar":
        return (year == start.year()).ifelse(start, ibis.date(year, 1, 1))
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    clipped = (start.month() == 2) & (start.day() == 29) & ~leap
    return ibis.date(year, start.month(), clipped.ifelse(28, start.day()))
