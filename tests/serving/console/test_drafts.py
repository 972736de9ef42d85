"""The tree of a condition: it says what the text says, and no act loses a part of it."""

from collections import Counter
from typing import Any

import pytest
from condition_structures import STRUCTURES
from condition_words import WORDS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shown_pages import fields_of, markup

from features.condition_forms.condition import Condition, read_condition
from features.condition_forms.structure import LISTS, Test, parts_of, to_json
from features.errors import GuanjiaError
from serving.console.builder.board import Part
from serving.console.builder.controls import GROUP_WORDS, controls_of
from serving.console.builder.draft import (
    Draft,
    DraftGroup,
    DraftRow,
    IncompleteRowError,
    draft_of,
    structure_of,
)
from serving.console.builder.edits import change
from serving.console.builder.fields import read_draft
from serving.console.builder.preview_members import show_member
from serving.console.builder.tag_search import part_names, search_tags
from serving.lists.people import Person

NOTHING = {"fault": None, "counts": None, "preview": None, "members": [], "name": None}


def part(draft: Draft, path: str = "r") -> Part:
    """A draft as a page shows it, without counts."""
    depth = path.count(".")
    if isinstance(draft, DraftGroup):
        members = [part(one, f"{path}.{place}") for place, one in enumerate(draft.members)]
        return Part(path, depth, draft.kind, members=members)
    found = None if draft.find is None else search_tags(WORDS, draft.find, draft.part)
    return Part(path, depth, "row", draft, controls_of(draft, WORDS), found)


class Shown:
    """What the template of a tree asks of a board."""

    def __init__(self, draft: DraftGroup) -> None:
        self.root, self.focus, self.fault = part(draft), "", None
        self.text, self.customers, self.open_rows = "", 0, 0


def sent(draft: DraftGroup) -> DraftGroup | None:
    """A draft after it went through the page and came back as a form."""
    values: dict[str, Any] = {"parts": part_names(), "kinds": GROUP_WORDS}
    source = markup("lists/round.html", board=Shown(draft), **values, **NOTHING)
    return read_draft(fields_of(source))


def sorted_lists(written: Any) -> Any:
    """A condition as JSON with its lists of values as sets: boxes have an order of their own."""
    if isinstance(written, list):
        return [sorted_lists(one) for one in written]
    if not isinstance(written, dict):
        return written
    if written.get("operator") in LISTS:
        return {**written, "value": sorted({*map(str, written["value"])})}
    return {name: sorted_lists(one) for name, one in written.items()}


def has_empty_text(structure: Any) -> bool:
    tests = [one for _, one in parts_of(structure) if isinstance(one, Test)]
    return any("" in (one.value if isinstance(one.value, tuple) else (one.value,)) for one in tests)


@settings(max_examples=200, deadline=None)
@given(STRUCTURES)
def test_tree_and_text_agree_both_ways(structure: Any) -> None:
    assume(not has_empty_text(structure))  # a row without a value is not complete
    draft = draft_of(structure)
    again = structure_of(draft, WORDS)
    assert again == structure
    condition = Condition(again, WORDS)
    for text in (condition.plain, condition.chinese):
        if len(text) <= 2_000:
            assert draft_of(read_condition(text, WORDS).structure) == draft


@settings(max_examples=60, deadline=None)
@given(STRUCTURES)
def test_a_tree_comes_back_from_its_page_as_it_was(structure: Any) -> None:
    assume(not has_empty_text(structure))
    back = sent(draft_of(structure))
    assert back is not None
    again = structure_of(back, WORDS)
    assert again is not None
    assert sorted_lists(to_json(again)) == sorted_lists(to_json(structure))


def rows(draft: Draft) -> Counter[str]:
    if isinstance(draft, DraftRow):
        return Counter([repr(draft)])
    return sum((rows(member) for member in draft.members), Counter())


def paths(draft: Draft, path: str = "r") -> list[str]:
    inner = draft.members if isinstance(draft, DraftGroup) else []
    deeper = [one for n, member in enumerate(inner) for one in paths(member, f"{path}.{n}")]
    return [path, *deeper]


