"""Query who is on a target list: who meets its condition, and which of them are barred."""

import json
from collections.abc import Sequence
from datetime import date, datetime

from features.condition_forms.codes import CODES
from features.errors import suggestions
from features.lake import Lake
from features.lake.checked_tables import checked_rows
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.snapshots.snapshots import read_snapshot
from features.snapshots.tag_columns import snapshot_files, snapshot_sql
from features.sql import instant_sql, quoted, sql_text
from serving.lists.conditions.truths import has_text
from serving.lists.definitions.definition import ListDefinitionError
from serving.predictions.scores_file import scores_path

NO_OPT_OUTS = "SELECT NULL::VARCHAR AS customer_id, NULL::VARCHAR[] AS opted_out WHERE false"
NO_CONSENTS = (
    "SELECT NULL::VARCHAR AS customer_id, NULL::BOOLEAN AS marketing, "
    "NULL::TIMESTAMPTZ AS marketing_at, NULL::BOOLEAN AS profiling, "
    "NULL::TIMESTAMPTZ AS profiling_at, "
    "NULL::VARCHAR AS channels WHERE false"
)
MET = "met"
"""Name of the rows that meet the conditions, inside `match_query`."""
MOST_LISTED = 1_000
"""Customers that a query names one by one; of more it has a table."""
CORE = "core_"
"""Prefix of the columns that say what the core system knows of consents."""


def match_query(
    lake: Lake, as_of: date, tags: Sequence[str], conditions: Sequence[str], flags: Sequence[str]
) -> str:
    """Write the query of all customers who meet the conditions, with what the gates ask of them.

    Parameters
    ----------
    lake : Lake
        The home with scores, snapshot and checked tables.
    as_of : date
        Date of the scores and the tags; consents are those known then.
    tags : sequence of str
        Tags to read beside the scores.
    conditions : sequence of str
        SQL conditions over scores and tags; all must hold.
    flags : sequence of str
        SQL conditions of which the column `flags` says in turn whether they hold.

    Raises
    ------
    GuanjiaError
        If there is no snapshot of the date.
    """
    among = f" AND customer_id IN (SELECT customer_id FROM {MET})"
    contact = contact_queries(cutoff(as_of, lake.settings.timezone), lake, among=among)
    met = " AND ".join(f"({text})" for text in conditions) or "true"
    listed = ", ".join(f"coalesce({text}, false)" for text in flags)
    core = ("marketing", "marketing_at", "profiling", "profiling_at", "channels")
    core_columns = ", ".join(f"c.{name} AS {CORE}{name}" for name in core)
    return (
        f"WITH {MET} AS MATERIALIZED (SELECT *, [{listed}]::BOOLEAN[] AS flags FROM "
        f"({_scored(lake, as_of, tags)}) WHERE {met}) "
        f"SELECT w.*, {core_columns}, o.opted_out AS {CORE}opted_out FROM {MET} w "
        f"LEFT JOIN ({contact.get('consents', NO_CONSENTS)}) c USING (customer_id) "
        f"LEFT JOIN ({contact.get('interactions', NO_OPT_OUTS)}) o USING (customer_id)"
    )


def rows_query(lake: Lake, as_of: date, tags: Sequence[str], customers: Sequence[str]) -> str:
    """Write the query of the scores and tags of customers, in no order.

    Parameters
    ----------
    lake, as_of, tags
        As in `match_query`.
    customers : sequence of str
        The customers.

    Raises
    ------
    GuanjiaError
        If there is no snapshot of the date.
    """
    return _scored(lake, as_of, tags, among_sql(customers))


def among_sql(customers: Sequence[str]) -> str:
    """Write the condition that rows are of customers; its bounds pass whole row groups over."""
    if not customers:
        return "false"
    if len(customers) <= MOST_LISTED:
        return f"customer_id IN ({', '.join(map(sql_text, customers))})"
    # As JSON: to take parameters, DuckDB imports pandas.
    listed = sql_text(json.dumps(list(customers)))
    low, high = sql_text(min(customers)), sql_text(max(customers))
    return (
        f"customer_id BETWEEN {low} AND {high} AND customer_id IN "
        f"(SELECT unnest(from_json({listed}, '[\"VARCHAR\"]')))"
    )


