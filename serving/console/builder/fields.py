"""Read a draft from the fields of a form, each named by the place of its group or row."""

import re
from collections.abc import Iterable

from features.condition_forms.faults import condition_fault
from features.condition_forms.structure import DEEPEST, MOST_PARTS
from features.errors import InputError
from serving.console.builder.draft import Draft, DraftGroup, DraftRow, GroupKind

ROOT = "r"
"""Path of the outermost group; `r.0` is its first member."""
FIELD = re.compile(r"(kind|column|operator|value|find|part)-(r(?:\.\d{1,3})*)")
GROUP_KINDS: tuple[GroupKind, ...] = ("all", "any", "none")
ROW = "row"
LONGEST = 500
"""Characters of a field that are read."""


def read_draft(fields: Iterable[tuple[str, str]]) -> DraftGroup | None:
    """Read the draft of a form; None: the form has none.

    Raises
    ------
    GuanjiaError
        If it has more parts or levels than a condition may have, or a member without its group.
    """
    kinds: dict[str, str] = {}
    texts: dict[tuple[str, str], list[str]] = {}
    for name, text in fields:
        match = FIELD.fullmatch(name)
        if not match:
            continue
        what, path = match.groups()
        if what == "kind":
            kinds[path] = text
        else:
            texts.setdefault((what, path), []).append(text[:LONGEST])
    if ROOT not in kinds:
        return None
    if len(kinds) > MOST_PARTS or max(path.count(".") for path in kinds) > DEEPEST:
        fault = f"has more than {MOST_PARTS} parts, or more than {DEEPEST} levels"
        raise condition_fault(
            fault,
            "shorten it",
            f"超过 {MOST_PARTS} 条，或嵌套超过 {DEEPEST} 层",
            "请写短一些",
        )
    drafts: dict[str, Draft] = {}
    for path in sorted(kinds, key=places_of):
        draft = drafts[path] = _draft(path, kinds[path], texts)
        if path == ROOT:
            continue
        above = drafts.get(path.rpartition(".")[0])
        if not isinstance(above, DraftGroup):
            chinese = "表单", f"有一条 {path} 不属于任何组", "请重新打开页面"
            fault = f"has a part {path} of no group"
            raise InputError("form", fault, "load the page again", chinese=chinese)
        above.members.append(draft)
    root = drafts[ROOT]
    return root if isinstance(root, DraftGroup) else None


def _draft(path: str, kind: str, texts: dict[tuple[str, str], list[str]]) -> Draft:
    if kind in GROUP_KINDS:
        return DraftGroup(kind)
    find = texts.get(("find", path))
    return DraftRow(
        column=texts.get(("column", path), [""])[0],
        operator=texts.get(("operator", path), [""])[0],
        values=tuple(texts.get(("value", path), ())),
        find=None if find is None else find[0],
        part=texts.get(("part", path), [""])[0],
    )


def places_of(path: str) -> tuple[int, ...]:
    """Return a path as places: `r.0.2` is (0, 2)."""
    return tuple(int(place) for place in path.split(".")[1:])


def path_of(places: Iterable[int]) -> str:
    """Return places as a path."""
    return ".".join([ROOT, *map(str, places)])
