"""Tell whom to call this week: how many customers by office, each number with its list.

The rules are those of every list (`serving.lists.selection`): consent, caps, open claims, campaigns
of higher priority, the holdout. The condition of a row gives its members on `guanjia list`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.sql import sql_text
from serving.lists.contact import nobody_else, taken_by_campaigns
from serving.lists.questions import check_list
from serving.lists.selection import select
from serving.predictions.scores_file import scores_path
from serving.reports.settings import ReportSettings
from serving.reports.terms import NOBODY, UNKNOWN, checked

LIST = "renewal_risk"
EVERYBODY = 10_000_000
"""Size of the list: nobody is left out for want of room."""
MOST_NAMED = 100
"""Customers that a condition names at most: beyond, it would be too long to be parsed."""


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
        How many of them are not called, by the rule of `serving.lists.rules` that took them.
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
    at: datetime,
    connection: Connection | None = None,
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
    at : datetime
        Now: refusals and contacts up to then count.
    connection : Connection, optional
        Of the records. Default: nothing is on record.
    branches : collection of str, optional
        Only customers of these branches; default: all.
    """
    if not scores_path(lake, as_of).exists():
        return None
    where = (
        "days_to_commercial_expiry >= 0 and "
        f"days_to_commercial_expiry <= {settings.call_days} and renewal >= 0"
    )
    definition = check_list(lake, LIST, where, EVERYBODY).definition
    campaigns = (
        nobody_else if connection is None else taken_by_campaigns(connection, definition, as_of)
    )
    chosen = select(
        lake, definition, as_of, at, connection=connection, where=where, campaign_of=campaigns,
        branches=branches,
    )  # fmt: skip
    rules = {place.row["customer_id"]: "" for place in chosen.sent}
    rules |= {number: rule for rule, members in chosen.left_out.items() for number in members}
    groups: dict[tuple[str, str, str], dict[str, str]] = {}
    for number, *owner in _owners(lake, as_of, rules):
        groups.setdefault((owner[0], owner[1], owner[2]), {})[number] = rules[number]
    rows: list[CallRow] = []
    for (branch, manager, name), members in groups.items():
        left_out: dict[str, int] = {}
        for rule in members.values():
            if rule:
                left_out[rule] = left_out.get(rule, 0) + 1
        rows.append(
            CallRow(
                branch=branch,
                manager=manager,
                name=name,
                matched=len(members),
                left_out=left_out,
                to_call=len(members) - sum(left_out.values()),
                customers=tuple(members),
                condition=_naming(where, tuple(members)),
            )
        )
    return Calls(rows, where)


def _owners(lake: Lake, as_of: date, customers: Collection[str]) -> list[tuple[str, str, str, str]]:
    """Read whose customers they are: number, branch, account manager and the manager's name."""
    listed = ", ".join(map(sql_text, customers)) or "NULL"
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    return lake.con.execute(
        f"SELECT customer_id, coalesce(branch, '{UNKNOWN}'),"
        f" coalesce(account_manager_id, '{NOBODY}'),"
        f" coalesce(account_manager_name, account_manager_id, '{NOBODY}')"
        f" FROM {checked(lake, 'customers')} WHERE {known} AND customer_id IN ({listed})"
        " ORDER BY 2, 3, 1"
    ).fetchall()


def _naming(where: str, customers: tuple[str, ...]) -> str | None:
    """Narrow a condition to customers by their numbers."""
    if len(customers) > MOST_NAMED:
        return None
    return f"{where} and customer_id in ({', '.join(map(sql_text, customers))})"
