"""Keep the entitlement ledger (权益台账): services allowed in a year, granted, used and left.

`balances` computes it for many customers and dates at once; `features.stars.ledger` explains that
of one customer by the same rule, which is in `docs/entitlements.md`.
"""

from dataclasses import dataclass
from decimal import Decimal

import ibis
import ibis.expr.types as ir

from features.lake import Lake
from features.lake.joins import left_join
from features.lake.known import known_versions
from features.lake.script import ScriptLake
from features.lake.spine import Spine, spine_of
from features.stars.entitlement_years import (
    CLASSES,
    YEAR,
    allowances,
    calendar,
    entitlement_years,
    star_days,
)
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
    settings = settings or load_star_settings(lake.home)
    pairs = lake.keep(spine.pairs)
    tables = _ledger_tables(lake, pairs, calendar(lake, pairs), settings, current=not every_year)
    return _balances(tables, every_year)


def ledger_script(
    lake: Lake, pairs: str, days: str, settings: StarSettings, results: tuple[str, str, str]
) -> str:
    """Write the SQL that computes the ledgers of customers, every year of each.

    Parameters
    ----------
    lake : Lake
        Where the checked tables lie.
    pairs : str
        Name of a table of customers and dates (customer_id, as_of, cutoff).
    days : str
        Name of a table with the rows of `calendar_sql` for these dates.
    settings : StarSettings
        The star rule.
    results : tuple of str
        Names for the tables that the SQL creates: entitlements, balances and `star_days`.
    """
    writer = ScriptLake(lake, "ledger")
    spine, listed = lake.engine.table(pairs), lake.engine.table(days)
    tables = _ledger_tables(writer, spine, listed, settings, current=False)
    rows = (_numbered(tables), _balances(tables, True), tables.stars)
    for name, result in zip(results, rows, strict=True):
        writer.create(name, result)
    return writer.script


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
    lake: Lake, pairs: ir.Table, days: ir.Table, settings: StarSettings, *, current: bool
) -> _LedgerTables:
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
