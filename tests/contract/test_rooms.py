"""The shape of the code: read from the syntax trees, so that nobody has to remember it."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
CODE = sorted([*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])

MLFLOW_USERS = ("training/registry/mlflow_client.py", "training/registry/versions.py")
FEAST_USERS = (
    "features/online/feast_client.py",
    "features/online/views.py",
    "features/online/model_tags.py",
    "features/repo/",
    "features/online/feast_home.py",
    "features/online/rows.py",
    "features/online/sqlite_store.py",
    "features/online/redis_store.py",
)
CLOCKS = {
    ("date", "today"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("time", "time"),
}
PICKLERS = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            yield node.module or ""


def clock_reads(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            base = node.value
            owner = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
            if (owner, node.attr) in CLOCKS:
                yield f"{name_of(path)}:{node.lineno} reads {owner}.{node.attr}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    room = ROOMS.index(path.relative_to(ROOT).parts[0])
    for module in imported(path):
        top = module.split(".")[0]
        if top in ROOMS:
            assert ROOMS.index(top) <= room, f"{name_of(path)} imports {module}"
        assert top not in {"tests", "benchmarks"}, f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_library_has_its_door(path: Path) -> None:
    tops = {module.split(".")[0] for module in imported(path)}
    if name_of(path) not in MLFLOW_USERS:
        assert "mlflow" not in tops, f"only {MLFLOW_USERS} talk to MLflow"
    if not name_of(path).startswith(FEAST_USERS):
        assert "feast" not in tops, f"only {FEAST_USERS} talk to Feast"
    assert not tops & PICKLERS, "models and tables are kept as text and Parquet, never as pickles"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_below_the_command_line_reads_the_clock(path: Path) -> None:
    # A request comes in from outside, as a command does.
    if name_of(path).startswith(("guanjia/", "serving/clock.py")):
        return
    assert not list(clock_reads(path)), "dates are parameters; the command line reads the clock"


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_file_has_one_subject(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 350, f"{name_of(path)} has {lines} lines: cut it where the subject changes"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_the_mlflow_folder_hides_no_package() -> None:
    assert not list((ROOT / "mlflow").rglob("*.py"))


def test_no_tracked_file_names_a_path_of_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git working tree")
    # Split, so that this file does not name what it looks for.
    machine = re.compile(
        "/(" + "|".join(["wo" + "rk/", "ro" + "ot/", "ho" + "me/", "Us" + "ers/"]) + ")"
    )
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if name == "requirements.lock" or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {hit.group()}" for hit in machine.finditer(text)]
    assert not found


def test_the_lock_names_no_index_and_no_machine() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert "index-url" not in text
    assert "file://" not in text
    assert "find-links" not in text
