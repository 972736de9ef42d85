"""Give each term the probability of its renewal: as of its entry into the pool, and as of now.

An office is compared with what was expected of its terms when they entered the pool. Scores that
were made then are taken; where there are none, the champion is asked with the tags as they were
known then. A champion may have learned from the very terms: how many is said.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.plain_rows import plain_rows
from features.settings import cutoff
from features.sql import sql_text
from serving.reports.terms import TERMS
from training.labels.renewals import RENEWAL_GRACE_DAYS

EXPECTED = "report_expected"
"""Temporary table inside `expected_table`: `policy_id`, `asked_on`, `p`, `margin`, `source`."""
RECORDED_DAYS = 7
"""Scores so many days before the entry into the pool still count as those of the entry."""
CERTAIN, RECORDED, REPLAYED = "certain", "recorded", "replayed"
SOURCES = {
    RECORDED: "入池时已有评分",
    REPLAYED: "按入池时数据回放",
    CERTAIN: "入池前已续保",
}
COMPLETION_YEAR = 365


@dataclass(frozen=True)
class Expectations:
    """Where the expectations of the month's expired terms come from.

    Attributes
    ----------
    sources : dict of str to int
        Terms by source: recorded, replayed, certain (renewed before the entry).
    missing : int
        Expired terms of which the model could not be asked; no comparison counts them.
    learned : int or None
        Replayed terms whose outcome the champion may have learned from; None: not known.
    available : bool
        False if no renewal model has a champion.
    """

    sources: dict[str, int]
    missing: int
    learned: int | None
    available: bool


@contextmanager
def expected_table(
    lake: Lake, as_of: date, first: date, last: date, past: list[tuple[date, date, date]]
) -> Iterator[Expectations]:
    """Make the table of expectations of terms; it is dropped at the end of the block.

    Rows are of the terms that expire in [first, last] and have expired, as of the day on which they
    entered the pool; of those still open, as of `as_of`; and of open terms of past months.

    Parameters
    ----------
    lake : Lake
        The home, with the table of `terms_table`.
    as_of : date
        The date of the report.
    first, last : date
        The month.
    past : list of (date, date, date)
        Past months: the day that corresponds to `as_of`, first and last day of the month.

    Yields
    ------
    Expectations
        Where those of the expired terms come from.
    """
    lake.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {EXPECTED} AS SELECT policy_id, DATE '{as_of}' AS asked_on,"
        f" 1.0::DOUBLE AS p, NULL::DOUBLE AS margin, '{CERTAIN}' AS source FROM {TERMS}"
        f" WHERE expired AND expiry BETWEEN DATE '{first}' AND DATE '{last}'"
        " AND renewed_on <= entered"
    )
    try:
        expired = (
            f"SELECT policy_id, customer_id, entered AS as_of, true AS at_entry FROM {TERMS}"
            f" WHERE expired AND expiry BETWEEN DATE '{first}' AND DATE '{last}'"
            f" AND policy_id NOT IN (SELECT policy_id FROM {EXPECTED})"
        )
        _add_recorded(lake, expired)
        questions = [
            f"SELECT * FROM ({expired})",
            *(
                f"SELECT policy_id, customer_id, DATE '{day}' AS as_of, false AS at_entry"
                f" FROM {TERMS} WHERE expiry > DATE '{day}' AND expiry BETWEEN DATE '{start}'"
                f" AND DATE '{end}' AND coalesce(renewed_on > DATE '{day}', true)"
                for day, start, end in [(as_of, first, last), *past]
            ),
        ]
        available = _add_replayed(lake, " UNION ALL ".join(questions))
        yield _count(lake, first, last, available)
    finally:
        lake.con.execute(f"DROP TABLE IF EXISTS {EXPECTED}")


def _add_recorded(lake: Lake, questions: str) -> None:
    """Take the scores that were made when terms entered the pool."""
    files = {path.name: path for folder in (lake.home, lake.data) for path in _score_files(folder)}
    if not files:
        return
    listed = ", ".join(sql_text(path) for path in files.values())
    lake.con.execute(
        f"INSERT INTO {EXPECTED} SELECT a.policy_id, a.as_of, s.renewal, s.expected_margin,"
        f" '{RECORDED}' FROM ({questions}) a ASOF JOIN (SELECT customer_id, as_of, renewal,"
        f" expected_margin FROM read_parquet([{listed}], union_by_name = true,"
        " hive_partitioning = false) WHERE renewal IS NOT NULL) s"
        " ON a.customer_id = s.customer_id AND a.as_of >= s.as_of"
        f" WHERE a.as_of - s.as_of <= {RECORDED_DAYS}"
    )


def _score_files(folder: Path) -> list[Path]:
    return sorted((folder / "scores").glob("as_of=*.parquet"))


def _add_replayed(lake: Lake, questions: str) -> bool:
    """Ask the champion as of past dates; False if there is none."""
    pool = lake.con.execute(f"SELECT any_value(expiry - entered) FROM {TERMS}").fetchone()
    lake.con.execute(
        f"CREATE OR REPLACE TEMP TABLE report_asked AS SELECT * FROM ({questions})"
        f" WHERE (policy_id, as_of) NOT IN (SELECT (policy_id, asked_on) FROM {EXPECTED})"
    )
    days = plain_rows(
        lake.con.execute("SELECT DISTINCT as_of FROM report_asked ORDER BY 1").to_arrow_table()
    )
    if not days or pool is None or pool[0] is None:
        return True
    instants = ", ".join(
        f"(DATE '{row['as_of']}', TIMESTAMPTZ '{cutoff(row['as_of'], lake.settings.timezone)}')"
        for row in days
    )
    pairs = (
        "SELECT DISTINCT customer_id, as_of, at_entry, cutoff FROM report_asked"
        f" JOIN (VALUES {instants}) AS v(as_of, cutoff) USING (as_of)"
    )
    from serving.reports.replay import replay_predictions

    try:
        answers = replay_predictions(lake, pairs, pool[0])
    except GuanjiaError:
        # Without a champion there is nothing to expect, and the report says so.
        return False
    lake.con.register("report_answers", answers)
    lake.con.execute(
        f"INSERT INTO {EXPECTED} SELECT policy_id, as_of, p, margin, '{REPLAYED}' FROM report_asked"
        " JOIN report_answers USING (customer_id, as_of, at_entry) WHERE p IS NOT NULL"
    )
    lake.con.unregister("report_answers")
    return True


def _count(lake: Lake, first: date, last: date, available: bool) -> Expectations:
    month = f"t.expired AND t.expiry BETWEEN DATE '{first}' AND DATE '{last}'"
    rows = lake.con.execute(
        f"SELECT e.source, count(*), max(t.expiry) FROM {TERMS} t LEFT JOIN {EXPECTED} e"
        f" USING (policy_id) WHERE {month} GROUP BY 1"
    ).fetchall()
    sources = {source: count for source, count, _ in rows if source is not None}
    missing = sum(count for source, count, _ in rows if source is None)
    learned: int | None = 0
    if sources.get(REPLAYED):
        ripe = _last_learned(lake)
        learned = None
        if ripe is not None:
            (learned,) = lake.con.execute(
                f"SELECT count(*) FROM {TERMS} t JOIN {EXPECTED} e USING (policy_id)"
                f" WHERE {month} AND e.source = '{REPLAYED}'"
                f" AND t.expiry + {RENEWAL_GRACE_DAYS} <= DATE '{ripe}'"
            ).fetchone() or (0,)
    return Expectations(sources, missing, learned, available)


def _last_learned(lake: Lake) -> date | None:
    """Read by when the last outcome was ripe that a training of this home learned from.

    The champion knows no later one. None where no training left its labels here.
    """
    labels = lake.home / "training" / "renewal" / "labels.parquet"
    if not labels.exists():
        return None
    row = lake.con.execute(
        f"SELECT max(matures)::DATE FROM read_parquet({sql_text(labels)})"
    ).fetchone()
    return row[0] if row else None


def completion_curve(lake: Lake, as_of: date) -> np.ndarray:
    """Measure which share of the renewals is signed by so many days after the expiry.

    Parameters
    ----------
    lake : Lake
        The home, with the table of `terms_table`.
    as_of : date
        Terms of the year before that are ripe count.

    Returns
    -------
    numpy.ndarray
        Shape (31,): by 0, 1, ... 30 days after the expiry; the last is 1. All 1 without renewals.
    """
    rows = lake.con.execute(
        f"SELECT greatest(renewed_on - expiry, 0) AS days, count(*) FROM {TERMS}"
        f" WHERE ripe AND renewed AND expiry > DATE '{as_of - timedelta(days=COMPLETION_YEAR)}'"
        " GROUP BY 1"
    ).fetchall()
    counts = np.zeros(RENEWAL_GRACE_DAYS + 1)
    for days, count in rows:
        counts[days] += count
    total = counts.sum()
    return np.cumsum(counts) / total if total else np.ones(RENEWAL_GRACE_DAYS + 1)