@settings(max_examples=200, deadline=None)
@given(STRUCTURES, st.data())
def test_no_act_loses_what_it_is_not_about(structure: Any, data: st.DataObject) -> None:
    draft = draft_of(structure)
    before = rows(draft)
    path = data.draw(st.sampled_from(paths(draft)[1:]))
    way = data.draw(st.sampled_from(["up", "down"]))
    focus = change(draft, f"{way}:{path}", WORDS)
    assert rows(draft) == before
    moved = focus.partition("-")[2]
    assert moved in paths(draft), "the focus is on a part that is there"
    opposite = {"up": "down", "down": "up"}[way]
    change(draft, f"{opposite}:{moved}", WORDS)
    assert rows(draft) == before
    gone = data.draw(st.sampled_from(paths(draft)[1:]))
    focus = change(draft, f"remove:{gone}", WORDS)
    assert rows(draft) < before or rows(draft) == before  # an empty group may go
    assert focus.partition("-")[2] in paths(draft)


def test_a_row_moves_into_the_group_beside_it_and_out_again() -> None:
    structure = read_condition("星级 ≥ 3 且 (渠道 = 代理 或 渠道 = 网销)", WORDS).structure
    draft = draft_of(structure)
    assert change(draft, "down:r.0", WORDS) == "down-r.0.0"
    assert (
        structure_of(draft, WORDS)
        == read_condition("星级 ≥ 3 或 渠道 = 代理 或 渠道 = 网销", WORDS).structure
    )
    assert change(draft, "up:r.0.0", WORDS) == "up-r.0"
    assert structure_of(draft, WORDS) == structure


def test_what_is_not_complete_is_left_out_and_named() -> None:
    draft = draft_of(read_condition("星级 ≥ 3", WORDS).structure)
    change(draft, "add:r", WORDS)
    change(draft, "choose:r.1:renewal", WORDS)
    assert structure_of(draft, WORDS, lenient=True) == Test("star_level", ">=", 3)
    with pytest.raises(IncompleteRowError, match="续保概率: has no value yet"):
        structure_of(draft, WORDS)


@pytest.mark.parametrize(("text", "sentence"), [
    ("30天", "writes 续保概率 in 天"), ("1、2", "has several values"),
    ("0.5 或 星级 = 1", "cannot be read"),
])  # fmt: skip
def test_a_value_is_read_with_its_unit_and_nothing_else(text: str, sentence: str) -> None:
    with pytest.raises(GuanjiaError, match=sentence):
        structure_of(DraftRow("renewal", "<", (text,)), WORDS)
    assert structure_of(DraftRow("renewal", "<", ("60%",)), WORDS) == Test("renewal", "<", 0.6)


@pytest.mark.parametrize("act", ["up:r", "choose:r:renewal", "down:r.7", "add:r.0", "nothing:r.0"])
def test_an_act_for_what_is_not_there_is_refused(act: str) -> None:
    draft = draft_of(read_condition("星级 ≥ 3", WORDS).structure)
    with pytest.raises(GuanjiaError):
        change(draft, act, WORDS)


def test_a_form_with_a_part_of_no_group_is_refused() -> None:
    with pytest.raises(GuanjiaError, match="of no group"):
        read_draft([("kind-r", "all"), ("kind-r.0", "row"), ("kind-r.0.0", "row")])
    assert read_draft([("where", "")]) is None


def test_tags_are_found_by_what_they_are_called_and_mean() -> None:
    from features.tags.catalogue import catalogue
    from serving.lists.questions import readable_columns

    words = type(WORDS)({**WORDS.columns})
    assert {*words.columns} & {*catalogue()}, readable_columns()
    for asked in ("续保概率", "renewal"):
        assert search_tags(words, asked).first == "renewal"
    tag = next(tag for tag in catalogue().values() if tag.name in words.columns)
    by_meaning = search_tags(words, tag.definition[:30])
    assert tag.name in {one.name for tags in by_meaning.by_part.values() for one in tags}
    assert search_tags(words, "").total == 0


@pytest.mark.parametrize(("may_read", "name", "phone"), [
    (True, "张伟", "13812345678"), (False, "张*", "138****5678"),
])  # fmt: skip
def test_a_preview_masks_who_may_not_be_read(may_read: bool, name: str, phone: str) -> None:
    shown = show_member(None, Person("张伟", "13812345678"), may_read=may_read)  # type: ignore[arg-type]
    assert (shown.name, shown.phone) == (name, phone)
    assert show_member(None, Person(), may_read=may_read).name is None  # type: ignore[arg-type]
