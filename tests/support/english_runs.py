"""Find English that is left on a Chinese page: runs of words that nobody marked as English."""

import re

from playwright.sync_api import Page

RUN = re.compile(r"[A-Za-z][A-Za-z'’-]+(?:[ ,.:;()]+[A-Za-z][A-Za-z'’-]+){2,}")
"""Three words of English or more; one or two are names: Excel, Guanjia, order by."""
SHOWN_TEXT = """() => {
    const text = document.body.cloneNode(true);
    for (const marked of text.querySelectorAll('code, pre, script, [lang=en], [data-own]'))
        marked.replaceWith('\\n');
    for (const part of text.querySelectorAll('*')) part.append('\\n');
    const named = [...document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')]
        .filter(part => !part.closest('[lang=en]'))
        .flatMap(part => ['aria-label', 'title', 'placeholder', 'alt']
            .map(name => part.getAttribute(name) || ''));
    return [text.textContent, ...named].join('\\n');
}"""
"""Everything on a page, also what is folded and what is read aloud, without what is marked."""


def english_runs(text: str) -> list[str]:
    """Runs of English in a text.

    Examples
    --------
    >>> english_runs("星级 star_level 是 Excel 文件"), english_runs("名单 is not known here")
    ([], ['is not known here'])
    """
    return [run for line in text.splitlines() for run in RUN.findall(line)]


def english_of(page: Page) -> list[str]:
    """Runs of English on a page that is shown in Chinese."""
    return english_runs(page.evaluate(SHOWN_TEXT))
