"""What product code may not do, read from the syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
IDENTITY = {"__name__", "__qualname__", "__doc__"}
EVALUATORS = {"eval", "exec", "compile"}
MOST_POSITIONAL = 8
"""Arguments without a keyword that a reader can still tell apart."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def renamed(tree: ast.AST) -> Iterator[str]:
    """Attributes that give something another name or docstring than the one it was written with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if node.attr in IDENTITY:
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setattr":
            names = {part.value for part in node.args if isinstance(part, ast.Constant)}
            if names & IDENTITY:
                yield f"line {node.lineno}: {ast.unparse(node)}"


def evaluated(tree: ast.AST) -> Iterator[str]:
    """Calls that run a text as code: Python's own, and those of pandas."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        plain = isinstance(function, ast.Name) and function.id in EVALUATORS
        frames = isinstance(function, ast.Attribute) and function.attr in {"eval", "query"}
        if plain or frames:
            yield f"line {node.lineno}: {ast.unparse(function)}"


def unnamed(tree: ast.AST) -> Iterator[str]:
    """Objects made of more positional arguments than a reader can tell apart."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", "")
        stated = [part for part in node.args if not isinstance(part, ast.Starred)]
        # The columns of a table of the database are a list without brackets.
        if name[:1].isupper() and name != "Table" and len(stated) > MOST_POSITIONAL:
            yield f"line {node.lineno}: {name}"


def trees() -> Iterator[tuple[str, ast.AST]]:
    for path in MODULES:
        yield name_of(path), ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", [renamed, evaluated, unnamed], ids=lambda rule: rule.__name__)
def test_product_code_does_not(rule: object) -> None:
    assert callable(rule)
    assert {name: seen for name, tree in trees() if (seen := list(rule(tree)))} == {}


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (renamed, "counted.__name__ = 'x'"),
        (renamed, "a.b.__doc__ = 'x'"),
        (renamed, "setattr(counted, '__name__', 'x')"),
        (evaluated, "eval('1')"),
        (evaluated, "frame.query('a > 1')"),
        (evaluated, "frame[names].fillna(0).eval(text, engine='python')"),
        (unnamed, "Tag(1, 2, 3, 4, 5, 6, 7, 8, 9)"),
    ],
)
def test_it_is_seen(rule: object, code: str) -> None:
    """The test above could not fail if it saw none."""
    assert callable(rule)
    assert len(list(rule(ast.parse(code)))) == 1
