"""Write phrases into pages, marked where they are not in the language of the page."""

from markupsafe import Markup, escape

from features.dictionary.phrases import Phrase


def marked(phrase: Phrase, language: str, most: int | None = None) -> Markup:
    """Write a phrase as HTML, with `lang` where a screen reader has to change its voice.

    Parameters
    ----------
    phrase : Phrase
        The phrase.
    language : {"zh", "en"}
        Language of the page.
    most : int, optional
        Characters after which it is cut.

    Examples
    --------
    >>> marked(Phrase("出险次数", "zh"), "zh"), marked(Phrase("claims < 3", "en"), "zh", 6)
    (Markup('出险次数'), Markup('<span lang="en">claims…</span>'))
    """
    text = phrase.text
    if most is not None and len(text) > most:
        text = f"{text[:most].rstrip()}…"
    if phrase.language == language:
        return escape(text)
    return Markup('<span lang="{}">{}</span>').format(phrase.language, text)
