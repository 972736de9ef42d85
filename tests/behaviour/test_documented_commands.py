"""Every command of README and docs runs as it is printed, in a process of its own, on a small home.

A command stands in a code block, after `$ ` or at the beginning of a line. Customers of the large
demo stand for customers of the small one. What cannot run here is named below, with the reason.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import COMMANDS as CODE
from command_line import loaded_commands
from shared import link_compiled

from features.tags.catalogue import groups

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md")),
    # test_tutorial.py runs the tutorial, in order and in a folder of its own.
    *sorted(set((ROOT / "docs").glob("*.md")) - set((ROOT / "docs").glob("tutorial-*.md"))),
]
COMMAND = re.compile(r"^(?:\$ )?((?:\w+=\S+ )*(?:guanjia|feast|curl|TOKEN=)\b.*)$")
NOT_HERE = {
    "guanjia demo": "makes the home anew, of 20,000 customers; test_demo.py, test_wheel.py",
    "guanjia serve": "the service that answers the commands of this module is started by it",
    "GUANJIA_RELEASE_ALONE=10 guanjia serve": "the same, of the tour; test_tour.py starts it",
    "guanjia import plan": "exports of an insurer; test_import_commands.py has some",
    "guanjia import check": "the same",
    "guanjia import run": "the same",
    "guanjia quarantine export": "no row of the small home waits; test_quarantine_commands.py",
    "guanjia quarantine replay": "the same",
    "guanjia import lledo-pavia": "its files are not in the repository; test_lledo_pavia.py",
    "GUANJIA_SPARK_MASTER=": "asks for a cluster; test_spark.py runs Spark on this machine",
    "curl -u admin:": "an MLflow server of its own; test_mlflow_server.py",
    "guanjia tags --as-of 2018-09-30": "a date of the public portfolio, which is not here",
    "guanjia train renewal --known-by 2018-10-30": "the same",
    "guanjia uplift": "learns from more customers than the small home has; tests/training/uplift",
    "guanjia train": "test_demo.py trains every model; test_registry.py the versions",
    "guanjia reproduce": "test_reproduce.py",
    "guanjia compare churn": "needs the challenger of the page; test_promotion.py",
    "guanjia promote churn": "the same",
    "guanjia capacity": "weighs the decisions of a week; test_capacity_prices.py",
    "guanjia handover": "account managers of the page; tests/serving/records/test_handover.py",
    "guanjia withdraw": "there is no publication to go back to; tests/publication",
    "guanjia restore /backups/2026-07-01.tar --home": "wants erasures made since; test_restore.py",
    "guanjia move": "wants a Postgres and a Redis; test_moving.py",
    "guanjia reviews answer": "needs a review that is open; test_reviews.py",
    "curl -s http://127.0.0.1:3000/v1/reviews/$REVIEW_ID": "the same",
}
"""Commands that begin so are not run here, and why."""
ENDS_WITH_1 = ("guanjia content-try", "guanjia monitor", "guanjia publish", "guanjia quality")
"""Commands whose exit code 1 is an answer: a text is refused, a bound is broken."""
LAST = (
    *("guanjia erase", "curl -s -X DELETE", "guanjia materialize", "guanjia publish"),
    "guanjia retain --delete",
)
"""They change what others read."""

pytestmark = pytest.mark.slow


def code_lines(page: Path) -> Iterator[str]:
    """Lines of code blocks, with continued lines joined; where a block has prompts, those alone."""
    blocks: list[list[str]] = []
    fenced = indented = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced, indented = not fenced, False
            blocks.append([])
        elif fenced:
            blocks[-1].append(line)
        elif line.startswith("    "):
            if not indented:
                blocks.append([])
            blocks[-1].append(line.removeprefix("    "))
            indented = True
        else:
            indented = False
    for block in blocks:
        prompts = any(line.startswith("$ ") for line in block)
        joined = whole_commands(block)
        yield from (line for line in joined if line.startswith("$ ") or not prompts)


def whole_commands(block: list[str]) -> list[str]:
    """Lines of a block, joined where one ends with a backslash or inside a quotation."""
    lines: list[str] = []
    goes_on = False
    for line in block:
        if goes_on:
            lines[-1] = lines[-1].removesuffix("\\") + line.strip()
        else:
            lines.append(line)
        begins = COMMAND.match(lines[-1]) is not None
        goes_on = begins and (lines[-1].endswith("\\") or lines[-1].count("'") % 2 == 1)
    return lines


def documented() -> dict[str, str]:
    """Every command of the pages, without its comment, and a page that has it."""
    commands: dict[str, str] = {}
    for page in PAGES:
        for line in code_lines(page):
            match = COMMAND.match(line)
            if match:
                text = re.sub(r"\s{2,}#.*$|\s+# .*$", "", match[1]).removesuffix("&").strip()
                for part in re.split(r" && |; (?=guanjia)", text):
                    commands.setdefault(part.strip(), page.name)
    return commands


def as_run(command: str) -> str:
    """What the shell and this module make of a command: pages that write it otherwise mean it."""
    return re.sub(r"(?<=guanjia replay )\S+", "", command.replace('"$DAY"', "2026-06-30"))


COMMANDS: dict[str, str] = {}
for _command, _page in documented().items():
    if not _command.startswith(tuple(NOT_HERE)) and as_run(_command) not in map(as_run, COMMANDS):
        COMMANDS[_command] = _page


@pytest.fixture(scope="module")
def small_home(
    demo: tuple[Path, dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    compiled_once: Path,
    loaded: list[str],
) -> tuple[Path, list[str]]:
    """A copy of the demo's home that commands may change, and the top customers of its list."""
    folder = tmp_path_factory.mktemp("documented")
    loaded_commands(folder / "programs", loaded)
    shutil.copytree(demo[0], folder / ".guanjia", ignore=shutil.ignore_patterns("compiled"))
    link_compiled(folder / ".guanjia", compiled_once)
    done = in_shell(folder, "guanjia tags --as-of 2026-05-31 --json", {})
    assert done.returncode == 0, done.stderr
    customers = [row["customer_id"] for row in demo[1]["top"]]
    return folder, customers


