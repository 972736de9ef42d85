"""With customers, policies and claims alone, everything still runs; what is unknown is null."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow.parquet as pq
import pytest

Run = Callable[..., "CompletedProcess[str]"]
REQUIRED = {"customers", "policies", "claims"}
DAY = "2026-06-30"


@pytest.mark.slow
def test_the_three_required_tables_are_enough(home: Path, run: Run, process: Run) -> None:
    def step(*words: str) -> str:
        # What trains and promotes is run in a process of its own nowhere else.
        done = (process if words[0] in ("train", "promote") else run)(home, *words)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    step("simulate", "--customers", "800")
    for folder in (home / "raw").iterdir():
        if folder.name not in REQUIRED:
            shutil.rmtree(folder)
    assert {one["table"] for one in json.loads(step("check", "--json"))["tables"]} == REQUIRED
    step("tags", "--as-of", DAY)
    step("train", "renewal")
    step("promote", "renewal", "--who", "a test", "--why", "to serve")
    step("score")
    scores = pq.read_table(home / "scores" / f"as_of={DAY}.parquet", partitioning=None)
    assert scores.num_rows > 500
    assert scores["star_level"].null_count == scores["customer_value"].null_count == scores.num_rows
    assert scores["renewal"].null_count < scores.num_rows
    listed = json.loads(step("list", "renewal_risk", "--out", str(home / "list.csv"), "--json"))
    assert listed["consent"] == "not recorded"
    assert listed["rows"] > 0