def _scored(lake: Lake, as_of: date, tags: Sequence[str], whose: str = "true") -> str:
    """Write the query of the scores and tags of customers.

    Parameters
    ----------
    lake, as_of, tags
        As in `match_query`.
    whose : str
        A condition on `customer_id`.
    """
    scores = sql_text(scores_path(lake, as_of))
    snapshot = snapshot_sql(lake, read_snapshot(lake, as_of), tags, whose)
    return (
        "SELECT s.*, t.* EXCLUDE (customer_id) FROM "
        f"(SELECT * FROM read_parquet({scores}) WHERE {whose}) s "
        f"JOIN ({snapshot}) t USING (customer_id)"
    )


def people_query(closes: datetime, lake: Lake) -> str:
    """Write the query of name, phone and account manager, as known before an instant."""
    return (
        "SELECT customer_id, name, phone, account_manager_id, account_manager_name "
        f"FROM {_file(lake, 'customers')} WHERE {known_sql(closes)}"
    )


def contact_queries(
    closes: datetime, lake: Lake, present: bool = True, among: str = ""
) -> dict[str, str]:
    """Write the queries of whom to contact, by the checked table that each reads.

    `customers` gives name, phone and account manager, `consents` what a customer consents to,
    `interactions` who opted out of which channels.

    Parameters
    ----------
    closes : datetime
        The instant before which things are known.
    lake : Lake
        The home with the checked tables.
    present : bool
        Leave out tables that the home does not have.
    among : str
        A further condition of the rows that are read, such as whose they are; begins with AND.
    """
    known, happened = known_sql(closes), instant_sql(closes)
    by_every = "channel IS NULL AND purpose"
    # As the tag `latest_consents` says it: of two words at one instant the refusal, in seconds.
    consents = " ".join(
        f"""
        SELECT customer_id,
            bool_or(granted) FILTER ({by_every} = 'marketing') AS marketing,
            max(said_at) FILTER ({by_every} = 'marketing') AS marketing_at,
            bool_or(granted) FILTER ({by_every} = 'profiling') AS profiling,
            max(said_at) FILTER ({by_every} = 'profiling') AS profiling_at,
            string_agg(concat(purpose, '.', channel, ':', if(granted, 'yes', 'no'), ':',
                epoch(said_at)::BIGINT), ';') FILTER (channel IS NOT NULL) AS channels
        FROM (
            SELECT customer_id, purpose, channel, date_trunc('second', max(changed_at)) AS said_at,
                arg_max(granted, (changed_at, NOT granted)) AS granted
            FROM {_file(lake, "consents")}
            WHERE {known} AND changed_at < {happened}{among} GROUP BY ALL
        ) GROUP BY 1
    """.split()
    )
    opt_outs = (
        "SELECT customer_id, list(DISTINCT channel) AS opted_out "
        f"FROM {_file(lake, 'interactions')} WHERE {known} AND result = 'opted_out' "
        f"AND occurred_at < {happened}{among} GROUP BY 1"
    )
    people = people_query(closes, lake)
    queries = {"customers": people, "consents": consents, "interactions": opt_outs}
    return {table: query for table, query in queries.items() if not present or lake.has(table)}


def refuse_unknown_texts(
    lake: Lake, as_of: date, tags: list[str], texts: Sequence[tuple[str, str]]
) -> None:
    """Refuse a condition that asks for a text which no customer has.

    Parameters
    ----------
    lake : Lake
        The home with scores and snapshot.
    as_of : date
        Date of the scores and the tags.
    tags : list of str
        Tags among the columns; the others are scores.
    texts : sequence of (str, str)
        Columns and the texts asked of them.

    Raises
    ------
    GuanjiaError
        If there is such a text; the error names similar ones.
    """
    for column, text in texts:
        if column in CODES:  # a closed set, which the reader of the condition knows
            continue
        file = scores_path(lake, as_of)
        if column in tags:
            ((file, _),) = snapshot_files(lake, read_snapshot(lake, as_of), [column]).values()
        if has_text(file, column, text):
            continue
        query = (
            f"SELECT DISTINCT CAST({quoted(column)} AS VARCHAR) FROM read_parquet({sql_text(file)})"
        )
        values = {value for (value,) in lake.con.execute(query).fetchall() if value is not None}
        fault = f"asks for {column} = '{text}', which no customer has"
        cure, chinese_cure = suggestions(text, values)
        chinese = "条件", f"没有客户的 {column} 是“{text}”", chinese_cure
        raise ListDefinitionError("condition", fault, cure, chinese=chinese)


def _file(lake: Lake, table: str) -> str:
    return f"({checked_rows(lake.con, table, lake.checked(table))})"
