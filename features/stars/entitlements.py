"""Keep the entitlement ledger (权益台账): services allowed in a year, granted, used and left.

`balances` computes it for many customers and dates at once, `explain_entitlements` for one customer
with the rows behind it. The rule is in `docs/entitlements.md`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

import ibis
import ibis.expr.types as ir

from features.lake import Lake
from features.lake.joins import left_join
from features.lake.known import known_versions
from features.lake.spine import Spine, spine_of
from features.stars.entitlement_years import (
    CLASSES,
    YEAR,
    allowances,
    calendar,
    entitlement_years,
    star_days,
)
from features.stars.explain import spine_of_customer
from features.stars.settings import StarSettings, load_star_settings
from features.stars.value import KEYS, MONEY

COUNTS = ("granted", "notified", "activated", "used", "expired", "open")


def balances(
    lake: Lake, spine: Spine, settings: StarSettings | None = None, *, every_year: bool = False
) -> ir.Table:
    """Compute allowance, counts, cost and balance by class of each customer as of their date.

    Parameters
    ----------
    lake : Lake
        Holds the checked tables `policies`, `claims` and `entitlements`.
    spine : Spine
        Customers and dates.
    settings : StarSettings, optional
        Default: those of `<home>/star.toml`.
    every_year : bool
        True: every year begun by then, not only the running one; grants outside any year have
        rows without `year_start`, so that no grant is missing.

    Returns
    -------
    ibis.Table
        `customer_id`, `as_of`, `year_start`, `year_end`, `service_class`, `allowance`, `granted`,
        `notified`, `activated`, `used`, `expired`, `open` (int64; granted = used + expired + open),
        `used_cost` (yuan, decimal), `used_without_cost` (int64), `balance` (allowance - granted),
        `beyond_allowance` (int64; granted - allowance where that is more than 0).
        One row a class; without a running year, `year_start` is null and nothing is allowed.
        `allowance`, `balance` and `beyond_allowance` are null without the table claim_movements.

    Raises
    ------
    GuanjiaError
        If there is no table `entitlements`.
    """
    tables = _ledger_tables(lake, spine, settings, current=not every_year)
    return _balances(tables, every_year)


def _balances(tables: "_LedgerTables", every_year: bool) -> ir.Table:
    by = [*YEAR, "service_class"]
    sums = _sums(tables.lines, every_year)
    if every_year:
        outside = sums.filter(sums.year_start.isnull())
        outside = outside.mutate(allowance=ibis.literal(0, "int64"))
        rows = left_join(tables.allowed, sums.filter(sums.year_start.notnull()), by)
        rows = ibis.union(rows, outside.select(*rows.columns))
    else:
        classes = tables.spine.select(*KEYS, service_class=ibis.array(CLASSES).unnest())
        allowed = left_join(classes, tables.allowed, [*KEYS, "service_class"])
        # Without a running year nothing is allowed; null means that the star of one is unknown.
        idle = allowed.year_start.isnull()
        rows = left_join(allowed.mutate(allowance=idle.ifelse(0, allowed.allowance)), sums, by)
    zero = ibis.literal(Decimal(0), MONEY)
    counts = {name: rows[name].fill_null(0) for name in (*COUNTS, "used_without_cost")}
    rows = rows.mutate(**counts, used_cost=rows.used_cost.fill_null(zero))
    rows = rows.mutate(balance=rows.allowance - rows.granted)
    rows = rows.mutate(beyond_allowance=(-rows.balance).clip(lower=0))
    return rows.select(
        *YEAR,
        "service_class",
        "allowance",
        *COUNTS,
        "used_cost",
        "used_without_cost",
        "balance",
        "beyond_allowance",
    )


def _numbered(tables: "_LedgerTables") -> ir.Table:
    """Number the entitlements of each year and class by time of grant, with the allowance."""
    in_turn = ibis.window(
        group_by=[*KEYS, "year_start", "service_class"], order_by=["granted_at", "entitlement_id"]
    )
    lines = tables.lines.mutate(number=(ibis.row_number().over(in_turn) + 1).cast("int64"))
    lines = left_join(lines, tables.allowed, [*YEAR, "service_class"])
    allowance = lines.year_start.isnull().ifelse(0, lines.allowance)
    return lines.mutate(allowance=allowance, beyond_allowance=lines.number > allowance)


@dataclass(frozen=True)
class _LedgerTables:
    """The tables that balances and lines are computed from; all but `lines` are in memory."""

    spine: ir.Table
    stars: ir.Table
    allowed: ir.Table
    lines: ir.Table


def _ledger_tables(
    lake: Lake, spine: Spine, settings: StarSettings | None, *, current: bool
) -> _LedgerTables:
    settings = settings or load_star_settings(lake.home)
    pairs = lake.keep(spine.pairs)
    days = calendar(lake, pairs)
    years = entitlement_years(lake, pairs, days, settings, current=current)
    stars = star_days(lake, years, days, settings)
    allowed = allowances(lake, years, stars, settings)
    return _LedgerTables(pairs, stars, allowed, _in_years(lake, pairs, years))


def _in_years(lake: Lake, pairs: ir.Table, years: ir.Table) -> ir.Table:
    """List the entitlements granted, each with the year that its grant falls in, if any."""
    rows = known_versions(lake, spine_of(pairs), "entitlements")
    rows = rows.filter(rows.granted_at < rows.cutoff)
    state = ibis.cases(
        (rows.used_at.notnull(), "used"), (rows.expires_on <= rows.as_of, "expired"), else_="open"
    )
    rows = rows.mutate(state=state).drop("cutoff", "from_36m")
    placed = lake.keep(rows.select(*KEYS, "entitlement_id", "granted_on"))
    placed = placed.inner_join(years, list(KEYS))
    within = (placed.granted_on >= placed.year_start) & (placed.granted_on < placed.year_end)
    placed = placed.filter(within).select(*YEAR, "entitlement_id")
    return left_join(rows, placed, [*KEYS, "entitlement_id"])


def _sums(lines: ir.Table, outside: bool) -> ir.Table:
    """Sum counts and cost by year and class, with or without grants outside the years."""
    if not outside:
        lines = lines.filter(lines.year_start.notnull())
    used = lines.state == "used"
    return lines.group_by(*YEAR, "service_class").agg(
        granted=lines.count(),
        notified=lines.notified_at.count(),
        activated=lines.activated_at.count(),
        used=used.sum(),
        expired=(lines.state == "expired").sum(),
        open=(lines.state == "open").sum(),
        used_cost=lines.unit_cost.sum(where=used).cast(MONEY),
        used_without_cost=(used & lines.unit_cost.isnull()).sum(),
    )


@dataclass(frozen=True)
class StarStep:
    """A day of the running year on which the star or the state of cover changed."""

    day: date
    star_level: int | None
    covered: bool


@dataclass(frozen=True)
class Ledger:
    """The entitlements of a customer, with everything behind them.

    Attributes
    ----------
    year_start, year_end : date, optional
        The running entitlement year; None without one.
    covered : bool
        True if motor cover is in force: without it, nothing may be granted.
    balances : tuple of dict
        One row a year and class, and for grants outside any year, with the columns of `balances`.
    stars : tuple of StarStep
        The stars of the running year, as they were known.
    lines : tuple of dict
        Every entitlement granted by the date, with its year and state: `customer_id`,
        `as_of`, `year_start`, `year_end` (null outside any year), `entitlement_id`, `service`,
        `service_class`, `granted_at`, `granted_on`, `notified_at`, `activated_at`, `used_at`,
        `expires_on`, `state` ("used", "expired" or "open"), `unit_cost`, `number` (1, 2, ... in
        year and class, by time of grant), `allowance`, `beyond_allowance` (boolean: granted after
        the allowance was spent; null if the star is not known).
    """

    customer_id: str
    as_of: date
    year_start: date | None
    year_end: date | None
    covered: bool
    stars: tuple[StarStep, ...]
    balances: tuple[dict[str, Any], ...]
    lines: tuple[dict[str, Any], ...]


def explain_entitlements(
    lake: Lake, customer_id: str, as_of: date, settings: StarSettings | None = None
) -> Ledger:
    """Compute the ledger of one customer as of a date, by the rule of `balances`.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    customer_id : str
        The customer.
    as_of : date
        The date.
    settings : StarSettings, optional
        Default: those of `<home>/star.toml`.

    Raises
    ------
    GuanjiaError
        If the customer is not known as of that date, or there is no table `entitlements`.
    """
    spine = spine_of_customer(lake, customer_id, as_of)
    tables = _ledger_tables(lake, spine, settings, current=False)
    lines = lake.rows(_numbered(tables).order_by("granted_at", "entitlement_id"))
    rows = lake.rows(_balances(tables, True).order_by("year_start", "service_class"))
    running = [row for row in rows if row["year_end"] and row["year_end"] > as_of]
    days = sorted(lake.rows(tables.stars), key=itemgetter("day"))
    stars = _steps(row for row in days if row["year_end"] > as_of)
    return Ledger(
        customer_id=customer_id,
        as_of=as_of,
        year_start=running[0]["year_start"] if running else None,
        year_end=running[0]["year_end"] if running else None,
        covered=bool(stars) and stars[-1].covered,
        stars=stars,
        balances=tuple(rows),
        lines=tuple(lines),
    )


def _steps(days: Iterable[dict[str, Any]]) -> tuple[StarStep, ...]:
    """Keep the first of each run of days with the same star and cover."""
    steps: list[StarStep] = []
    for row in days:
        step = StarStep(row["day"], row["star_level"], row["covered"])
        last = (steps[-1].star_level, steps[-1].covered) if steps else None
        if last != (step.star_level, step.covered):
            steps.append(step)
    return tuple(steps)
