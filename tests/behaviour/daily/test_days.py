"""Days of an insurer: what goes wrong on the way leaves no trace in what is published."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from small_days import (
    LAST,
    cut_policies,
    day_of,
    deliver,
    derived_bytes,
    history,
    killed_at,
    outcomes,
    prepare,
    published,
)

from guanjia.jobs.daily.lock import sole_run

Run = Callable[..., "CompletedProcess[str]"]


def daily(run: Run, home: Path, number: int, *words: str) -> "CompletedProcess[str]":
    """`guanjia daily` of a day."""
    return run(home, "daily", "--as-of", str(day_of(number)), *words)


@pytest.fixture(scope="module")
def rough_home(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """The same deliveries with two kills, a day that was missed, and one that broke a bound."""
    home = tmp_path_factory.mktemp("rough") / "home"
    prepare(home)
    killed_at(home, 0, "tags")
    assert published(home) is None
    assert daily(run, home, 0).returncode == 0
    deliver(home, 1)  # and nobody runs the day
    deliver(home, 2)
    cut_policies(home, 0.4)
    broken = daily(run, home, 2)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert published(home) == str(day_of(0))
    cut_policies(home, 1)
    assert daily(run, home, 2).returncode == 0
    deliver(home, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUANJIA_OPENLINEAGE", str(home.parent / "events.jsonl"))
        killed_at(home, 3, "publish")
        assert published(home) == str(day_of(2))
        assert daily(run, home, 3).returncode == 0
    return home


@pytest.mark.slow
def test_kills_a_broken_delivery_and_a_missed_day_end_in_the_same_bytes(
    quiet_home: Path, rough_home: Path
) -> None:
    quiet, rough = derived_bytes(quiet_home, LAST), derived_bytes(rough_home, LAST)
    assert set(quiet) == set(rough)
    assert {name for name in quiet if name.startswith(("checked/", "tags/", "triggers/"))}
    assert [name for name in quiet if quiet[name] != rough[name]] == []


def test_a_day_that_was_broken_and_mended_shows_both(rough_home: Path) -> None:
    broken, mended = history(rough_home, 2)
    assert (broken["outcome"], mended["outcome"]) == ("broken", "done")
    assert outcomes(broken)["publish"] == "broken"
    assert "lists" not in outcomes(broken), "nothing follows a day that is not published"
    (finding,) = [
        f for s in broken["steps"] for f in s["findings"] if f["subject"] == "rows of policies"
    ]
    assert finding["figure"] == "24, and 60 on the day published before"
    marketers = {part["whom"]: part["chinese"] for part in broken["meaning"]}["marketers"]
    assert marketers.startswith("今天的名单仍是6月1日的")
    assert mended["missing"] == [str(day_of(1))], "a day that was missed is told"


def test_a_killed_run_is_resumed_where_it_was_killed(rough_home: Path) -> None:
    killed, resumed = history(rough_home, 3)
    assert (killed["outcome"], killed["ended"]) == ("cut off", None)
    assert outcomes(killed)["publish"] == "cut off"
    done = {"check", "tags", "quality", "segments", "contacts", "triggers"}
    assert {name for name, outcome in outcomes(resumed).items() if outcome == "skipped"} == done
    assert outcomes(resumed)["publish"] == "done"


def test_a_catalogue_of_data_is_told_once_of_what_was_done_once(rough_home: Path) -> None:
    """The run that was killed did it; the one that went on passed it over."""
    lines = (rough_home.parent / "events.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    assert [(event["job"]["name"], event["eventType"]) for event in events] == [
        ("check", "START"),
        ("check", "COMPLETE"),
        ("tags", "START"),
        ("tags", "COMPLETE"),
    ]
    nominal = {event["run"]["facets"]["nominalTime"]["nominalStartTime"] for event in events}
    assert len(nominal) == 1


def test_a_day_that_is_done_is_passed_over_and_an_older_one_changes_nothing(
    quiet_home: Path, run: Run
) -> None:
    before = derived_bytes(quiet_home, LAST)
    again = json.loads(daily(run, quiet_home, LAST, "--json").stdout)
    ran = {step["name"] for step in again["steps"] if step["outcome"] == "done"}
    assert ran == {"erase"}, "whether somebody waits to be erased is asked every time"
    attempts = len(history(quiet_home, 0))
    older = daily(run, quiet_home, 0)
    assert older.returncode == 0
    assert f"{day_of(0)} changes nothing" in older.stdout
    assert len(history(quiet_home, 0)) == attempts
    assert derived_bytes(quiet_home, LAST) == before


def test_a_plan_says_what_is_new_for_whom_and_runs_nothing(quiet_home: Path, run: Run) -> None:
    deliver(quiet_home, LAST + 1)
    try:
        plan = json.loads(daily(run, quiet_home, LAST + 1, "--plan", "--json").stdout)
    finally:
        for table in ("interactions", "claims"):
            (quiet_home / "raw" / table / f"{day_of(LAST + 1)}.csv").unlink()
    assert plan["new_rows"] == [
        {"table": "claims", "files": 1, "rows": 1, "customers": 1},
        {"table": "interactions", "files": 1, "rows": 10, "customers": 10},
    ]
    assert plan["tags"].startswith("at most 11 customers named by 11 new rows")
    steps = {step["step"]: step["action"] for step in plan["steps"]}
    assert (steps["import"], steps["check"], steps["tags"]) == ("not today", "run", "if needed")
    assert plan["seconds"] > 0
    assert not (quiet_home / "days" / f"{day_of(LAST + 1)}.json").exists()
    assert published(quiet_home) == str(day_of(LAST))


def test_a_second_run_ends_with_a_sentence_that_names_the_first(quiet_home: Path, run: Run) -> None:
    since = datetime(2024, 6, 5, 1, 2, 3, tzinfo=UTC)
    with sole_run(quiet_home, day_of(LAST), since):
        second = daily(run, quiet_home, LAST)
    assert second.returncode == 3
    assert f"is running {day_of(LAST)} since 2024-06-05T01:02:03+00:00: process " in second.stderr
    with (quiet_home / ".daily.lock").open() as lock:  # it goes with the run
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_full_disk_is_no_broken_bound_and_leaves_the_day_before(
    rough_home: Path, run: Run
) -> None:
    deliver(rough_home, LAST + 1)
    # No file above 300 kB can be written: the report of quality is larger.
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000));"
    done = subprocess.run(
        [sys.executable, "-c", f"{limited} from guanjia.cli import main; main()", "daily",
         "--as-of", str(day_of(LAST + 1))],
        env={**os.environ, "GUANJIA_HOME": str(rough_home)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    assert published(rough_home) == str(day_of(LAST))
    (attempt,) = history(rough_home, LAST + 1)
    assert attempt["outcome"] == "environment"
    assert outcomes(attempt)["quality"] == "environment"


def test_a_mapping_that_is_not_there_is_a_fault_to_mend(home: Path, run: Run) -> None:
    prepare(home)
    (home / "daily.toml").write_text('[import]\nmapping = "no.toml"\n', "utf-8")
    done = daily(run, home, 0)
    assert done.returncode == 2
    assert "no.toml" in done.stdout + done.stderr
    assert history(home, 0)[-1]["outcome"] == "fault"
    (home / "daily.toml").write_text("[lists.renewal_rsk]\n", "utf-8")
    misspelt = daily(run, home, 0)
    assert misspelt.returncode == 2
    assert "did you mean renewal_risk" in misspelt.stderr.lower()
