"""Explain the entitlements (权益) of one customer: the ledger, and the rows behind it.

The SQL is that of `features.stars.entitlements`, stored in the home: only where it is not there yet
is Ibis imported.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.lake import Lake
from features.lake.compiled import compile_once
from features.lake.known_customers import refuse_unknown
from features.stars.calendar import own_calendar_sql
from features.stars.settings import StarSettings, load_star_settings
from features.stars.stored_tables import open_own_rows, read_rows, write_pair

PAIRS, DAYS = "ledger_pairs", "ledger_days"
"""Tables that the stored SQL reads."""
LINES, BALANCES, STARS = "ledger_lines", "ledger_balances", "ledger_stars"
"""Tables that it creates."""


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
    settings = settings or load_star_settings(lake.home)
    refuse_unknown(lake, customer_id, as_of)
    present = ["claim_movements"] if lake.has("claim_movements") else []
    opened = open_own_rows(lake, ["policies", "claims", "entitlements", *present], customer_id)
    write_pair(lake, PAIRS, customer_id, as_of)
    lake.con.execute(f"CREATE OR REPLACE TEMP TABLE {DAYS} AS {own_calendar_sql(lake, as_of)}")

    def write_script() -> str:
        from features.stars.entitlements import ledger_script

        return ledger_script(lake, PAIRS, DAYS, settings, (LINES, BALANCES, STARS))

    key = ("ledger", settings.model_dump_json(), opened)
    lake.con.execute(compile_once(lake, key, write_script))
    lines = read_rows(lake, LINES, "granted_at, entitlement_id")
    rows = read_rows(lake, BALANCES, "year_start, service_class")
    days = read_rows(lake, STARS, "day")
    running = [row for row in rows if row["year_end"] and row["year_end"] > as_of]
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
