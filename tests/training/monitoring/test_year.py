"""A champion of a small insurer through a quiet year, and through a reform of prices.

The reform doubles the price of commercial cover: of 4,000 customers some 140 terms expire a
month, and chance alone moves their renewals by four points. What it takes to see a smaller one is
in docs/monitoring.md.
"""

import dataclasses
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation import calibration as simulation_calibration
from features.sources.simulation.simulate import simulate
from guanjia.cli import app
from training.fitting.bundle_writer import write_bundle
from training.fitting.datasets import build
from training.fitting.learn import fit
from training.models import MODELS
from training.monitoring.files import write_monitoring
from training.monitoring.watch import watch
from training.registry import local_models

pytestmark = pytest.mark.filterwarnings("ignore")
CUSTOMERS, LEARNED, REFORM = 4_000, date(2025, 6, 30), date(2025, 10, 1)
Insurer = Callable[..., Lake]


@pytest.fixture(scope="module")
def insurer(tmp_path_factory) -> Insurer:
    """An insurer whose renewal champion learned by `LEARNED`; with a reform from a day on."""
    spec = dataclasses.replace(MODELS["renewal"], candidates=("linear",))
    root = tmp_path_factory.mktemp("insurers")
    made: dict[str, object] = {}

    def make(name: str, reform: date | None = None) -> Lake:
        lake = Lake(Settings(home=root / name, threads=2))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(simulation_calibration, "PRICE_REFORM", 2.0)
            simulate(lake, CUSTOMERS, 1, price_reform=reform)
        check_tables(lake)
        if not made:
            (data,) = build(lake, [spec], LEARNED, row_limit=9_000)
            fitted, _ = fit(spec, data)
            made["bundle"] = write_bundle(root / "bundle", spec, fitted, data.tags)
            made["run"] = {
                "model": "renewal",
                "version": "1",
                "run": "",
                "parameters": {
                    "known_by": str(LEARNED),
                    "test_from": str(data.split.test_from),
                    "base_rate": str(data.frame.loc[data.split.train, "label"].mean()),
                },
                "tags": {},
            }
        local_models.save_bundle(lake, "renewal", "1", made["bundle"])
        local_models.set_champion(lake, "renewal", "1")
        # There is no registry here: what a run of monitoring read of it before holds.
        before = {"model": "renewal", "stated": {"run": made["run"]}}
        write_monitoring(lake, LEARNED, {"models": [before]})
        return lake

    return make


@pytest.fixture(scope="module")
def quiet(insurer) -> Lake:
    return insurer("quiet")


@pytest.fixture(scope="module")
def reformed(quiet, insurer) -> Lake:
    return insurer("reformed", REFORM)


def test_a_quiet_year_raises_no_more_alerts_than_is_stated(quiet):
    found = watch(quiet, "renewal", date(2026, 6, 30))
    assert [one.name for one in found.cohorts] == [
        *(f"2025-{month:02d}" for month in range(7, 13)),
        *(f"2026-{month:02d}" for month in range(1, 7)),
    ]
    assert all(one.tests for one in found.cohorts)
    # One alert in ten years is stated; of this year, none.
    assert found.bounds.false_alarms == 0.10
    assert found.alerts == []


def test_a_reform_is_found_within_one_cohort(reformed, monkeypatch):
    monkeypatch.setenv("GUANJIA_HOME", str(reformed.home))
    command = ["monitor", "--model", "renewal", "--months", "2", "--as-of", "2025-11-30"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1, done.output
    assert "ALERT renewal, 2025-11: observed minus predicted: -" in done.output
    assert "guanjia train renewal --known-by 2025-11-30" in done.output
    # October's outcomes are of terms that ended by the first day of the reform.
    assert "ALERT renewal, 2025-10:" not in done.output
    assert "2025-10" in done.output


def test_until_the_reform_nothing_that_was_recorded_differs(quiet, reformed):
    """Quotes of the first terms under the reform are made from 44 days before on."""
    for table in ("policies", "quotes", "claims", "interactions"):
        rows = [
            duckdb.sql(
                f"SELECT * FROM '{lake.home}/raw/{table}/*.parquet' "
                "WHERE recorded_at < '2025-08-01' ORDER BY ALL"
            ).to_arrow_table()
            for lake in (quiet, reformed)
        ]
        assert rows[0].equals(rows[1])
        assert rows[0].num_rows


def test_the_reform_makes_commercial_cover_dearer_from_its_day_on(quiet, reformed):
    def premiums(home: Path, first: str, last: str) -> dict[str, float]:
        rows = duckdb.sql(
            f"SELECT policy_id, written_premium FROM '{home}/raw/policies/*.parquet' "
            "WHERE line = 'motor_commercial' AND cancelled_on IS NULL "
            f"AND inception BETWEEN '{first}' AND '{last}' AND driver_accident_cover = false"
        ).fetchall()
        return {name: float(premium) for name, premium in rows}

    for first, last, factor in (("2025-09-01", "2025-09-30", 1), ("2025-10-01", "2025-10-31", 2)):
        old, new = (premiums(lake.home, first, last) for lake in (quiet, reformed))
        both = old.keys() & new.keys()
        assert len(both) > 20
        assert all(abs(new[one] - factor * old[one]) <= 0.011 for one in both)
