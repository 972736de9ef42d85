"""Marketers work from the list of the day that is published, whatever happened last night."""

import csv
import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pyarrow.parquet as pq
import pytest
from later_days import deliver
from small_days import LENIENT, outcomes, published

Run = Callable[..., "CompletedProcess[str]"]
FIRST = date(2026, 7, 1)
LIST = "renewal_risk"


def daily(run: Run, home: Path, day: date, *words: str) -> "CompletedProcess[str]":
    """`guanjia daily` half an hour after the end of the day."""
    now = f"{day + timedelta(1)}T00:30+08:00"
    return run(home, "daily", "--as-of", str(day), "--now", now, "--json", *words)


@pytest.mark.slow
def test_a_refused_day_has_no_list_and_the_day_before_keeps_its_own(
    demo: tuple[Path, dict[str, Any]], tmp_path: Path, run: Run
) -> None:
    home = tmp_path / "insurer"
    shutil.copytree(demo[0], home, symlinks=True)
    shutil.rmtree(home / "lists", ignore_errors=True)
    (home / "quality.toml").write_text(LENIENT, "utf-8")
    (home / "daily.toml").write_text(f"[lists.{LIST}]\ntop = 20\n", "utf-8")

    deliver(home, FIRST, 0.01)
    done = daily(run, home, FIRST)
    assert done.returncode == 0, done.stdout + done.stderr
    ended = outcomes(json.loads(done.stdout))
    assert {ended[name] for name in ("scores", "publish", "lists", "contacts")} == {"done"}
    assert ended["monitoring"] == "not today"
    with (home / "lists" / f"{LIST}-{FIRST}.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert 0 < len(rows) <= 20
    assert published(home) == str(FIRST)

    second = FIRST + timedelta(1)
    deliver(home, second, 0.01)
    (path,) = (home / "raw" / "policies").glob("part-0*.parquet")
    policies = pq.read_table(path)
    pq.write_table(policies.slice(0, int(policies.num_rows * 0.4)), path)
    refused = daily(run, home, second)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    attempt = json.loads(refused.stdout)
    assert published(home) == str(FIRST)
    assert [path.name for path in (home / "lists").iterdir()] == [f"{LIST}-{FIRST}.csv"]
    means = {part["whom"]: part["english"] for part in attempt["meaning"]}
    assert means["marketers"].startswith(f"today's lists are still those of {FIRST}")
    page = (home / "days" / f"{second}.html").read_text("utf-8")
    assert "7月2日未发布，继续使用7月1日的数据" in page
