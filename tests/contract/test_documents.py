"""What users read is complete: every command and every page it promises is there."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from guanjia.cli import app
from guanjia.jobs import raw_tables
from guanjia.jobs.architecture import render
from serving.auth.access import ENDPOINTS, SCOPES

ROOT = Path(__file__).parents[2]
LONGEST_LINE = 119


def commands() -> dict[str, object]:
    """Every command by the words a user types."""
    found: dict[str, object] = {}
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found |= {f"{name} {sub}": one for sub, one in inner.items()} if inner else {name: command}
    return found


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in commands() if f"guanjia {name}" not in readme] == []


def test_every_command_has_json() -> None:
    def has_json(command: object) -> bool:
        return any("--json" in parameter.opts for parameter in command.params)  # type: ignore[attr-defined]

    assert [name for name, command in commands().items() if not has_json(command)] == []


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_every_test_that_the_security_page_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    assert sorted(named - set(re.findall(r"def (test_\w+)", tests))) == []
    assert len(named) > 20


def test_every_scope_and_setting_of_access_is_on_its_page() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert [name for name in SCOPES if f"`{name}`" not in page] == []
    assert [name for name in ENDPOINTS if f"`{name}`" not in page] == []


def test_the_map_of_the_code_is_current() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert render(page) == page, "run `make docs`"


def test_the_page_of_the_raw_tables_is_current() -> None:
    page = (ROOT / "docs" / "raw-tables.md").read_text(encoding="utf-8")
    assert raw_tables.render() == page, "run `make docs`"


def test_files_named_on_the_map_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:features|training|serving|guanjia)/[\w/.]+)`", page))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
    assert len(named) > 30


def long_lines(name: str, text: str) -> list[str]:
    """List lines that are too long, as `file:line length`."""
    lines = enumerate(text.split("\n"), 1)
    return [f"{name}:{number} {len(line)}" for number, line in lines if len(line) > LONGEST_LINE]


def test_lines_are_short() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git working tree")
    names = [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    faults = [
        fault
        for name in names
        for fault in long_lines(name, (ROOT / name).read_text(encoding="utf-8"))
    ]
    assert faults == []
    assert len(names) > 40


def test_a_long_line_is_seen() -> None:
    short, long = "字" * LONGEST_LINE, "字" * (LONGEST_LINE + 1)
    assert long_lines("a.md", f"{short}\n{long}\n") == ["a.md:2 120"]
