"""The tutorial runs as it stands, command after command in one folder, and its output is real."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from command_line import loaded_commands
from shared import link_compiled

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = (ROOT / "docs" / f"tutorial-own-data{end}.md" for end in ("", ".zh"))
REFUSED = "it may be a withdrawal of consent"
"""The one fault of the page; its command ends with exit code 2."""
LEARNED = ("guanjia train", "guanjia promote", "guanjia list")
"""What they print are figures of a model: numbers are not compared."""
pytestmark = pytest.mark.slow


@dataclass
class Step:
    """A command of the page, and what the page shows of its output."""

    command: str
    shown: list[str] = field(default_factory=list)

    @property
    def parts(self) -> list[str]:
        """The texts between what the page leaves out (`...`), in one line each."""
        whole = " ".join(" ".join(self.shown).split())
        return [part.strip() for part in re.split(r"(?:^| )\.\.\.(?: |$)", whole) if part.strip()]


def steps(page: Path) -> list[Step]:
    """The commands of a page, in order."""
    listed: list[Step] = []
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced and line.startswith("$ "):
            listed.append(Step(line[2:]))
        elif fenced:
            listed[-1].shown.append(line)
    return listed


def run_step(folder: Path, programs: Path, command: str) -> "subprocess.CompletedProcess[str]":
    """A command as a newcomer types it, in a process of its own, on a screen of 100 columns."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("GUANJIA_")}
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=kept | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_a_newcomer_reaches_a_list(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, loaded: list[str], compiled_once: Path
) -> None:
    link_compiled(tmp_path / ".guanjia", compiled_once)
    programs = loaded_commands(tmp_path_factory.mktemp("programs"), loaded)
    for step in steps(ENGLISH):
        done = run_step(tmp_path, programs, step.command)
        said = " ".join((done.stdout + done.stderr).split())
        wrong = f"{step.command}\n{done.stdout[-2000:]}{done.stderr[-1000:]}"
        refused = any(REFUSED in part for part in step.parts)
        assert done.returncode == (2 if refused else 0), wrong
        assert "Traceback" not in done.stderr, wrong
        masked = r"[\d.]+" if step.command.startswith(LEARNED) else "(?!)"
        for part in step.parts:
            expected, printed = (re.sub(masked, "#", text) for text in (part, said))
            assert expected in printed, f"{part}\n--- is not in ---\n{wrong}"
    assert (tmp_path / "list.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_the_pages_have_the_same_commands() -> None:
    english, chinese = ([step.command for step in steps(page)] for page in (ENGLISH, CHINESE))
    assert english == chinese
    assert len(english) == 13
