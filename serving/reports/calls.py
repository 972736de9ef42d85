"""Tell whom to call this week: how many customers by office, each number with its list.

The gates are those of target lists (`serving.lists.source`): consent, refusals and opt-outs; and
the holdout. The condition of a row gives its members on `guanjia list renewal_risk --where`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from features.sql import sql_text
from features.tags.catalogue import catalogue
from serving.lists.questions import check_list, readable_columns
from serving.lists.source import list_query, refusals_table
from serving.predictions.scores_file import scores_path
from serving.records.people.consents import Refusals
from serving.reports.settings import ReportSettings
from serving.reports.terms import NOBODY, UNKNOWN, checked

LIST = "renewal_risk"
HOLDOUT = "holdout"
MOST_NAMED = 100
"""Customers that a condition names at most: beyond, it would be too long to be parsed."""
BARS = {
    "no marketing consent": "未授权营销",
    "profiling refused": "拒绝画像",
    "opted out (退订)": "已退订",
    HOLDOUT: "对照组",
}


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


def count_calls(
    lake: Lake,
    as_of: date,
    settings: ReportSettings,
    *,
    refused: Refusals,
    in_holdout: Callable[[str], bool],
    branches: Collection[str] | None = None,
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
    refused : Refusals
        Customers who refused at our touchpoints.
    in_holdout : callable of (str) to bool
        Says which customers are in the holdout.
    branches : collection of str, optional
        Only customers of these branches; default: all.
    """
    if not scores_path(lake, as_of).exists():
        return None
    where = (
        "days_to_commercial_expiry >= 0 and "
        f"days_to_commercial_expiry <= {settings.call_days} and renewal >= 0"
    )
    question = check_list(lake, LIST, where)
    own = readable_columns()
    tags = [name for name in catalogue() if name in {*question.columns} and name not in own]
    query = list_query(lake, as_of, tags, question.conditions)
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    seen = (
        ""
        if branches is None
        else f" WHERE c.branch IN ({', '.join(map(sql_text, sorted(branches))) or 'NULL'})"
    )
    with refusals_table(lake, refused):
        matches = plain_rows(
            lake.con.execute(
                f"SELECT q.customer_id, q.barred, coalesce(c.branch, '{UNKNOWN}') AS branch,"
                f" coalesce(c.account_manager_id, '{NOBODY}') AS manager,"
                f" c.account_manager_name AS name FROM ({query}) q"
                f" JOIN (SELECT * FROM {checked(lake, 'customers')} WHERE {known}) c"
                f" USING (customer_id){seen} ORDER BY branch, manager, q.customer_id"
            ).to_arrow_table()
        )
    groups: dict[tuple[str, str], list[dict[str, str | None]]] = {}
    for row in matches:
        groups.setdefault((row["branch"], row["manager"]), []).append(row)
    rows: list[CallRow] = []
    for (branch, manager), members in groups.items():
        left_out: dict[str, int] = {}
        free = []
        for row in members:
            customer = str(row["customer_id"])
            bar = row["barred"] or (HOLDOUT if in_holdout(customer) else None)
            if bar is None:
                free.append(customer)
            else:
                left_out[bar] = left_out.get(bar, 0) + 1
        customers = tuple(str(row["customer_id"]) for row in members)
        rows.append(
            CallRow(
                branch=branch,
                manager=manager,
                name=next((row["name"] for row in members if row["name"]), None) or manager,
                matched=len(members),
                left_out=left_out,
                to_call=len(free),
                customers=customers,
                condition=_naming(where, customers),
            )
        )
    return Calls(rows, where)


def _naming(where: str, customers: tuple[str, ...]) -> str | None:
    """Narrow a condition to customers by their numbers."""
    if len(customers) > MOST_NAMED:
        return None
    return f"{where} and customer_id in ({', '.join(map(sql_text, customers))})"
