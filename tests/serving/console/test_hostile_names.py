"""Nothing a customer, a branch or a reason is called can run as script: names are text."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shown_pages import elements

from features.condition_forms.vocabulary import Column, SegmentWords, Vocabulary
from features.dictionary.phrases import Phrase
from features.errors import GuanjiaError
from serving.console.builder.board import Board, Part
from serving.console.builder.controls import GROUP_WORDS, controls_of
from serving.console.builder.draft import DraftRow
from serving.console.builder.tag_search import TagMatch, TagMatches
from serving.console.customer_search import FoundCustomer
from serving.records.people.reviews import Review

HOSTILE = st.sampled_from(
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onmouseover="alert(1)',
        "'><svg/onload=alert(1)>", "{{7*7}}", "javascript:alert(1)", "</textarea><b>", "&lt;b&gt;",
    ]
) | st.text(alphabet="<>\"'&={}/ ab", max_size=30)  # fmt: skip


def customers(text: str) -> dict[str, Any]:
    return {"q": text, "found": [FoundCustomer(*[text] * 6)], "most": 50}


def reviews(text: str) -> dict[str, Any]:
    at = datetime(2026, 7, 1, tzinfo=UTC)
    one = Review(
        "a1", "d1", text, text, text, at, text, text, text, text, at, None, None, None, None
    )
    return {"reviews": [one], "state": "open", "touchpoints": {}, "most": 100}


def conditions(text: str) -> dict[str, Any]:
    """A tree whose tags, values, segments, search and faults are called so."""
    words = Vocabulary(
        {
            "brand": Column("brand", text, "text", values=lambda: [text]),
            "kind": Column("kind", text, "text", codes={text: text}),
            "sum": Column("sum", text, "number", unit=text),
        },
        {"own": SegmentWords(text, text)},
    )
    rows = [
        DraftRow("brand", "in", (text,)),
        DraftRow("kind", "=", (text,)),
        DraftRow("sum", "between", (text, text)),
        DraftRow("sum", "tag =", (text,)),
        DraftRow("own", "in segment"),
        DraftRow(text, text, (text,)),
        DraftRow("sum", "<", (text,), find=text),
    ]
    fault = GuanjiaError(text, text, text, chinese=(text, text, text))
    found = TagMatches({"claims": [TagMatch(text, text, Phrase(text, "en"), text, "claims")]}, 1, 1)
    members = [
        Part(f"r.{place}", 1, "row", row, controls_of(row, words), found, fault)
        for place, row in enumerate(rows)
    ]
    root = Part("r", 0, "all", members=members)
    board = Board(text, root, "", fault, 1, date(2026, 6, 30), 1)
    seen = {"fault": fault, "counts": None, "preview": None, "members": [], "name": None}
    return {"board": board, "parts": {"claims": (text, text)}, "kinds": GROUP_WORDS, **seen}


@pytest.mark.parametrize(("template", "build"), [
    ("customers/search.html", customers), ("reviews.html", reviews),
    ("lists/round.html", conditions),
])  # fmt: skip
@settings(deadline=None)
@given(text=HOSTILE)
def test_a_name_adds_no_element_and_no_attribute(template: str, build: Any, text: str) -> None:
    assert elements(template, **build(text or "x")) == elements(template, **build("x"))


def test_templates_mark_no_text_as_safe() -> None:
    from serving.console.render import FOLDER

    for path in (FOLDER / "templates").rglob("*.html"):
        source = path.read_text("utf-8")
        assert "|safe" not in source.replace(" ", ""), path.name
        assert "autoescape" not in source, path.name
        assert " style=" not in source, f"{path.name}: the policy lets no style of an element in"
        assert "onclick" not in source, path.name
