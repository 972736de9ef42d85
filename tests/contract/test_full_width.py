"""Punctuation among Chinese is full-width: in texts of the code, of templates and of settings."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ROOMS = ("features", "training", "serving", "guanjia")
CHINESE = "\u4e00-\u9fff"
HALF_WIDTH = re.compile(f"(?<=[{CHINESE}“”《》（）])[(),:;?!]|[(),:;?!](?=[{CHINESE}“”《》（）])")
MOST_LATIN = 2
"""Latin letters for each Chinese character, above which a text is English that names Chinese."""
PATTERNS = {
    "features/imports/": "patterns of what exports hold",
    "serving/content/contact_details.toml": "patterns of what messages may not hold",
    "serving/content/forms.py": "a pattern of what messages may not hold",
    "serving/campaigns/outcome_words.py": "a pattern of days and times",
    "features/condition_forms/": "conditions, which are read in either width",
    "serving/content/words/": "words that messages may not hold, as people write them",
}
"""Files whose half-width punctuation is no text -> what it is."""


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file, with their lines; parts of an f-string stand for themselves."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(source)
        notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and id(node) not in notes:
                yield node.lineno, node.value
    elif path.suffix == ".toml":
        yield from ((0, text) for text in _values(tomllib.loads(source)))
    else:
        yield from enumerate(re.sub(r"\{#.*?#\}", "", source, flags=re.DOTALL).splitlines(), 1)


def _values(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for name, value in part.items():
            yield name
            yield from _values(value)
    elif isinstance(part, list):
        for value in part:
            yield from _values(value)


def faults_in(text: str, *, is_page: bool) -> list[str]:
    """The places of a text where punctuation is half-width beside Chinese."""
    latin = len(re.findall("[A-Za-z]", text))
    if not is_page and latin > MOST_LATIN * len(re.findall(f"[{CHINESE}]", text)):
        return []
    return [text[max(0, hit.start() - 8) : hit.end() + 8] for hit in HALF_WIDTH.finditer(text)]


def test_punctuation_among_chinese_is_full_width() -> None:
    faults, chinese = [], 0
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.suffix not in (".py", ".toml", ".html", ".jinja", ".js"):
            continue
        if name.startswith(tuple(PATTERNS)):
            continue
        for line, text in texts_of(path):
            chinese += bool(re.search(f"[{CHINESE}]", text))
            is_page = path.suffix in (".html", ".jinja")
            faults += [f"{name}:{line} {fault}" for fault in faults_in(text, is_page=is_page)]
    assert faults == []
    assert chinese > 2_000, "the walk sees the texts"


def test_the_rule_finds_what_it_should() -> None:
    assert faults_in("预算(元)", is_page=False) == ["预算(元)"] * 2
    assert faults_in("客户, 名单", is_page=False)
    assert not faults_in("预算（元），每位客户 3:1", is_page=False)
    assert not faults_in("field budget (预算) is missing from the list", is_page=False)
