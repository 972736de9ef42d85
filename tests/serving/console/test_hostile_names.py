"""Nothing a customer, a branch or a reason is called can run as script: names are text."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.console.customer_search import FoundCustomer
from serving.console.render import show
from serving.records.people.reviews import Review

HOSTILE = st.sampled_from(
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onmouseover="alert(1)',
        "'><svg/onload=alert(1)>", "{{7*7}}", "javascript:alert(1)", "</textarea><b>", "&lt;b&gt;",
    ]
) | st.text(alphabet="<>\"'&={}/ ab", max_size=30)  # fmt: skip


class Elements(HTMLParser):
    """Elements and the names of their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def request() -> Any:
    """A request of somebody who may see everything."""
    lake = SimpleNamespace(settings=SimpleNamespace(timezone="Asia/Shanghai"))
    state = SimpleNamespace(service=SimpleNamespace(lake=lake))
    caller = SimpleNamespace(scopes={"customers:read", "reviews:read", "reviews:answer"})
    return SimpleNamespace(
        state=SimpleNamespace(session=None, caller=caller),
        app=SimpleNamespace(state=state),
        cookies={},
        url=SimpleNamespace(path="/console/customers", query=""),
    )


def elements(template: str, **values: Any) -> list[tuple[str, tuple[str, ...]]]:
    parser = Elements()
    parser.feed(bytes(show(request(), template, **values).body).decode())
    return parser.seen


def customers(text: str) -> dict[str, Any]:
    return {"q": text, "found": [FoundCustomer(*[text] * 6)], "most": 50}


def reviews(text: str) -> dict[str, Any]:
    at = datetime(2026, 7, 1, tzinfo=UTC)
    one = Review(
        "a1", "d1", text, text, text, at, text, text, text, text, at, None, None, None, None
    )
    return {"reviews": [one], "state": "open", "touchpoints": {}, "most": 100}


@pytest.mark.parametrize(("template", "build"), [
    ("customers/search.html", customers), ("reviews.html", reviews)
])  # fmt: skip
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
