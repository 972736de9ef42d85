"""With `GUANJIA_LOG=json` a command's stderr is JSON lines, which name no customer."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from published_homes import FIRST, write_day
from small_days import prepare

Run = Callable[..., Any]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(autouse=True)
def _json_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUANJIA_LOG", "json")


def test_a_command_says_when_it_begins_what_it_does_and_how_it_ended(home: Path, run: Run) -> None:
    prepare(home)
    handlers = logging.getLogger().handlers.copy()
    done = run(home, "check", "--json")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    first, *between, last = lines_of(done.stderr)
    assert (first["message"], first["level"]) == ("check begins", "info")
    assert (last["message"], last["exit_code"]) == ("check ends with 0", 0)
    assert last["seconds"] > 0
    assert {"at", "logger", "process", "command"} <= set(first)
    assert any("..." in line["message"] for line in between), "progress"
    assert logging.getLogger().handlers == handlers, "nothing is left for the next command"


def test_a_fault_is_a_line_without_the_customer_it_names(home: Path, run: Run) -> None:
    write_day(home, FIRST, 3)
    done = run(home, "rate", "C00000815")
    assert done.returncode == 2
    *_, ended, fault = lines_of(done.stderr)
    assert ended["exit_code"] == 2
    assert fault["level"] == "error"
    assert "***" in fault["message"]
    assert "C00000815" not in done.stderr


def test_a_fault_of_ours_is_a_line_with_its_traceback(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from features.checking import check

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    prepare(home)
    monkeypatch.setattr(check, "check_tables", broken)
    done = run(home, "check")
    assert done.returncode == 1
    *_, ended, fault = lines_of(done.stderr)
    assert ended["exit_code"] == 1
    assert "RuntimeError: broken" in fault["traceback"]


def test_without_the_setting_a_person_reads_sentences(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GUANJIA_LOG")
    done = run(home, "rate", "C1")
    assert done.returncode == 2
    assert not done.stderr.startswith("{")
