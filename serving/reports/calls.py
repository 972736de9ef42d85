"""Tell whom to call this week: how many customers by office, each number with its list.

The gates are those of target lists, which are those of `/v1/decide`. The condition of a row gives
its members on `guanjia list renewal_risk --where`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from features.sql import sql_text
from serving.lists.definitions.definition import declared_definitions
from serving.lists.selection import Selection
from serving.lists.service import ListService, Viewer
from serving.predictions.scores_file import scores_path
from serving.records.database import Records
from serving.reports.settings import ReportSettings
from serving.reports.terms import NOBODY, UNKNOWN, checked

LIST = "renewal_risk"
MOST_NAMED = 100
"""Customers that a condition names at most: beyond, it would be too long to be parsed."""
SelectBy = Callable[[str], Selection]
"""Selects the list of calls, narrowed by a condition."""


@dataclass(frozen=True)
class CallRow:
    """Customers whom an account manager calls this week.

    Attributes
    ----------
    branch, manager, name : str
        Whose customers they are.
    matched : int
        Customers whose term expires within the days of the setting and is not renewed.
    left_out : dict of str to int
        How many of them may not be called, by reason.
    to_call : int
        How many remain.
    customers : tuple of str
        All that matched, those left out included: the list leaves the same out.
    condition : str or None
        What `guanjia list renewal_risk --where` gives them by; None: too many to name.
    """

    branch: str
    manager: str
    name: str
    matched: int
    left_out: dict[str, int]
    to_call: int
    customers: tuple[str, ...]
    condition: str | None


@dataclass(frozen=True)
class Calls:
    """Whom to call this week.

    Attributes
    ----------
    rows : list of CallRow
        By branch and account manager.
    condition : str
        What gives all of them.
    """

    rows: list[CallRow]
    condition: str


def select_calls(
    lake: Lake, records: Records, as_of: date, at: datetime, branches: frozenset[str] | None = None
) -> SelectBy:
    """Return what selects the list of calls by all gates of the home.

    Parameters
    ----------
    lake : Lake
        The home, with its policy.
    records : Records
        Where consents, contacts and campaigns are recorded.
    as_of : date
        Date of the scores; calls are made from the day after on.
    at : datetime
        The current time (UTC); what is recorded up to then counts.
    branches : frozenset of str, optional
        Only customers of these branches; default: all.
    """
    service, viewer = ListService(lake, records), Viewer("report", branches)
    definition = declared_definitions()[LIST]
    return lambda where: service.selection(definition, viewer, at, as_of, where)


def count_calls(
    lake: Lake, as_of: date, settings: ReportSettings, select: SelectBy
) -> Calls | None:
    """Count whom to call by account manager; None if there are no scores of the date.

    Parameters
    ----------
    lake : Lake
        The home with scores, snapshot and checked tables.
    as_of : date
        Date of the scores.
    settings : ReportSettings
        Within how many days a term expires.
    select : callable of (str) to Selection
        As `select_calls` returns it.
    """
    if not scores_path(lake, as_of).exists():
        return None
    where = (
        "days_to_commercial_expiry >= 0 and "
        f"days_to_commercial_expiry <= {settings.call_days} and renewal >= 0"
    )
    selection = select(where)
    rule_of = {
        customer: rule for rule, customers in selection.left_out.items() for customer in customers
    }
    matched = sorted({*rule_of, *(place.customer_id for place in selection.sent)})
    groups: dict[tuple[str, str], list[dict[str, str | None]]] = {}
    for row in _managers(lake, as_of, matched):
        groups.setdefault((row["branch"], row["manager"]), []).append(row)
    rows: list[CallRow] = []
    for (branch, manager), members in groups.items():
        customers = tuple(str(row["customer_id"]) for row in members)
        rules = [rule_of[customer] for customer in customers if customer in rule_of]
        rows.append(
            CallRow(
                branch=branch,
                manager=manager,
                name=next((row["name"] for row in members if row["name"]), None) or manager,
                matched=len(members),
                left_out={rule: rules.count(rule) for rule in dict.fromkeys(rules)},
                to_call=len(customers) - len(rules),
                customers=customers,
                condition=_naming(where, customers),
            )
        )
    return Calls(rows, where)


def _managers(lake: Lake, as_of: date, customers: list[str]) -> list[dict[str, str]]:
    """Read branch and account manager of customers, in the order of both."""
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    listed = ", ".join(map(sql_text, customers)) or "NULL"
    return plain_rows(
        lake.con.execute(
            f"SELECT customer_id, coalesce(branch, '{UNKNOWN}') AS branch,"
            f" coalesce(account_manager_id, '{NOBODY}') AS manager,"
            f" account_manager_name AS name FROM {checked(lake, 'customers')}"
            f" WHERE {known} AND customer_id IN ({listed}) ORDER BY branch, manager, customer_id"
        ).to_arrow_table()
    )


def _naming(where: str, customers: tuple[str, ...]) -> str | None:
    """Narrow a condition to customers by their numbers."""
    if len(customers) > MOST_NAMED:
        return None
    return f"{where} and customer_id in ({', '.join(map(sql_text, customers))})"
