"""What a user can mend is one line that names it, and exit code 2: no traceback."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from features.checking import check as checking

Run = Callable[..., "CompletedProcess[str]"]
TABLES = {
    "customers": "customer_id,registered_at,branch,recorded_at\nC1,2024-01-01,B01,2024-01-01\n",
    "policies": "policy_id,customer_id,vehicle_id,line,private_car,signed_at,inception,expiry,"
    "recorded_at\nP1,C1,V1,motor_commercial,true,2024-01-01,2024-01-02,2025-01-02,2024-01-01\n",
    "claims": "claim_id,customer_id,policy_id,occurred_at,reported_at,recorded_at\n"
    "K1,C1,P1,2024-03-01,2024-03-02,2024-03-03\n",
}


@pytest.fixture
def delivered(home: Path) -> Path:
    home.mkdir(mode=0o700)
    for table, text in TABLES.items():
        folder = home / "raw" / table
        folder.mkdir(parents=True)
        (folder / "part.csv").write_text(text, encoding="utf-8")
    return home


def fault_of(done: "CompletedProcess[str]", code: int = 2) -> str:
    """The one line of a fault."""
    assert done.returncode == code, done.stdout + done.stderr
    (line,) = [
        line for line in done.stderr.splitlines() if not line.startswith(("check ", "check:"))
    ]
    return line


def test_a_time_zone_that_is_none(
    delivered: Path, process: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUANJIA_TIMEZONE", "Mars/X")
    assert fault_of(process(delivered, "check")) == (
        "GUANJIA_TIMEZONE: Mars/X is no time zone; name it as Asia/Shanghai or Europe/Madrid."
        " Set it right, or unset it."
    )


def test_a_file_that_cannot_be_read(delivered: Path, run: Run) -> None:
    path = delivered / "raw" / "claims" / "part.csv"
    path.write_bytes("赔案号\n".encode("gbk"))
    line = fault_of(run(delivered, "check"))
    assert line.startswith(f"file {path}: is not UTF-8 text: line 1 cannot be read")


def test_a_full_disk(delivered: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "checked/claims.parquet")

    monkeypatch.setattr(checking, "check_table", full)
    line = fault_of(run(delivered, "check"))
    assert line == (
        "checked/claims.parquet: cannot be written: No space left on device; what was there before"
        " is unchanged. Make room and run the command again."
    )


def test_a_broken_bound_shows_the_rows_and_ends_with_1(delivered: Path, run: Run) -> None:
    path = delivered / "raw" / "claims" / "part.csv"
    path.write_text(TABLES["claims"].replace("2024-03-01", "20240301"), encoding="utf-8")
    done = run(delivered, "check", "--json")
    assert done.returncode == 1
    (claims,) = [one for one in json.loads(done.stdout)["tables"] if one["table"] == "claims"]
    sentence = "occurred_at is not a valid instant, as 2025-07-01T09:30:00+08:00"
    assert claims["examples"] == {sentence: "part.csv, line 2: 20240301"}
    assert json.loads(done.stderr)["error"]["thing"] == "the delivery"
    shown = run(delivered, "check")
    assert fault_of(shown, 1).startswith("the delivery: table claims has no good row (1 are held")
    assert "20240301" in shown.stdout


def test_what_is_not_used_is_on_the_screen(delivered: Path, run: Run) -> None:
    (delivered / "raw" / "Consents").mkdir()
    path = delivered / "raw" / "policies" / "part.csv"
    head, row = TABLES["policies"].splitlines()
    path.write_text(f"{head},writen_premium\n{row},2779.10\n", encoding="utf-8")
    shown = run(delivered, "check").stdout
    for words in (
        "writen_premium",
        "is it written_premium?",
        "Consents/",
        "did you mean consents",
    ):
        assert words in shown


def test_dates_of_which_nothing_is_known(delivered: Path, run: Run) -> None:
    assert run(delivered, "check").returncode == 0
    line = fault_of(run(delivered, "tags", "--as-of", "2023-12-31"))
    assert "lies before anybody was known: the first record is of 2024-01-01" in line
    now = ("--now", "2024-05-01T23:59+08:00")
    line = fault_of(run(delivered, "tags", "--as-of", "2024-05-01", *now))
    assert line.startswith("date 2024-05-01: is not over: it ends at 2024-05-02 00:00 there.")


def test_a_token_for_an_unknown_branch(delivered: Path, run: Run) -> None:
    assert run(delivered, "token", "--branch", "B99").returncode == 0  # nobody is known yet
    assert run(delivered, "check").returncode == 0
    assert "branch B99: is not known. Use one of B01." in fault_of(
        run(delivered, "token", "--branch", "B99")
    )
    assert run(delivered, "token", "--branch", "B01").returncode == 0
