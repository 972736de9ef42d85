"""Compute entitlement years (权益年度) and the services that the star allows in each.

The star moves only on days on which a term or a claim became known, a term began or ended, or money
left the star's window. So rating on these days alone, each with what was known on it, gives exactly
the highest star of a year. The rule is in `docs/entitlements.md`.
"""

import ibis
import ibis.expr.types as ir

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.civil_days import with_day
from features.lake.spine import spine_of
from features.stars.calendar import calendar_sql
from features.stars.settings import StarSettings
from features.stars.value import KEYS, chain_terms, motor_terms, rate

CLASSES = ("A", "B", "C")
YEAR = (*KEYS, "year_start", "year_end")


def calendar(lake: Lake, spine: ir.Table) -> ir.Table:
    """List the civil days on which stars can move, up to the last date of the spine.

    They are those of `features.stars.calendar.calendar_sql`; this runs queries.
    """
    (row,) = lake.rows(spine.aggregate(last=spine.as_of.max()))
    return lake.keep(calendar_sql(lake, row["last"]))


def entitlement_years(
    lake: Lake, spine: ir.Table, days: ir.Table, settings: StarSettings, *, current: bool
) -> ir.Table:
    """List the entitlement years begun by the date of each spine row, of every chain known then.

    Parameters
    ----------
    lake : Lake
        Holds the checked table `policies`.
    spine : ibis.Table (customer_id, as_of, cutoff)
        Customers and dates.
    days : ibis.Table
        `calendar` of this spine.
    settings : StarSettings
        The star rule, and when an entitlement year begins.
    current : bool
        Only the year that runs on the date; there is none if cover ended before it began.

    Returns
    -------
    ibis.Table
        `customer_id`, `as_of`, `year_start`, `year_end` (dates; the year is [start, end)).
    """
    terms = chain_terms(motor_terms(lake, spine_of(spine), settings), settings)
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
    return lake.keep(years.filter(years.year_end > years.as_of) if current else years)


def star_days(lake: Lake, years: ir.Table, days: ir.Table, settings: StarSettings) -> ir.Table:
    """Rate customers on each day of their years on which the star may have moved, as known then.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    years : ibis.Table
        Years as `entitlement_years` returns them.
    days : ibis.Table
        `calendar` of their spine.
    settings : StarSettings
        The star rule.

    Returns
    -------
    ibis.Table
        `customer_id`, `as_of`, `year_start`, `year_end`, `day` (date), `star_level` (int64; null
        without the table claim_movements), `covered` (boolean: motor cover in force on the day).
    """
    moved = years.inner_join(_events(lake, years, days, settings), "customer_id")
    inside = (moved.day >= moved.year_start) & (moved.day < moved.year_end)
    moved = moved.filter(inside & (moved.day <= moved.as_of)).select(*YEAR, "day")
    rating_days = ibis.union(years.mutate(day=years.year_start), moved, distinct=True)
    closing = days.select("day", "closes").distinct()
    spine = rating_days.inner_join(closing, "day")
    spine = spine.select("customer_id", as_of=spine.day, cutoff=spine.closes).distinct()
    spine = lake.keep(spine)
    rated = rate(lake, spine_of(spine), settings)
    rated = rated.select(
        "customer_id",
        "star_level",
        day=rated.as_of,
        covered=(rated.cover_end > rated.as_of).fill_null(False),
    )
    return lake.keep(rating_days.inner_join(rated, ["customer_id", "day"]))


def allowances(lake: Lake, years: ir.Table, stars: ir.Table, settings: StarSettings) -> ir.Table:
    """Count the services allowed in each year by class, as of the date of the year's spine row.

    Parameters
    ----------
    lake : Lake
        Its engine runs the query.
    years : ibis.Table
        Years as `entitlement_years` returns them.
    stars : ibis.Table
        `star_days` of these years.
    settings : StarSettings
        Services of each star, and whether a higher star counts in the running year.

    Returns
    -------
    ibis.Table
        The columns of `years`, `service_class` (string), `allowance` (int64): the most that the
        star of any day under cover allowed; 0 if no such day is known, null if no star is.
    """
    covered = stars.filter(stars.covered)
    if not settings.entitlement_upgrade_at_once:
        first = covered.day.min().over(ibis.window(group_by=list(YEAR)))
        covered = covered.filter(covered.day == first)
    most = {name: _services(covered.star_level, name, settings).max() for name in CLASSES}
    highest = covered.group_by(*YEAR).agg(**most, days=covered.count())
    joined = years.left_join(highest, list(YEAR)).select(*YEAR, *CLASSES, "days")
    by_class = joined.mutate(service_class=ibis.array(CLASSES).unnest())
    allowed = ibis.cases(*((by_class.service_class == name, by_class[name]) for name in CLASSES))
    allowed = by_class.days.isnull().ifelse(0, allowed).cast("int64")
    return lake.keep(by_class.select(*YEAR, "service_class", allowance=allowed))


def _services(star: ir.Value, service_class: str, settings: StarSettings) -> ir.Value:
    name = f"{service_class.lower()}_services"
    return ibis.cases(*((star == tier.level, getattr(tier, name)) for tier in settings.tiers))


def _events(lake: Lake, years: ir.Table, days: ir.Table, settings: StarSettings) -> ir.Table:
    """List the days on which the stars of customers may move; more days than needed do no harm."""
    policies = lake.table("policies").semi_join(years, "customer_id")
    policies = policies.filter(policies.line.isin(MOTOR_LINES))
    claims = lake.table("claims").semi_join(years, "customer_id")
    claims = claims.select("customer_id", "claim_id", "occurred_at", "recorded_at")
    began = policies.select("customer_id", day=policies.inception)
    occurred = with_day(claims, "occurred_at", days).select("customer_id", "day")
    causes = [
        began,
        policies.select("customer_id", day=policies.expiry),
        policies.select("customer_id", day=policies.cancelled_on),
        with_day(policies, "recorded_at", days).select("customer_id", "day"),
        with_day(claims, "recorded_at", days).select("customer_id", "day"),
        *(_window_exits(rows, settings.window_years, late) for rows in (began, occurred)
          for late in (0, 1)),
    ]  # fmt: skip
    if lake.has("claim_movements"):
        # By claim and customer, as the rating sums them.
        moves = lake.table("claim_movements").select("customer_id", "claim_id", "recorded_at")
        moves = moves.semi_join(claims, ["customer_id", "claim_id"])
        causes.append(with_day(moves, "recorded_at", days).select("customer_id", "day"))
    return ibis.union(*causes, distinct=True)


def _window_exits(rows: ir.Table, years: int, late: int) -> ir.Table:
    """List the days on which money leaves the window; that of 29 February does a day `late`."""
    left = rows.day + ibis.interval(years=years) + ibis.interval(days=late)
    return rows.select("customer_id", day=left.cast("date"))


def _boundary(start: ir.Value, year: ir.Value, settings: StarSettings) -> ir.Value:
    """Find the day of a civil year on which a new entitlement year begins.

    29 February becomes 28 February in a common year.
    """
    if settings.entitlement_year == "calendar":
        return (year == start.year()).ifelse(start, ibis.date(year, 1, 1))
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    clipped = (start.month() == 2) & (start.day() == 29) & ~leap
    return ibis.date(year, start.month(), clipped.ifelse(28, start.day()))
