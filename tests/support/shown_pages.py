"""Fill in templates of the console for somebody who may see everything, and take them apart."""

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

from serving.console.render import show


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


def markup(template: str, **values: Any) -> str:
    """What a template becomes."""
    return bytes(show(request(), template, **values).body).decode()


class Fields(HTMLParser):
    """The fields of a form as a browser sends them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self.select = ""
        self.chosen: str | None = None
        self.first: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.sent.append((given["name"] or "", given.get("value") or ""))
        elif tag == "select":
            self.select, self.chosen, self.first = given["name"] or "", None, None
        elif tag == "option" and self.select:
            value = given.get("value") or ""
            self.first = value if self.first is None else self.first
            if "selected" in given:
                self.chosen = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.sent.append((self.select, self.chosen or self.first or ""))
            self.select = ""


def fields_of(text: str) -> list[tuple[str, str]]:
    """The fields of a page without its text areas."""
    parser = Fields()
    parser.feed(text)
    return parser.sent
