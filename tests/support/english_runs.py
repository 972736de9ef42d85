"""Find English that is left on a Chinese page: runs of words that nobody marked as English."""

import re
from html.parser import HTMLParser

from playwright.sync_api import Page

RUN = re.compile(r"[A-Za-z][A-Za-z'’-]+(?:[ ,.:;()]+[A-Za-z][A-Za-z'’-]+){2,}")
"""Three words of English or more; one or two are names: Excel, Guanjia, by whom."""
COMMAND = re.compile(r"guanjia( [a-z][a-z-]*){1,2}")
"""What to type, said within a sentence: guanjia import plan."""
UNREAD = ("code", "pre", "script", "style", "textarea", "head")
"""Elements whose text is none: names of tags and files, commands, what a user typed."""
SPOKEN = ("aria-label", "title", "placeholder", "alt")
NO_END = ("input", "br", "img", "meta", "link", "hr", "rect", "line", "circle", "path")


class _Words(HTMLParser):
    """Collects the texts of a page, without what is code or marked as English."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.open: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        unread = any(self.open) or tag in UNREAD or given.get("lang") == "en"
        if not unread:
            self.lines += [given.get(name) or "" for name in SPOKEN]
        if tag not in NO_END:
            self.open.append(unread)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag not in NO_END:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.open):
            self.lines.append(data)


def english_in(markup: str) -> list[str]:
    """Runs of English in a page that is sent in Chinese, also where it is folded or read aloud.

    Examples
    --------
    >>> english_in("<p>名单 <code>is not known here</code></p><p>Guanjia 管家</p>")
    []
    >>> english_in('<p>名单 is not known here</p><i title="Leave it out">名</i>')
    ['is not known here', 'Leave it out']
    """
    words = _Words()
    # A browser with a script shows nothing of it.
    words.feed(re.sub(r"<noscript>.*?</noscript>", "", markup, flags=re.DOTALL))
    return [run for line in words.lines for run in RUN.findall(COMMAND.sub("", line))]


def english_of(page: Page) -> list[str]:
    """Runs of English on a page that a browser shows in Chinese."""
    return english_in(page.content())
