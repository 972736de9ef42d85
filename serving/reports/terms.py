"""List the commercial terms that come up for renewal, as they were known at a date.

One row a term: whose it is, what was quoted, whether that reached the customer, whether the term is
renewed. Every figure of the funnel is a sum over these rows, made by the engine: nothing is loaded
into Python but sums.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date

from features.contracts.vocabulary import MOTOR_LINES
from features.lake import Lake
from features.lake.known_at import known_sql
from features.lake.terms import VOID
from features.settings import cutoff
from features.sql import instant_sql, sql_text
from serving.predictions.scores_file import scores_path
from serving.reports.settings import ReportSettings
from training.labels.renewals import RENEWAL_GRACE_DAYS

TERMS, STARS = "report_terms", "report_stars"
"""Temporary tables of terms, inside `terms_table`, and of ratings."""
NO_TEAM, NOBODY, UNKNOWN = "无团队", "未分配", "未知"
"""Names of groups whose terms do not say where they belong."""
NO_STARS = "SELECT NULL::VARCHAR AS customer_id, NULL::BIGINT AS star WHERE false"
REASONS = {
    "not_quoted": "未报价",
    "not_reached": "报价未触达",
    "not_viewed": "未查看报价",
    "price": "价格",
    "other": "其他",
}
"""Why a term was lost: the first of these that holds."""


@contextmanager
def terms_table(
    lake: Lake,
    as_of: date,
    first: date,
    last: date,
    settings: ReportSettings,
    branches: Collection[str] | None = None,
    *,
    stars_on: date | None = None,
) -> Iterator[str]:
    """Make the table of the terms that expire in a period; it is dropped at the end of the block.

    A term is due if it was not cancelled before it entered the pool. It is renewed if a next motor
    term of the same customer and vehicle follows, as in the label of the renewal model, and that is
    known by the date. A quote reaches and is viewed as far as known by then.

    Parameters
    ----------
    lake : Lake
        The home with checked tables.
    as_of : date
        What was known by the end of this day counts.
    first, last : date
        First and last day of expiry.
    settings : ReportSettings
        Length of the pool, teams, what a rise of price is.
    branches : collection of str, optional
        Only customers of these branches; default: all.
    stars_on : date, optional
        Date of the rating in the column `star`, which is otherwise empty. A rating of later than
        the entry into the pool follows from the renewal, and would explain it.

    Yields
    ------
    str
        Name of the table. Columns: `policy_id`, `customer_id`, `vehicle_id`, `inception`, `expiry`,
        `entered` (day on which it enters the pool), `premium` (yuan), `branch`, `team`, `manager`,
        `manager_name`, `channel`, `star`; `renewed_on`, `quoted_on`, `reached_on`, `viewed_on`
        (dates, null if not); `change` (quote against the expiring premium, as a share); `expired`,
        `renewed`, `ripe` (booleans; ripe: the label can no longer change); `lost` (why, a key of
        `REASONS`; null if renewed or open).
    """
    lake.con.execute(f"DROP TABLE IF EXISTS {TERMS}")
    query = _terms_sql(lake, as_of, first, last, settings, branches, stars_on)
    lake.con.execute(f"CREATE TEMP TABLE {TERMS} AS {query}")
    try:
        yield TERMS
    finally:
        lake.con.execute(f"DROP TABLE IF EXISTS {TERMS}")


def _terms_sql(
    lake: Lake,
    as_of: date,
    first: date,
    last: date,
    settings: ReportSettings,
    branches: Collection[str] | None,
    stars_on: date | None,
) -> str:
    closes = cutoff(as_of, lake.settings.timezone)
    known = known_sql(closes)
    lines = ", ".join(map(sql_text, MOTOR_LINES))
    pool = settings.pool_days
    stars = stars_sql(lake, stars_on) if stars_on else NO_STARS
    seen = (
        ""
        if branches is None
        else f" WHERE c.branch IN ({', '.join(map(sql_text, sorted(branches))) or 'NULL'})"
    )
    return f"""
    WITH motor AS (
        SELECT policy_id, customer_id, vehicle_id, line, inception, expiry, cancelled_on,
            written_premium, channel, signed_on
        FROM {checked(lake, "policies")} WHERE {known} AND line IN ({lines})
    ), term AS (
        SELECT * FROM motor WHERE line = 'motor_commercial'
            AND expiry BETWEEN DATE '{first}' AND DATE '{last}'
            AND (cancelled_on IS NULL OR cancelled_on > expiry - {pool})
    ), next AS (
        SELECT t.policy_id, min(n.signed_on) AS renewed_on
        FROM term t JOIN motor n USING (customer_id, vehicle_id)
        WHERE n.policy_id <> t.policy_id AND n.inception > t.inception
            AND n.inception >= t.expiry - {RENEWAL_GRACE_DAYS}
            AND n.signed_on <= t.expiry + {RENEWAL_GRACE_DAYS}
            AND n.policy_id NOT IN (SELECT policy_id FROM motor WHERE {VOID})
        GROUP BY 1
    ), quote AS ({_quotes(lake, as_of)}
    ), person AS (
        SELECT customer_id, branch, account_manager_id AS manager,
            account_manager_name AS manager_name
        FROM {checked(lake, "customers")} WHERE {known}
    ), joined AS (
        SELECT t.policy_id, t.customer_id, t.vehicle_id, t.inception, t.expiry,
            t.expiry - {pool} AS entered,
            t.written_premium AS premium, coalesce(c.branch, '{UNKNOWN}') AS branch,
            coalesce(m.team, '{NO_TEAM}') AS team, coalesce(c.manager, '{NOBODY}') AS manager,
            c.manager_name, coalesce(t.channel, '{UNKNOWN}') AS channel,
            coalesce(s.star::VARCHAR, '{UNKNOWN}') AS star, n.renewed_on,
            q.quoted_on, q.reached_on, q.viewed_on,
            CASE WHEN t.written_premium > 0
                THEN q.quoted::DOUBLE / t.written_premium::DOUBLE - 1 END AS change,
            t.expiry <= DATE '{as_of}' AS expired,
            t.expiry + {RENEWAL_GRACE_DAYS} <= DATE '{as_of}' AS ripe,
            n.renewed_on IS NOT NULL AS renewed
        FROM term t LEFT JOIN next n USING (policy_id) LEFT JOIN quote q USING (policy_id)
            LEFT JOIN person c USING (customer_id) LEFT JOIN ({_teams(settings)}) m USING (manager)
            LEFT JOIN ({stars}) s USING (customer_id)
        {seen}
    )
    SELECT *, CASE
        WHEN renewed OR NOT expired THEN NULL
        WHEN quoted_on IS NULL THEN 'not_quoted'
        WHEN reached_on IS NULL THEN 'not_reached'
        WHEN viewed_on IS NULL THEN 'not_viewed'
        WHEN change > {settings.price_rise} THEN 'price'
        ELSE 'other' END AS lost
    FROM joined
    """


def checked(lake: Lake, table: str) -> str:
    """Write how a query reads the good rows of a table.

    Parameters
    ----------
    lake : Lake
        The home.
    table : str
        Name of a raw table, which must have been checked.

    Raises
    ------
    GuanjiaError
        If the table has no checked rows.
    """
    return f"read_parquet({sql_text(lake.require(table))})"


def people_sql(lake: Lake, as_of: date, branches: Collection[str] | None = None) -> str:
    """Write the query of the customers known at a date: `customer_id`, `branch`.

    Parameters
    ----------
    lake : Lake
        The home.
    as_of : date
        Who was known by the end of this day.
    branches : collection of str, optional
        Only customers of these branches; default: all.
    """
    known = known_sql(cutoff(as_of, lake.settings.timezone))
    query = (
        f"SELECT customer_id, coalesce(branch, '{UNKNOWN}') AS branch"
        f" FROM {checked(lake, 'customers')} WHERE {known}"
    )
    if branches is None:
        return query
    return f"{query} AND branch IN ({', '.join(map(sql_text, sorted(branches))) or 'NULL'})"


def stars_sql(lake: Lake, as_of: date) -> str:
    """Write the query of `customer_id` and `star`, the star of each customer as of a date.

    It reads the scores of the date, else rates the customers anew.

    Parameters
    ----------
    lake : Lake
        The home.
    as_of : date
        Date of the rating.
    """
    path = scores_path(lake, as_of)
    if path.exists():
        return f"SELECT customer_id, star_level AS star FROM read_parquet({sql_text(path)})"
    from features.lake.spine import spine_of_customers
    from features.stars.value import rate

    query = lake.sql(rate(lake, spine_of_customers(lake, [as_of])))
    lake.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {STARS} AS SELECT customer_id, star_level AS star"
        f" FROM ({query})"
    )
    return f"SELECT customer_id, star FROM {STARS}"


def _quotes(lake: Lake, as_of: date) -> str:
    """Write the query of the quotes of each term: first days, and the last premium quoted."""
    if not lake.has("quotes"):
        return (
            "SELECT NULL::VARCHAR AS policy_id, NULL::DATE AS quoted_on, NULL::DATE AS reached_on,"
            " NULL::DATE AS viewed_on, NULL::DECIMAL(14, 2) AS quoted WHERE false"
        )
    closes = cutoff(as_of, lake.settings.timezone)
    happened = instant_sql(closes)
    return f"""
        SELECT policy_id, min(quoted_on) AS quoted_on,
            min(delivered_on) FILTER (delivered_at < {happened}) AS reached_on,
            min(viewed_on) FILTER (viewed_at < {happened}) AS viewed_on,
            arg_max(premium, quoted_at) FILTER (premium IS NOT NULL) AS quoted
        FROM {checked(lake, "quotes")}
        WHERE {known_sql(closes)} AND quoted_at < {happened} AND line = 'motor_commercial'
            AND policy_id IN (SELECT policy_id FROM term)
        GROUP BY 1"""


def _teams(settings: ReportSettings) -> str:
    """Write the query of managers with their teams."""
    pairs = [
        f"({sql_text(manager)}, {sql_text(team)})"
        for team, managers in settings.teams.items()
        for manager in managers
    ]
    if not pairs:
        return "SELECT NULL::VARCHAR AS manager, NULL::VARCHAR AS team WHERE false"
    return f"SELECT * FROM (VALUES {', '.join(pairs)}) AS v(manager, team)"
