"""Two numbers of one person, merged by the core system: tags follow, and so does an erasure."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import ibis
import pyarrow.parquet as pq
import pytest
from case_files import NOW, Checked

from features.lake import Lake
from features.online import feast_client
from features.online.reader import read_tags
from features.settings import Settings
from training.labels.questions import without_merged

Check = Callable[..., Checked]
Run = Callable[..., "CompletedProcess[str]"]
pytestmark = pytest.mark.slow


def policies_in_force(home: Path, run: Run, day: str) -> dict[str, Any]:
    """The tag of everybody known on a date, computed by `guanjia tags`."""
    done = run(home, "tags", "--as-of", day, "--now", NOW)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = {}
    for path in home.glob(f"tags/*/as_of={day}.parquet"):
        table = pq.read_table(path, partitioning=None)
        if "motor_policies_in_force" in table.schema.names:
            read |= {
                row["customer_id"]: row["motor_policies_in_force"] for row in table.to_pylist()
            }
    return read


def test_tags_follow_from_the_merge_on(check: Check, run: Run) -> None:
    checked = check("merged")
    assert (checked.code, checked.counts("customer_merges")) == (0, (1, 1, 0, 0))
    assert checked.counts("policies") == (5, 5, 0, 0)
    assert policies_in_force(checked.home, run, "2026-06-09") == {"C1": 1, "C2": 1}
    # Carried forward from the day before, as every night.
    assert policies_in_force(checked.home, run, "2026-06-10") == {"C1": 2}


def test_the_number_that_was_given_up_is_not_online(check: Check, run: Run) -> None:
    home = check("merged").home
    lake = Lake(Settings(home=home))
    known = []
    for day in ("2026-06-09", "2026-06-10"):
        assert run(home, "tags", "--as-of", day, "--now", NOW).returncode == 0
        assert run(home, "materialize", "--as-of", day, "--now", NOW).returncode == 0
        rows = read_tags(lake, ["C1", "C2"], ["motor_policies_in_force"])
        known.append([(row["known"], row["motor_policies_in_force"]) for row in rows])
    feast_client.forget(lake)
    assert known == [[(True, 1), (True, 1)], [(True, 2), (False, None)]]


def test_models_do_not_learn_from_the_number_that_was_given_up(check: Check) -> None:
    lake = Lake(Settings(home=check("merged").home))
    rows = ibis.memtable({"customer_id": ["C1", "C2"]})

    def learned(known_by: date) -> list[str]:
        left = lake.engine.to_pyarrow(without_merged(lake, known_by, rows))
        return sorted(left["customer_id"].to_pylist())

    assert learned(date(2026, 6, 9)) == ["C1", "C2"]
    assert learned(date(2026, 6, 10)) == ["C1"]


@pytest.mark.parametrize("number", ["C1", "C2"])
def test_an_erasure_is_one_of_both_numbers(check: Check, run: Run, number: str) -> None:
    checked = check("merged")
    home = checked.home
    raw = {path: path.read_bytes() for path in home.glob("raw/*/*")}
    done = run(home, "erase", number, "--who", "Li")
    assert done.returncode == 0, done.stderr
    assert "C1: receipt" in done.stdout
    assert "C2: receipt" in done.stdout
    for path in home.glob("checked/*.parquet"):
        assert pq.read_table(path).num_rows == 0, path
    for path, content in raw.items():  # delivered again
        path.write_bytes(content)
    (home / "check.toml").write_text("quarantined_share_max = 1\n", encoding="utf-8")
    again = run(home, "check", "--now", NOW)
    assert "table customers has no good row" in again.stderr


def test_a_number_that_is_merged_with_an_erased_one_goes_too(check: Check, run: Run) -> None:
    checked = check("base")
    home = checked.home
    third = "C3,2022-03-05T02:00:00Z,丙三,13800000003,1990-12-31,F,B1,2022-03-05T02:00:00Z\n"
    customers = home / "raw" / "customers" / "a.csv"
    text = customers.read_text("utf-8")
    assert run(home, "erase", "C2", "--who", "Li").returncode == 0
    customers.write_text(text + third, "utf-8")
    (home / "raw" / "customer_merges").mkdir()
    merges = (Path(__file__).parent / "merged" / "customer_merges.csv").read_text("utf-8")
    (home / "raw" / "customer_merges" / "a.csv").write_text(merges.replace("C1", "C3"), "utf-8")
    assert run(home, "check", "--now", NOW).returncode == 0
    read = pq.read_table(home / "checked" / "customers.parquet")
    assert read["customer_id"].to_pylist() == ["C1"]
