"""The table of coverage at small size: every share lies where so few campaigns can tell."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
ROUNDS = 60


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """The lines of the benchmark, by what was measured."""
    target = tmp_path_factory.mktemp("coverage") / "coverage.json"
    command = [sys.executable, "campaign_coverage.py", "--rounds", str(ROUNDS)]
    command += ["--json", str(target)]
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS.parent), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=BENCHMARKS, env=environment, check=False, capture_output=True)
    return {line["what"]: line for line in json.loads(target.read_text())["measured"]}


def test_intervals_hold_the_truth(lines: dict[str, dict]) -> None:
    covered = [line for line in lines.values() if line["at_least"] == 0.94]
    assert len(covered) == 9
    for line in covered:
        assert line["highest"] >= 0.95, line["what"]
        assert line["lowest"] <= 0.96, line["what"]


def test_nothing_is_claimed_more_often_than_stated(lines: dict[str, dict]) -> None:
    bounded = [line for line in lines.values() if line["at_most"] == 0.05]
    assert len(bounded) == 8
    for line in bounded:
        assert line["lowest"] <= 0.05, line["what"]
    assert lines["always-valid: width over the fixed one at maturity"]["kept"]


def test_what_must_be_seen_is_seen(lines: dict[str, dict]) -> None:
    assert lines["planned looks: power over one look's"]["ours"] > 0.9
    assert lines["opt-outs at 3 x the limit: stopped"]["ours"] == 1
    assert lines["service, raw difference over the truth"]["ours"] > 2
    assert lines["simulated insurer, raw difference: holds the truth"]["ours"] < 0.5
