"""Words on single channels: how many give them, and that nothing else of the insurer moves."""

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation import calibration
from features.sources.simulation.consents import consents
from features.sources.simulation.people import people
from features.sources.simulation.random import Draws
from features.sources.simulation.simulate import simulate
from serving.records.people.consents import Consent, is_channel_open

LAST_DAY = (date(2026, 6, 30) - date(1970, 1, 1)).days
CUSTOMERS = 20_000
NO_WORDS = dict.fromkeys(calibration.CHANNEL_REFUSED, 0.0)


@pytest.fixture(scope="module")
def words() -> pa.Table:
    """All words of 20,000 customers."""
    draws = Draws(3)
    return consents(draws, people(draws, np.arange(CUSTOMERS, dtype=np.int64), LAST_DAY))


def test_no_other_row_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without words on channels: the same tables, and the same consents to purposes."""
    insurers = []
    for name in ("with", "without"):
        lake = Lake(Settings(home=tmp_path / name))
        simulate(lake, 200, seed=5, end=date(2025, 6, 30))
        files = {
            table: lake.raw(table) / "*.parquet" for table in CONTRACTS if lake.raw(table).exists()
        }
        files |= {f"truth {file.stem}": file for file in (lake.home / "truth").iterdir()}
        insurers.append(
            {
                table: duckdb.sql(f"SELECT * FROM '{file}' ORDER BY ALL").fetchall()
                for table, file in files.items()
            }
        )
        monkeypatch.setattr(calibration, "CHANNEL_REFUSED", NO_WORDS)
        monkeypatch.setattr(calibration, "WECOM_ALONE", 0.0)
    given, without = insurers
    channel = list(CONTRACTS["consents"].columns).index("channel")
    on_purposes = [row for row in given.pop("consents") if row[channel] is None]
    assert on_purposes == without.pop("consents")
    assert given == without


def test_calls_are_refused_most_and_some_open_a_channel_again(words: pa.Table) -> None:
    """The shares of who consents to marketing, within four standard errors."""
    rows = duckdb.sql(
        """
        WITH consenting AS (
            SELECT customer_id, min(changed_at) AS first FROM words
            WHERE purpose = 'marketing' AND channel IS NULL
            GROUP BY 1 HAVING arg_min(granted, changed_at)
        )
        SELECT channel, count(*) FILTER (NOT granted), count(*) FILTER (granted),
            count(*) FILTER (NOT granted AND changed_at > first),
            (SELECT count(*) FROM consenting)
        FROM words JOIN consenting USING (customer_id) WHERE channel IS NOT NULL GROUP BY 1
        """
    ).fetchall()
    assert {channel for channel, *_ in rows} == {"phone", "sms", "wecom", "wechat"}
    for channel, refused, opened, late, many in rows:
        for count, share, among in (
            (refused, calibration.CHANNEL_REFUSED[channel], many),
            (opened, calibration.CHANNEL_OPENED, refused),
            (late, calibration.CHANNEL_REFUSED_LATER, refused),
        ):
            close = 4 * (share * (1 - share) / among) ** 0.5
            assert count / among == pytest.approx(share, abs=close), (channel, share)


def test_some_refuse_marketing_and_accept_the_steward_on_wecom(words: pa.Table) -> None:
    """Their word on WeCom is the later one: the channel is open, by the rule of decisions."""
    rows = duckdb.sql(
        """
        SELECT whole.changed_at, wecom.changed_at, wecom.granted
        FROM (SELECT * FROM words WHERE purpose = 'marketing' AND channel IS NULL) AS whole
        JOIN (SELECT * FROM words WHERE channel = 'wecom') AS wecom USING (customer_id)
        WHERE whole.customer_id IN (SELECT customer_id FROM words WHERE channel IS NULL
            AND purpose = 'marketing' GROUP BY 1 HAVING NOT arg_min(granted, changed_at))
        """
    ).fetchall()
    assert len(rows) > 100
    for refused_at, accepted_at, granted in rows:
        assert is_channel_open(Consent(False, refused_at), Consent(granted, accepted_at))
