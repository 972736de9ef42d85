"""Look for what no single row shows: across tables, over time, in who is who, in units.

What is found is reported with counts and an example; where it breaks a bound of `check.toml`,
nothing of the delivery is published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from features.checking.bounds import CheckBounds
from features.checking.owners import REFERENCES
from features.checking.queries import fetch
from features.checking.table_check import TableCheck
from features.contracts.tables import CONTRACTS
from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import LATEST
from features.lake.terms import COVER_END, VOID
from features.sql import instant_sql, sql_text

OUTSIDE = "the claim occurred outside the cover of the policy that it names"
OVERLAPPING = "the term begins before the term of this vehicle and cover before it ends"
LAST_DAY = (
    "expiry is a day before the anniversary: is it the last day of cover? Deliver the day after it"
)
AHEAD = "recorded_at lies ahead of now: the row is not known before then"
AT_ONCE = (
    "every row was recorded within a day, though they tell of years: before that day nobody is"
    " known; deliver recorded_at as docs/data-flow.md says of a first delivery"
)
ALIKE = "customer_id differs from another one in capital letters alone"
SHARED_PHONE = "phone is shared by more customers than a household has: is it an agent's, or none?"
CROWDED = "household_id is shared by more customers than a household has"
LAST_DAY_DAYS = 364
"""Days of a term of a year that is delivered with its last day."""
MOST_ALIKE_DAYS = 1
SPAN_DAYS = 60
"""Days that events go back at least, for a delivery recorded at once to be noticed."""
MOTOR = ", ".join(map(sql_text, MOTOR_LINES))


@dataclass(frozen=True)
class Amount:
    """An amount whose median tells its unit.

    Attributes
    ----------
    table, column : str
        Where it stands.
    label : str
        What has it, in the plural.
    where : str
        SQL condition of the rows that are looked at.
    bound : str
        Beginning of the names of its bounds.
    fewest : int
        Rows from which on the median says something.
    """

    table: str
    column: str
    label: str
    where: str
    bound: str
    fewest: int = 20


AMOUNTS = (
    Amount("policies", "written_premium", "motor terms", f"line IN ({MOTOR})", "motor_premium", 1),
    Amount("quotes", "premium", "motor quotes", f"line IN ({MOTOR})", "motor_premium"),
    Amount("policies", "third_party_limit", "terms", "true", "third_party_limit"),
    Amount("vehicles", "list_price", "vehicles", "true", "list_price"),
    Amount("claim_movements", "paid_change", "payments of claims", "true", "claim_payment"),
)


@dataclass(frozen=True)
class Search:
    """A query for odd rows of a checked table.

    Attributes
    ----------
    table, sentence : str
        The table, and what is odd.
    query : str
        Query of the odd rows; its column `example` names each.
    """

    table: str
    sentence: str
    query: str


def with_notes(
    lake: Lake,
    checks: Sequence[TableCheck],
    checked: Mapping[str, Path],
    bounds: CheckBounds,
    now: datetime | None,
) -> list[TableCheck]:
    """Add to the checks what is odd across rows and tables.

    Parameters
    ----------
    lake : Lake
        Whose engine reads the files.
    checks : sequence of TableCheck
        The checks of all tables.
    checked : mapping of str to Path
        Table -> the file of its good rows.
    bounds : CheckBounds
        The bounds of the home.
    now : datetime or None
        The current time; None: rows recorded ahead of it are not looked for.
    """
    files = {name: f"read_parquet({sql_text(path)})" for name, path in checked.items()}
    odd_rows: dict[str, dict[str, tuple[int, str]]] = {}
    for search in _searches(files, bounds, now, lake.settings.timezone):
        ((number, example),) = fetch(lake, f"SELECT count(*), min(example) FROM ({search.query})")
        if number:
            odd_rows.setdefault(search.table, {})[search.sentence] = (
                int(str(number)),
                str(example),
            )
    return [_extended(check, odd_rows.get(check.table, {})) for check in checks]


def broken_bounds(
    lake: Lake, checks: Sequence[TableCheck], checked: Mapping[str, Path], bounds: CheckBounds
) -> list[str]:
    """List the bounds that a delivery breaks, as sentences.

    Parameters
    ----------
    lake : Lake
        Whose engine reads the files.
    checks : sequence of TableCheck
        The checks of all tables, with their notes.
    checked : mapping of str to Path
        Table -> the file of its good rows.
    bounds : CheckBounds
        The bounds of the home.
    """
    broken = []
    for check in checks:
        if check.bad > bounds.quarantined_share_max * (check.rows - check.repeated):
            broken.append(
                f"{check.bad} of the {check.rows} rows of {check.table} are held back, more than"
                f" {bounds.quarantined_share_max:.0%} (quarantined_share_max)"
            )
    by_table = {check.table: check for check in checks}
    for table, sentence, field in (
        ("claims", REFERENCES["claims"].unknown, "claims_without_policy_share_max"),
        ("claim_movements", REFERENCES["claim_movements"].unknown,
         "movements_without_claim_share_max"),
        ("claims", OUTSIDE, "claims_outside_cover_share_max"),
        ("policies", OVERLAPPING, "overlapping_terms_share_max"),
    ):  # fmt: skip
        most, check_of = getattr(bounds, field), by_table.get(table)
        number = check_of.notes.get(sentence, 0) if check_of else 0
        if check_of and number > most * check_of.good:
            broken.append(f"{number} of {check_of.good} {table}: {sentence} ({field} is {most:g})")
    return broken + _broken_units(lake, checked, bounds)


def _broken_units(lake: Lake, checked: Mapping[str, Path], bounds: CheckBounds) -> list[str]:
    """List the amounts whose median is not one of yuan, as sentences."""
    broken = []
    for amount in AMOUNTS:
        path = checked.get(amount.table)
        if path is None:
            continue
        ((median, rows),) = fetch(
            lake,
            f"SELECT median({amount.column})::DOUBLE, count(*) FROM"
            f" read_parquet({sql_text(path)}) WHERE {amount.where} AND {amount.column} > 0",
        )
        low = getattr(bounds, f"{amount.bound}_median_min")
        high = getattr(bounds, f"{amount.bound}_median_max")
        if int(str(rows)) < amount.fewest or low <= float(str(median)) <= high:
            continue
        broken.append(
            f"half of the {amount.label} have a {amount.column} of at most {median:g} yuan, which"
            f" is not between {low:g} and {high:g}: are amounts in another unit, such as 10,000"
            f" yuan? ({amount.bound}_median_min, {amount.bound}_median_max)"
        )
    return broken


def _extended(check: TableCheck, more: Mapping[str, tuple[int, str]]) -> TableCheck:
    if not more:
        return check
    notes = check.notes | {sentence: number for sentence, (number, _) in more.items()}
    examples = check.examples | {sentence: example for sentence, (_, example) in more.items()}
    return replace(check, notes=notes, examples=examples)


def _searches(
    files: Mapping[str, str], bounds: CheckBounds, now: datetime | None, timezone: str
) -> list[Search]:
    """List what is looked for in the tables that there are."""
    customers, policies, claims = (files[name] for name in ("customers", "policies", "claims"))
    zone = sql_text(timezone)
    terms = f"(SELECT *, {COVER_END} AS cover_end FROM {policies} WHERE {LATEST})"
    searches = [
        Search(
            "customers",
            ALIKE,
            "SELECT unnest(ids) AS example FROM (SELECT list(DISTINCT customer_id) AS ids"
            f" FROM {customers} GROUP BY lower(customer_id)) WHERE len(ids) > 1",
        ),
        Search(
            "customers",
            CROWDED,
            f"SELECT unnest(ids) AS example FROM (SELECT list(customer_id) AS ids FROM {customers}"
            f" WHERE {LATEST} AND household_id IS NOT NULL GROUP BY household_id)"
            f" WHERE len(ids) > {bounds.household_customers_max}",
        ),
        Search(
            "customers",
            SHARED_PHONE,
            f"SELECT unnest(ids) AS example FROM (SELECT list(customer_id) AS ids FROM {customers}"
            f" WHERE {LATEST} AND phone IS NOT NULL GROUP BY phone)"
            f" WHERE len(ids) > {bounds.household_customers_max}",
        ),
        Search(
            "claims",
            OUTSIDE,
            "SELECT claim_id AS example FROM (SELECT claim_id, policy_id, occurred_on"
            f" FROM {claims} WHERE {LATEST}) JOIN {terms} USING (policy_id)"
            f" WHERE NOT coalesce({VOID}, false)"
            " AND (occurred_on < inception OR occurred_on > cover_end)",
        ),
        Search(
            "policies",
            OVERLAPPING,
            "SELECT policy_id AS example FROM (SELECT policy_id, inception, lag(cover_end) OVER"
            " (PARTITION BY vehicle_id, line ORDER BY inception, policy_id) AS covered"
            f" FROM {terms} WHERE vehicle_id IS NOT NULL AND line IN ({MOTOR})"
            f" AND NOT coalesce({VOID}, false))"
            " WHERE inception < covered",
        ),
        Search(
            "policies",
            LAST_DAY,
            f"SELECT policy_id AS example FROM {terms}"
            # A term of 365 days over a 29 February ends a day before the anniversary, too.
            f" WHERE expiry - inception = {LAST_DAY_DAYS}",
        ),
    ]
    for name, file in files.items():
        contract = CONTRACTS[name]
        if now is not None:
            ahead = f"recorded_at > {instant_sql(now)}"
            query = f"SELECT {contract.key} AS example FROM {file} WHERE {ahead}"
            searches.append(Search(name, AHEAD, query))
        if contract.required:
            span = (
                f"SELECT max(recorded_at) - min(recorded_at) <= INTERVAL {MOST_ALIKE_DAYS} DAY AND"
                f" min(recorded_at) - min({contract.event_time}) >= INTERVAL {SPAN_DAYS} DAY"
                f" AND count(*) > 1 FROM {file}"
            )
            query = (
                f"SELECT strftime(recorded_at AT TIME ZONE {zone}, '%Y-%m-%d') AS example"
                f" FROM {file} WHERE ({span})"
            )
            searches.append(Search(name, AT_ONCE, query))
    return searches