@pytest.fixture(scope="module")
def service(small_home: tuple[Path, list[str]], loaded: list[str]) -> Iterator[dict[str, str]]:
    """A service on the small home at nine on the morning after, and a token for it."""
    folder, customers = small_home
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["serve", "--now", "2026-07-01T09:00+08:00", "--port", str(port)]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*loaded, CODE["guanjia"], *words],
            cwd=folder,
            env=environment(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(port, process, folder / "serve.log")
        token = in_shell(folder, "guanjia token", {}).stdout.strip().splitlines()[-1]
        given = {"TOKEN": token, "PORT": str(port)}
        ask = (
            "curl -s http://127.0.0.1:3000/decide -H 'Authorization: Bearer $TOKEN' "
            "-H 'Content-Type: application/json' "
            f"""-d '{{"customer_id": "{customers[0]}", "decision_point": "app_open"}}'"""
        ).replace("'Authorization: Bearer $TOKEN'", '"Authorization: Bearer $TOKEN"')
        answer = json.loads(in_shell(folder, ask, given).stdout)
        yield given | {"DECISION": answer["decision_id"]}
    finally:
        process.terminate()
        process.wait(60)


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the service is ready; fail with its log where it ends before."""
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(log.read_text())
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(log.read_text())


def environment(folder: Path) -> dict[str, str]:
    """The environment of a user who works in this folder."""
    path = f"{folder / 'programs'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("GUANJIA_")},
        "PATH": path,
        "GUANJIA_HOME": str(folder / ".guanjia"),
        "GUANJIA_READ_AHEAD": "false",  # test_read_ahead.py
        "DAY": "2026-06-30",
    }


def in_shell(
    folder: Path, command: str, given: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """A command as a user types it, in a process of its own; other folders lie below this one."""
    command = command.replace("127.0.0.1:3000", f"127.0.0.1:{given.get('PORT', '3000')}")
    command = re.sub(r"(?<= )/(?=(backups|safe)/)", f"{folder}/", command)
    command = command.replace(
        "feast -c features/", f"feast -c {shlex.quote(str(ROOT / 'features'))}/"
    )
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**environment(folder), **given},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def for_the_small_home(command: str, customers: list[str], given: dict[str, str]) -> str:
    """The command with customers and decisions that the small home has."""

    def known(match: re.Match[str]) -> str:
        number = int(match[1])
        return match[0] if number <= 900 else customers[number % len(customers)]

    command = re.sub(r"C(\d{8})\b", known, command)
    if command.startswith("guanjia"):  # what stands in brackets may be left out
        command = re.sub(r" \[[^\]]*\]", "", command)
    command = command.replace("curl -s ", "curl -s --fail-with-body ")
    return re.sub(r"DECISION_ID|(?<=guanjia replay )\S+", given["DECISION"], command)


ORDER = sorted(COMMANDS, key=lambda command: command.startswith(LAST))


@pytest.mark.parametrize("command", ORDER)
def test_a_documented_command_runs(
    command: str, small_home: tuple[Path, list[str]], service: dict[str, str]
) -> None:
    folder, customers = small_home
    done = in_shell(folder, for_the_small_home(command, customers, service), service)
    allowed = (0, 1) if command.startswith(ENDS_WITH_1) else (0,)
    said = f"{COMMANDS[command]}: {command}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
    assert done.returncode in allowed, said
    assert "Traceback" not in done.stderr, said
    if command.endswith("feature-views list"):
        assert set(groups()) <= set(done.stdout.split())


def test_both_readmes_have_the_same_commands() -> None:
    english, chinese = (list(code_lines(ROOT / name)) for name in ("README.md", "README.zh.md"))
    lines = [[line for line in page if COMMAND.match(line)] for page in (english, chinese)]
    assert lines[0] == lines[1]
    assert len(lines[0]) >= 5


def test_there_are_commands_to_run() -> None:
    """The tests above could not fail if none were found."""
    assert len(COMMANDS) > 30
    assert [
        begin for begin in NOT_HERE if not any(text.startswith(begin) for text in documented())
    ] == []
