"""Rules that stand in one place: copies of them are found in the syntax trees.

A copy is right on the day it is made, and wrong on the day the rule changes. What is looked for:
the column that says until when a version of a row counted, and what follows from the dates of a
policy term. Docstrings and comments may speak of them.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("features", "training", "serving", "guanjia")
FILES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)
MODULES = [path for path in FILES if path.suffix == ".py"]
KNOWN, TERMS = "features/lake/known_at.py", "features/lake/terms.py"

EXISTED = re.compile(
    r"cancelled_on\W*[<>]=?\W*(\w+\W+)?inception|inception\W*[<>]=?\W*(\w+\W+)?cancelled_on"
)
END = re.compile(r"(coalesce|ifnull)\s*\(\W*(\w+\.\W*)?cancelled_on\W+(\w+\.\W*)?expiry", re.I)
IN_FORCE = re.compile(r"inception\W*<=?\W.*\bAND\b.*(expiry|cover_end)\W*>", re.I | re.S)
CHOICES = {"coalesce", "fill_null", "fillna", "ifelse", "where", "cases"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def words(tree: ast.AST) -> Iterator[str]:
    """Every name, keyword, attribute and text of code, but what stands there as documentation."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword | ast.arg):
            yield node.arg or ""
        elif isinstance(node, ast.Constant) and id(node) not in documentation:
            yield str(node.value)


def names_versions(tree: ast.AST) -> list[str]:
    """Where code names the column `superseded_at`."""
    return [word for word in words(tree) if "superseded_at" in word.lower()]


def compares_cancellation(tree: ast.AST) -> list[str]:
    """Where code compares the cancellation of a term with its inception."""
    matches = [text for text in words(tree) if EXISTED.search(text)]
    compared = (node for node in ast.walk(tree) if isinstance(node, ast.Compare))
    both = {"cancelled_on", "inception"}
    return matches + [ast.unparse(node) for node in compared if both <= set(words(node))]


def chooses_end(tree: ast.AST) -> list[str]:
    """Where code takes the cancellation of a term where there is one, else its expiry."""
    matches = [text for text in words(tree) if END.search(text)]
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    choices = (node for node in calls if getattr(node.func, "attr", "") in CHOICES)
    both = {"cancelled_on", "expiry"}
    return matches + [ast.unparse(node) for node in choices if both <= set(words(node))]


def covers_a_day(tree: ast.AST) -> list[str]:
    """Where code asks for both: the inception is not after a day, the end of cover is."""
    matches = [text for text in words(tree) if IN_FORCE.search(text)]
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
            parts = [node.left, node.right]
        else:
            parts = node.args if isinstance(node, ast.Call) else []
        sides = [part for part in parts if isinstance(part, ast.Compare)]
        begun = any(_is(side, ast.LtE | ast.Lt, {"inception"}) for side in sides)
        lasting = any(_is(side, ast.Gt | ast.GtE, {"expiry", "cover_end"}) for side in sides)
        matches += [ast.unparse(node)] * (begun and lasting)
    return matches


def _is(side: ast.Compare, operator: Any, columns: set[str]) -> bool:
    return isinstance(side.ops[0], operator) and bool(columns & set(words(side.left)))


def copies(find: Callable[[ast.AST], list[str]], column: str, home: str) -> dict[str, list[str]]:
    """File -> what of a rule over a column it repeats, without the file where the rule stands."""
    texts = {name_of(path): path.read_text(encoding="utf-8") for path in MODULES}
    del texts[home]
    naming = {name: text for name, text in texts.items() if column in text.lower()}
    matches = {name: find(ast.parse(text)) for name, text in naming.items()}
    return {name: where for name, where in matches.items() if where}


def test_what_was_known_is_decided_in_one_file() -> None:
    assert not copies(names_versions, "superseded_at", KNOWN), "use features.lake.known_at"


def test_no_file_of_another_kind_decides_what_was_known() -> None:
    others = [path for path in FILES if path.suffix != ".py"]
    assert others
    assert not [name_of(path) for path in others if b"superseded_at" in path.read_bytes().lower()]


def test_whether_a_term_existed_is_decided_in_one_file() -> None:
    assert not copies(compares_cancellation, "cancelled_on", TERMS), (
        "use features.lake.terms.existed"
    )


def test_when_cover_ends_is_decided_in_one_file() -> None:
    assert not copies(chooses_end, "cancelled_on", TERMS), "use features.lake.terms.cover_end"


def test_when_cover_is_in_force_is_decided_in_one_file() -> None:
    assert not copies(covers_a_day, "inception", TERMS), "use features.lake.terms.in_force"


COPIES: dict[str, tuple[Callable[[ast.AST], list[str]], str]] = {
    "attribute": (names_versions, "rows.filter(rows.superseded_at.isnull())"),
    "renamed": (names_versions, "rows.select(to='superseded_at')"),
    "keyword": (names_versions, "rows.mutate(superseded_at=None)"),
    "sql": (names_versions, 'f"SELECT 1 WHERE SUPERSEDED_AT IS NULL AND a < {end}"'),
    "existed": (compares_cancellation, "t.cancelled_on.isnull() | (t.cancelled_on > t.inception)"),
    "never": (compares_cancellation, "rows['cancelled_on'] <= rows['inception']"),
    "existed in sql": (compares_cancellation, 'x = "WHERE t.cancelled_on > t.inception"'),
    "end": (chooses_end, "rows.mutate(until=rows.cancelled_on.fill_null(rows.expiry))"),
    "end of two": (chooses_end, "ibis.coalesce(rows.cancelled_on, rows.expiry)"),
    "end in sql": (chooses_end, 'f"SELECT coalesce(cancelled_on, expiry) FROM {rows}"'),
    "end of t in sql": (chooses_end, 'x = "SELECT COALESCE(t.cancelled_on, t.expiry)"'),
    "in force": (covers_a_day, "(t.inception <= day) & (t.expiry > day)"),
    "in force, filtered": (covers_a_day, "t.filter(t.inception <= day, t.cover_end > t.as_of)"),
    "in force in sql": (covers_a_day, 'x = "inception <= DATE 1 AND expiry > DATE 1"'),
    "the rule itself": (names_versions, (ROOT / KNOWN).read_text(encoding="utf-8")),
    "existed itself": (compares_cancellation, (ROOT / TERMS).read_text(encoding="utf-8")),
    "in force itself": (covers_a_day, (ROOT / TERMS).read_text(encoding="utf-8")),
    "end itself": (chooses_end, (ROOT / TERMS).read_text(encoding="utf-8")),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_would_be_found(copy: str) -> None:
    find, source = COPIES[copy]
    assert find(ast.parse(source))


def test_words_about_a_rule_are_no_copy() -> None:
    text = "'Until superseded_at; cancelled_on > inception; coalesce(cancelled_on, expiry).'"
    for find in (names_versions, compares_cancellation, chooses_end):
        assert find(ast.parse(f"x = {text}"))
        assert not find(ast.parse(text))
