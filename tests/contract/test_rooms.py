"""The shape of the code: read from the syntax trees, so that nobody has to remember it."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
MOST_FILES = 20
"""Files at one level of a folder, beyond which nobody finds one."""
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
CODE = sorted([*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])

MLFLOW_USERS = ("training/registry/mlflow_client.py", "training/registry/versions.py")
FEAST_USERS = (
    "features/online/feast_client.py",
    "features/online/views.py",
    "features/online/repo/",
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


def imported_files(path: Path) -> set[Path]:
    """Files of ours that a file imports, also under TYPE_CHECKING and inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {
        ROOT / (name.replace(".", "/") + ending)
        for name in names
        for ending in (".py", "/__init__.py")
    }
    return files & set(MODULES) - {path}


def order_of(package: str) -> tuple[str, ...]:
    """The rooms of a package in order, as its `ROOMS` states them; "" is its own files."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    (stated,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ROOMS"
    )
    order: tuple[str, ...] = ast.literal_eval(stated)
    return order if "" in order else ("", *order)


def room_of(path: Path) -> str:
    """The room of a file within its package; "" for the package's own files."""
    parts = path.relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 else ""


def against_the_order(path: Path, imports: set[Path]) -> list[str]:
    """Imports of a room that stands later, each as a sentence that names both rooms."""
    package = path.relative_to(ROOT).parts[0]
    order, room = order_of(package), room_of(path)
    return [
        f"{name_of(path)} (room {room or package}) imports {name_of(other)}"
        f" (room {room_of(other) or package}), which stands later"
        for other in sorted(imports)
        if other.relative_to(ROOT).parts[0] == package
        and order.index(room_of(other)) > order.index(room)
    ]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_stand_in_one_order(path: Path) -> None:
    assert against_the_order(path, imported_files(path)) == []


def test_an_import_against_the_order_names_both_rooms() -> None:
    path, later = ROOT / "features/lake/spine.py", ROOT / "features/online/reader.py"
    (sentence,) = against_the_order(path, {later})
    assert "(room lake)" in sentence
    assert "(room online), which stands later" in sentence


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_has_its_place(package: str) -> None:
    folders = {room_of(path) for path in MODULES if name_of(path).startswith(f"{package}/")}
    assert set(order_of(package)) == folders
    assert len(order_of(package)) == len(folders)


def test_no_circle_of_files() -> None:
    files = {path: imported_files(path) for path in MODULES}
    # A package's own `__init__` is no partner of its files: whoever imports them passes it.
    done: set[Path] = set()

    def visit(path: Path, way: tuple[Path, ...]) -> None:
        assert path not in way, " -> ".join(name_of(step) for step in (*way, path))
        if path not in done:
            for other in files[path]:
                visit(other, (*way, path))
            done.add(path)

    for path in MODULES:
        visit(path, ())


def test_no_folder_is_a_heap() -> None:
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*")}
    for folder in folders:
        files = [path for path in folder.glob("*") if path.is_file() and path.suffix != ".pyc"]
        assert len(files) <= MOST_FILES, f"{name_of(folder)} has {len(files)} files"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of
)
def test_every_room_says_what_comes_in_and_goes_out(path: Path) -> None:
    """`docs/architecture.md` is made of these."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    for part in ("In: ", "Out: ", "Read first: "):
        assert part in words, f"{name_of(path)} does not say: {part}"


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
