"""A day that begins with a delivery: imported once, and named where it is missing."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from delivered_days import CUSTOMERS, HEAD, MAPPING, P1, P2, QUOTES
from small_days import LENIENT, outcomes, published

from guanjia.jobs.daily.history import read_history

Run = Callable[..., "CompletedProcess[str]"]
CLAIMS = """
[sources."赔案"]
files = ["赔案*.csv"]
kind = "text"
columns = ["赔案号", "客户号", "保单号", "出险时间", "报案时间"]
delivery = "increment"

[[tables]]
name = "claims"
source = "赔案"
[tables.columns]
claim_id = {from = "赔案号"}
customer_id = {from = "客户号"}
policy_id = {from = "保单号"}
occurred_at = {from = "出险时间"}
reported_at = {from = "报案时间"}
"""
CLAIM = "赔案号,客户号,保单号,出险时间,报案时间\nK1,C1,P1,2026-05-20 08:00:00,2026-05-20 09:00:00\n"
DAY, NEXT = date(2026, 6, 1), date(2026, 6, 2)
DAILY = '[import]\nmapping = "mapping.toml"\nfolder = "deliveries/{day}"\n'


def daily(run: Run, home: Path, day: date) -> "CompletedProcess[str]":
    """`guanjia daily` on the morning after both days."""
    return run(home, "daily", "--as-of", str(day), "--now", "2026-06-03T01:00+08:00")


def last(home: Path, day: date) -> dict[str, str]:
    """How each step of the last attempt of a day ended."""
    steps = read_history(home, day).attempts[-1].steps
    return outcomes({"steps": [vars(step) for step in steps]})


@pytest.mark.slow
def test_a_delivery_is_imported_once_and_a_missing_one_is_named(home: Path, run: Run) -> None:
    home.mkdir(mode=0o700)
    (home / "mapping.toml").write_text(MAPPING + CLAIMS, "utf-8")
    (home / "daily.toml").write_text(DAILY, "utf-8")
    (home / "quality.toml").write_text(LENIENT, "utf-8")
    folder = home / "deliveries" / str(DAY)
    folder.mkdir(parents=True)
    for name, text in (
        ("客户", CUSTOMERS), ("保单", HEAD + P1 + P2), ("报价", QUOTES), ("赔案", CLAIM),
    ):  # fmt: skip
        (folder / f"{name}.csv").write_text(text, "utf-8")

    done = daily(run, home, DAY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert last(home, DAY)["import"] == "done"
    assert published(home) == str(DAY)
    assert daily(run, home, DAY).returncode == 0
    assert last(home, DAY)["import"] == last(home, DAY)["check"] == "skipped"

    late = daily(run, home, NEXT)
    assert late.returncode == 2
    assert f"delivery of {NEXT}: is not there" in late.stderr
    assert last(home, NEXT) == {"erase": "done", "import": "fault"}
    assert published(home) == str(DAY)
