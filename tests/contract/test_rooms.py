"""The shape of the code: read from the syntax trees, so that nobody has to remember it."""

import ast
import re
import subprocess
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
MOST_FILES = 20
"""Files at one level of a folder, beyond which nobody finds one."""
MOST_LINES = 350
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
CODE = sorted([*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])

MLFLOW_USERS = tuple(
    f"training/registry/{name}.py"
    for name in ("first_page", "mlflow_client", "registration", "versions")
)
FEAST_USERS = (
    "features/online/feast_api.py",
    "features/online/views.py",
    "features/online/feast_rows.py",
    "features/online/feast_values.py",
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


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a file's syntax tree, the module first; parsed once for all tests."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def module_of(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    module = nodes(path)[0]
    assert isinstance(module, ast.Module)
    return module


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Every module a file imports, wherever in the file it does."""
    names: list[str] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            names.append(node.module or "")
    return tuple(names)


def clock_reads(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            base = node.value
            owner = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
            if (owner, node.attr) in CLOCKS:
                yield f"{name_of(path)}:{node.lineno} reads {owner}.{node.attr}"


def test_imports_go_one_way() -> None:
    """Features do not know training, training does not know serving, and nobody knows tests."""
    rank = {name: place for place, name in enumerate([*ROOMS, "tests", "benchmarks"])}
    pairs = [
        (path, module)
        for path in MODULES
        for module in imported(path)
        if module.split(".")[0] in rank
    ]
    assert len(pairs) > 1000, "the imports are not seen"
    assert [
        f"{name_of(path)} imports {module}"
        for path, module in pairs
        if rank[module.split(".")[0]] > rank[path.relative_to(ROOT).parts[0]]
    ] == []


@cache
def imported_files(path: Path) -> frozenset[Path]:
    """Files of ours that a file imports, also under TYPE_CHECKING and inside functions."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {
        ROOT / (name.replace(".", "/") + ending)
        for name in names
        for ending in (".py", "/__init__.py")
    }
    return frozenset(files & set(MODULES) - {path})


@cache
def order_of(package: str) -> tuple[str, ...]:
    """The rooms of a package in order, as its `ROOMS` states them; "" is its own files."""
    (stated,) = (
        node.value
        for node in module_of(ROOT / package / "__init__.py").body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ROOMS"
    )
    order: tuple[str, ...] = ast.literal_eval(stated)
    return order if "" in order else ("", *order)


def room_of(path: Path) -> str:
    """The room of a file within its package; "" for the package's own files."""
    parts = path.relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 else ""


def against_the_order(path: Path, imports: Set[Path]) -> list[str]:
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


def test_rooms_stand_in_one_order() -> None:
    assert [
        sentence for path in MODULES for sentence in against_the_order(path, imported_files(path))
    ] == []


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


def test_every_room_says_what_comes_in_and_goes_out() -> None:
    """`docs/architecture.md` is made of these."""
    assert [
        f"{name_of(path)} does not say: {part}"
        for path in MODULES
        if path.name == "__init__.py"
        for part in ("In: ", "Out: ", "Read first: ")
        if part not in (ast.get_docstring(module_of(path)) or "")
    ] == []


def importers(names: Set[str]) -> set[str]:
    """Files of ours that import one of these libraries."""
    return {
        name_of(path)
        for path in MODULES
        if any(module.split(".")[0] in names for module in imported(path))
    }


def test_each_library_has_its_door() -> None:
    assert importers({"mlflow"}) == set(MLFLOW_USERS)
    users = importers({"feast"})
    assert {name for name in users if not name.startswith(FEAST_USERS)} == set()
    assert [name for name in FEAST_USERS if not any(user.startswith(name) for user in users)] == []


def test_models_and_tables_are_text_and_parquet_and_never_pickles() -> None:
    assert importers(PICKLERS) == set()


def test_nothing_below_the_command_line_reads_the_clock() -> None:
    """Dates are parameters; a request comes in from outside, as a command does."""
    reads = {path: list(clock_reads(path)) for path in MODULES}
    outside = ("guanjia/", "serving/clock.py")
    assert [
        line for path, lines in reads.items() if not name_of(path).startswith(outside)
        for line in lines
    ] == []  # fmt: skip
    assert any(reads.values()), "the reads of the clock are not seen"


def test_a_file_has_one_subject() -> None:
    """Longer, it is to be cut where the subject changes."""
    lines = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in CODE}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [name_of(path) for path in MODULES if not ast.get_docstring(module_of(path))] == []


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
