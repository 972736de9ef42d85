"""Names and docstrings that a stranger understands: read from the syntax trees."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
VAGUE = {
    "found",
    "told",
    "one",
    "some",
    "each",
    "near",
    "said",
    "held",
    "judged",
    "kept",
    "made",
    "asked",
    "wanted",
    "taken",
    "whole",
    "door",
    "eventdoor",
}
"""Names that say that something was done, or nothing at all: what is it?"""
MANY = 3
"""Parameters from which a public function documents all of them."""
TAGS = "features/tags/groups/"
VERBS = set((Path(__file__).with_name("verbs.txt")).read_text(encoding="utf-8").split())
PRONOUNS = re.compile(r"\b(?:he|him|his|himself|she|her|hers)\b", re.IGNORECASE)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    """The room of a file: `features/lake/`, `features/*.py`."""
    parts = path.relative_to(ROOT).parts
    return f"{parts[0]}/{parts[1]}/" if len(parts) > 2 else f"{parts[0]}/*.py"


ROOM_NAMES = sorted({room_of(path) for path in MODULES})


@cache
def trees_of(room: str) -> dict[Path, ast.Module]:
    """Syntax trees of a room, each file parsed once, by the worker that reads them."""
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in MODULES
        if room_of(path) == room
    }


def bound_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that the code gives to something, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, node.lineno
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node.lineno


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Functions of the module and of its public classes that others may call."""
    for owner in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        for node in owner.body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if named and not node.name.startswith("_"):
                yield node


def parameters_of(function: Function) -> list[ast.arg]:
    words = function.args
    given = [*words.posonlyargs, *words.args, *words.kwonlyargs]
    return [parameter for parameter in given if parameter.arg not in {"self", "cls"}]


def undocumented(function: Function) -> list[str]:
    """Parameters that neither the docstring nor a command line option explains."""
    words = ast.get_docstring(function) or ""
    return [
        parameter.arg
        for parameter in parameters_of(function)
        if not re.search(rf"(?m)^[\w*, ]*(?<!\w){parameter.arg}(?!\w)[\w*, ]*(?: :|$)", words)
        and "help=" not in ast.unparse(parameter.annotation or ast.Constant(""))
        and not _named_option(parameter)
    ]


def first_word(function: Function) -> str:
    """The first word of a docstring; of a property none, for it names a value."""
    if any("property" in ast.unparse(decorator) for decorator in function.decorator_list):
        return ""
    words = (ast.get_docstring(function) or "").split()
    return words[0].strip(".,:`").lower() if words else ""


def _named_option(parameter: ast.arg) -> bool:
    """Options that all commands share are types of `guanjia.terminal.options`, with their help."""
    shared = {"AsOf", "Engine", "Json", "MaybeAsOf", "MaybeNow", "typer.Context"}
    shared |= {"ListName", "ListSource", "ListVersion", "Who"}
    shared |= {"Generate", "NameOfUser", "Roles"}
    return ast.unparse(parameter.annotation or ast.Constant("")) in shared


@pytest.mark.parametrize("room", ROOM_NAMES)
def test_names_say_what_a_thing_is(room: str) -> None:
    vague = [
        f"{name_of(path)}:{line} {name}"
        for path, tree in trees_of(room).items()
        for name, line in bound_names(tree)
        if name.strip("_").lower() in VAGUE
    ]
    assert vague == []


@pytest.mark.parametrize("room", ROOM_NAMES)
def test_public_functions_document_their_parameters(room: str) -> None:
    silent = [
        f"{name_of(path)}:{function.lineno} {function.name}: {', '.join(missing)}"
        for path, tree in trees_of(room).items()
        if not name_of(path).startswith(TAGS)
        if not name_of(path).startswith(TAGS)  # there the docstring defines the tag
        for function in public_functions(tree)
        if len(parameters_of(function)) >= MANY and (missing := undocumented(function))
    ]
    assert silent == []


@pytest.mark.parametrize("room", ROOM_NAMES)
def test_docstrings_of_functions_begin_with_a_verb(room: str) -> None:
    nouns = [
        f"{name_of(path)}:{function.lineno} {function.name}: {first}"
        for path, tree in trees_of(room).items()
        if not name_of(path).startswith(TAGS)
        for function in public_functions(tree)
        if (first := first_word(function)) and first not in VERBS
    ]
    assert nouns == []


@pytest.mark.parametrize("room", ROOM_NAMES)
def test_customers_are_they(room: str) -> None:
    gendered = [
        f"{name_of(path)}:{number} {match.group()}"
        for path in trees_of(room)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := PRONOUNS.search(line))
    ]
    assert gendered == []


def test_a_vague_name_is_seen() -> None:
    """The tests above could not fail if they saw none."""
    code = "def read(one):\n    found = [told for told in one]\n    return found\n"
    names = [name for name, _ in bound_names(ast.parse(code))]
    assert sorted(set(names) & VAGUE) == ["found", "one", "told"]


def test_a_silent_parameter_is_seen() -> None:
    code = 'def f(a, b, c):\n    """Add.\n\n    Parameters\n    ----------\n    a, b : int\n    """'
    (function,) = public_functions(ast.parse(code))
    assert undocumented(function) == ["c"]
