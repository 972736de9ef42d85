"""No tag, label, list or model can read what only the simulation knows."""

import ast
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import TRUTHS, simulate
from training.models import MODELS

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
# Who may write the truth, and who may read it; features/lake/connection.py says where it lies.
WRITERS, READERS = (
    ("features/sources/",),
    ("training/evaluation/truth.py", "training/uplift/truth.py"),
)
# From here evaluation and the sources must be out of reach. `training/fitting/train.py` calls both
# sides.
BLIND = (
    "features/tags/",
    "features/snapshots/",
    "features/stars/",
    "features/accounts/",
    "features/online/",
    "training/labels/",
    "training/estimators/",
    "training/model_spec.py",
    "training/models.py",
    "training/dataset.py",
    "training/fitting/datasets.py",
    "training/fitting/learn.py",
    "training/fitting/selection.py",
    "training/fitting/tuning.py",
    "training/fitting/windows.py",
    "training/fitting/bundle_writer.py",
    "training/uplift/bundle.py",
    "training/uplift/effect_model.py",
    "training/uplift/fitting.py",
    "training/uplift/learners.py",
    "training/uplift/randomisation.py",
    "training/uplift/randomised_trials.py",
    "training/uplift/policy.py",
    "training/uplift/measures.py",
    "serving/",
)
AS_OF = date(2024, 6, 30)
KNOWN_BY = date(2025, 12, 31)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file, made once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


def mentions(tree: ast.Module) -> Iterator[int]:
    """Lines that could lead to the truth: the path builder by any name, or the folder's name."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "truth":
            # `ModelSpec.truth` names a file and `Trained.truth` is a result: nobody calls them.
            owner = getattr(node.value, "id", getattr(node.value, "attr", ""))
            if id(node) in called or owner.lower() == "lake":
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = node.value.replace("\\", "/").split("/")
            if id(node) not in documentation and "truth" in parts:
                yield node.lineno


@cache
def imported(path: Path) -> frozenset[Path]:
    """Our modules that a module imports, wherever in the file it does."""
    named: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            named |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {
        ROOT / (name.replace(".", "/") + ending)
        for name in named
        for ending in (".py", "/__init__.py")
    }
    return frozenset(files & set(MODULES))


def reached(path: Path) -> set[str]:
    """Names of all modules that come in with one."""
    found, ahead = {path}, [path]
    while ahead:
        for module in imported(ahead.pop()) - found:
            found.add(module)
            ahead.append(module)
    return {name_of(module) for module in found}


def test_only_evaluation_names_the_truth() -> None:
    known = (*WRITERS, *READERS, "features/lake/connection.py")
    assert [
        f"{name_of(path)}:{line}"
        for path in MODULES
        if not name_of(path).startswith(known)
        for line in mentions(parsed(path))
    ] == []


def test_the_lake_names_the_truth_once() -> None:
    assert len(list(mentions(parsed(ROOT / "features" / "lake" / "connection.py")))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "path = lake.truth('customers')",
        "read = Lake.truth",
        "path = self.store.truth('customers')",
        "path = lake.home / 'truth' / name",
        "path = f'{home}/truth/customers.parquet'",
        "path = getattr(lake, 'truth')",
    ],
)
def test_a_way_to_the_truth_is_found(code: str) -> None:
    """The tests above could not fail if they saw none."""
    assert list(mentions(ast.parse(code))) == [1]


@pytest.mark.parametrize("start", BLIND)
def test_the_truth_is_out_of_reach(start: str) -> None:
    modules = [path for path in MODULES if name_of(path).startswith(start)]
    assert modules
    for path in modules:
        found = {name for name in reached(path) if name.startswith((*WRITERS, *READERS))}
        assert found == set(), name_of(path)


def test_imports_are_followed() -> None:
    """The test above could not fail if nothing were ever reached."""
    assert "training/evaluation/truth.py" in reached(ROOT / "guanjia" / "cli.py")
    assert "features/lake/known.py" in reached(ROOT / "features" / "snapshots" / "compute.py")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    found = Lake(Settings(home=tmp_path_factory.mktemp("truth")))
    simulate(found, 40, seed=4)
    check_tables(found)
    return found


def told(lake: Lake) -> dict[str, Any]:
    """The hash of every tag file, and every label."""
    (snapshot,) = write_snapshot(lake, [AS_OF])
    found: dict[str, Any] = {name: file["sha256"] for name, file in snapshot.files.items()}
    for name, model in MODELS.items():
        rows = lake.engine.to_pyarrow(model.labels(lake, KNOWN_BY)).to_pylist()
        assert rows, name
        found[f"label {name}"] = sorted(map(repr, rows))
    return found


def test_tags_and_labels_are_the_same_without_the_truth(lake: Lake) -> None:
    """Whoever opened the files would fail on what is in them now."""
    before = told(lake)
    for name in TRUTHS:
        lake.truth(name).write_bytes(b"no Parquet file")
    assert told(lake) == before
