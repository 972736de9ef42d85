"""Errors that a user of the console can cause say it in Chinese: read from the syntax trees."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from features.errors import KIND_LABELS

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
OPERATORS = {
    "features.checking": "deliveries, which the day checks",
    "features.erasure": "files of the home",
    "features.imports": "exports and mappings, which the command line reads",
    "features.online": "the online store",
    "features.quality": "quality.toml of the home",
    "features.segments": "segments.toml of the home",
    "features.snapshots": "snapshots of the home",
    "features.tags": "extensions of the home",
    "serving.auth": "tokens and keys of the API",
    "serving.content": "content.toml of the home",
    "serving.telemetry": "settings of the service",
    "serving.touchpoints": "touchpoints.toml and weather.toml of the home",
    "training.clusters": "files of the home",
    "training.estimators": "bundles of models",
    "training.experiments": "figures that no code of ours hands in",
    "training.fitting": "the training of models",
    "training.labels": "the training of models",
    "training.models": "extensions of the home",
    "training.registry": "the registry of models",
    "training.uplift": "files of effect models",
}
"""Room whose errors only whoever runs the service, or a program, can cause -> what is wrong."""
OTHERS = {
    "features.accounts.sums": (1, "tables that an earlier release checked"),
    "features.condition_forms.structure": (7, "conditions as JSON, of the API"),
    "features.conditions": (13, "rules of the home: what people type is read before"),
    "features.declared": (2, "TOML of the home"),
    "features.dictionary.phrases": (1, "extensions of the home"),
    "features.erased": (3, "the list of erasures"),
    "features.lake.connection": (3, "tables of the home"),
    "features.lake.pointer": (1, "the pointer of the home"),
    "features.lake.checked_tables": (1, "tables of the home"),
    "features.lake.spark": (2, "the engine of batches"),
    "features.settings": (1, "settings of the service"),
    "features.sqlite": (2, "files of the home"),
    "serving.api.guard": (4, "requests with a token"),
    "serving.api.refusals": (8, "requests with a token, and sizes of any"),
    "serving.decision.capacity.prices": (2, "a command"),
    "serving.decision.schemas": (1, "requests with a token"),
    "serving.events.schemas": (1, "requests with a token"),
    "serving.lineage.graph": (1, "a command: pages name the kind"),
    "serving.lists.conditions.vocabulary": (1, "segments.toml of the home"),
    "serving.lists.definitions.definition": (2, "files that a command reads"),
    "serving.lists.export.columns": (1, "kinds of columns, a fault of ours"),
    "serving.lists.export.files": (2, "files that a command writes"),
    "serving.lists.export.streams": (1, "an option of the API: pages offer what there is"),
    "serving.lists.questions": (1, "an option of a command"),
    "serving.lists.released.members": (2, "files of the home"),
    "serving.measurement.simulation.edited_rules": (1, "a folder that a command reads"),
    "serving.predictions.current_models": (1, "versions of models"),
    "serving.predictions.lost_rows": (1, "the online store"),
    "serving.records.address": (2, "settings of the service"),
    "serving.records.contacts.caps": (3, "requests with a token"),
    "serving.records.database": (1, "a value that the code writes"),
    "serving.records.idempotency": (1, "requests with a token"),
    "serving.records.people.consents": (3, "requests with a token"),
    "serving.records.postgres": (1, "packages of the service"),
    "serving.records.revisions": (2, "the records of another release"),
    "serving.records.users.users": (4, "a command"),
    "serving.reports.output.export": (1, "a file that a command writes"),
    "serving.reports.output.files": (1, "a file that a command writes"),
    "serving.reports.settings": (1, "reports.toml of the home"),
    "training.promotion.cohort": (1, "versions of models"),
    "training.promotion.integrity": (1, "bundles of models"),
}
"""Module -> errors without Chinese, and what is wrong when whoever runs the service meets them."""


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module."""
    trees = {}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


@cache
def reached() -> frozenset[str]:
    """The modules that a page of the console can reach."""
    seen: set[str] = set()
    waiting = [name for name in modules() if name.startswith("serving.console")]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in modules():
            continue
        seen.add(name)
        for node in ast.walk(modules()[name]):
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{found.name}" for found in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [found.name for found in node.names]
    return frozenset(seen)


@cache
def error_names() -> frozenset[str]:
    """The classes of errors that users read."""
    names = {"GuanjiaError"}
    classes = [
        node
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    while True:
        below = {
            node.name
            for node in classes
            if any(isinstance(base, ast.Name) and base.id in names for base in node.bases)
        }
        if below <= names:
            return frozenset(names)
        names |= below


def errors_of(module: str) -> Iterator[ast.Call]:
    for node in ast.walk(modules()[module]):
        call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if call and node.func.id in error_names():
            yield node


def says_chinese(call: ast.Call) -> bool:
    return any(word.arg == "chinese" for word in call.keywords)


def test_who_may_cause_an_error_at_a_page_reads_it_in_chinese() -> None:
    silent = Counter(
        module
        for module in reached()
        if not module.startswith(tuple(OPERATORS))
        for call in errors_of(module)
        if not says_chinese(call)
    )
    assert silent == {module: number for module, (number, _) in OTHERS.items()}
    spoken = sum(says_chinese(call) for module in reached() for call in errors_of(module))
    assert spoken >= 100, "the walk sees the errors"


def test_an_unknown_name_is_of_a_kind_with_a_chinese_name() -> None:
    kinds = {
        call.args[0].value
        for module in reached()
        for call in ast.walk(modules()[module])
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "unknown_name"
        and isinstance(call.args[0], ast.Constant)
    }
    assert kinds <= {*KIND_LABELS}
    assert len(kinds) > 5


@pytest.mark.parametrize("room", OPERATORS)
def test_a_room_of_operators_is_there(room: str) -> None:
    assert any(name.startswith(room) for name in reached())
