"""Query who is on a target list: who meets its condition, and which of them are barred."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from features.condition_forms.codes import CODES
from features.errors import GuanjiaError, did_you_mean
from features.lake import Lake
from features.lake.known_at import known_sql
from features.settings import cutoff
from features.snapshots.snapshots import read_snapshot
from features.snapshots.tag_columns import snapshot_sql
from features.sql import instant_sql, quoted, sql_text
from serving.predictions.scores_file import scores_path
from serving.records.people.consents import Refusals

NO_CONSENT = "no marketing consent"
NO_PROFILING = "profiling refused"
OPTED_OUT = "opted out (退订)"
REFUSED = "refused_since"
NO_OPT_OUTS = "SELECT NULL::VARCHAR AS customer_id, NULL::BOOLEAN AS by_phone WHERE false"


def list_query(lake: Lake, as_of: date, tags: list[str], conditions: list[str]) -> str:
    """Write the query of all customers who meet the conditions, with name and phone.

    Its column `barred` says why a customer may not be contacted; null: they may. The query needs
    the table of `refusals_table`.

    Parameters
    ----------
    lake : Lake
        The home with scores, snapshot and checked tables.
    as_of : date
        Date of the scores and the tags; names and consents are those known then.
    tags : list of str
        Tags to read beside the scores.
    conditions : list of str
        SQL conditions over scores and tags; all must hold.

    Raises
    ------
    GuanjiaError
        If there is no snapshot of the date.
    """
    closes = cutoff(as_of, lake.settings.timezone)
    contact = contact_queries(closes, lake)
    scores = sql_text(scores_path(lake, as_of))
    snapshot = snapshot_sql(lake, read_snapshot(lake, as_of), tags)
    met = " AND ".join(f"({text})" for text in conditions) or "true"
    matches = (
        f"SELECT * FROM (SELECT s.*, t.* EXCLUDE (customer_id) FROM read_parquet({scores}) s "
        f"JOIN ({snapshot}) t USING (customer_id)) WHERE {met}"
    )
    opt_outs = contact.get("interactions", NO_OPT_OUTS)
    joined = (
        f"FROM ({matches}) w LEFT JOIN ({contact['customers']}) p USING (customer_id) "
        f"LEFT JOIN {REFUSED} r USING (customer_id) "
        f"LEFT JOIN ({opt_outs}) o USING (customer_id)"
    )
    if "consents" not in contact:
        # An opt-out of any channel is the only word on marketing that there is.
        return (
            f"SELECT w.*, p.name, p.phone, CASE WHEN r.marketing IS NOT NULL THEN '{NO_CONSENT}' "
            f"WHEN r.profiling IS NOT NULL THEN '{NO_PROFILING}' "
            f"WHEN r.calls IS NOT NULL OR o.by_phone IS NOT NULL THEN '{OPTED_OUT}' "
            f"END AS barred {joined}"
        )
    # A refusal told to us holds until the core system knows of a later consent.
    return (
        "SELECT w.*, p.name, p.phone, CASE WHEN c.marketing IS NOT TRUE "
        f"OR r.marketing >= c.marketing_at THEN '{NO_CONSENT}' WHEN c.profiling IS FALSE "
        f"OR r.profiling >= coalesce(c.profiling_at, r.profiling) THEN '{NO_PROFILING}' "
        f"WHEN r.calls IS NOT NULL OR o.by_phone THEN '{OPTED_OUT}' "
        f"END AS barred {joined} LEFT JOIN ({contact['consents']}) c USING (customer_id)"
    )


def contact_queries(closes: datetime, lake: Lake, present: bool = True) -> dict[str, str]:
    """Write the queries of whom to contact, by the checked table that each reads.

    `customers` gives name and phone, `consents` what a customer consents to, `interactions` who
    opted out of a channel, and whether it was the phone.

    Parameters
    ----------
    closes : datetime
        The instant before which things are known.
    lake : Lake
        The home with the checked tables.
    present : bool
        Leave out tables that the home does not have.
    """
    known, happened = known_sql(closes), instant_sql(closes)
    consents = " ".join(
        f"""
        SELECT customer_id,
            bool_or(granted) FILTER (purpose = 'marketing') AS marketing,
            max(said_at) FILTER (purpose = 'marketing') AS marketing_at,
            bool_or(granted) FILTER (purpose = 'profiling') AS profiling,
            max(said_at) FILTER (purpose = 'profiling') AS profiling_at
        FROM (
            SELECT customer_id, purpose, max(changed_at) AS said_at,
                arg_max(granted, (changed_at, recorded_at, consent_id)) AS granted
            FROM {_file(lake, "consents")}
            WHERE {known} AND changed_at < {happened} GROUP BY ALL
        ) GROUP BY 1
    """.split()
    )
    opt_outs = (
        "SELECT customer_id, bool_or(channel = 'phone') AS by_phone "
        f"FROM {_file(lake, 'interactions')} WHERE {known} AND result = 'opted_out' "
        f"AND occurred_at < {happened} GROUP BY 1"
    )
    people = f"SELECT customer_id, name, phone FROM {_file(lake, 'customers')} WHERE {known}"
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
        rows = (
            snapshot_sql(lake, read_snapshot(lake, as_of), [column])
            if column in tags
            else f"SELECT * FROM read_parquet({sql_text(scores_path(lake, as_of))})"
        )
        query = f"SELECT DISTINCT CAST({quoted(column)} AS VARCHAR) FROM ({rows})"
        values = {value for (value,) in lake.con.execute(query).fetchall() if value is not None}
        if text not in values:
            fault = f"asks for {column} = '{text}', which no customer has"
            raise GuanjiaError("condition", fault, did_you_mean(text, values))


@contextmanager
def refusals_table(lake: Lake, refused: Refusals) -> Iterator[None]:
    """Make the table `REFUSED` of refusals in this block: customers, and when they refused."""
    rows = [
        {
            "customer_id": customer,
            "marketing": _instant(refused.marketing.get(customer)),
            "profiling": _instant(refused.profiling.get(customer)),
            "calls": _instant(refused.calls.get(customer)),
        }
        for customer in refused.marketing | refused.profiling | refused.calls
    ]
    # As JSON: to register an Arrow table, or to take parameters, DuckDB imports pandas.
    names = ("customer_id", "marketing", "profiling", "calls")
    form = json.dumps([dict.fromkeys(names, "VARCHAR")])
    lake.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {REFUSED} AS SELECT r.customer_id, "
        "r.marketing::TIMESTAMPTZ AS marketing, r.profiling::TIMESTAMPTZ AS profiling, "
        "r.calls::TIMESTAMPTZ AS calls "
        f"FROM (SELECT unnest(from_json({sql_text(json.dumps(rows))}, '{form}')) AS r)"
    )
    try:
        yield
    finally:
        lake.con.execute(f"DROP TABLE IF EXISTS {REFUSED}")


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _file(lake: Lake, table: str) -> str:
    return f"read_parquet({sql_text(lake.checked(table))})"
