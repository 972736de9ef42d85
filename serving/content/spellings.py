"""Expand a word of a list into the forms that are searched for."""

from serving.content.characters import word_form

GAP, OR, NUMBER = "…", "/", "#"
WIDEST_GAP = 12
"""Letters and digits that may stand in a gap."""


def pieces(word: str) -> list[list[str]]:
    """Expand a word: `…` is a gap between two pieces, `/` stands between alternatives, `#` a digit.

    Parameters
    ----------
    word : str
        As a list has it.

    Returns
    -------
    list of list of str
        For each piece its alternatives, in the form that is searched for; no empty ones.

    Examples
    --------
    >>> pieces("投保/续保…送"), pieces("返_现")
    ([['投保', '续保'], ['送']], [['返现']])
    >>> pieces("返#")[0][:3]
    ['返0', '返1', '返2']
    """
    expanded = [
        [
            form
            for alternative in piece.split(OR)
            for form in map(word_form, _numbered(alternative))
            if form
        ]
        for piece in word.split(GAP)
    ]
    return [alternatives for alternatives in expanded if alternatives]


def shortest(word: str) -> int:
    """Count the letters and digits of the shortest text that a word stands for."""
    return sum(min(map(len, alternatives)) for alternatives in pieces(word))


def _numbered(alternative: str) -> list[str]:
    if NUMBER not in alternative:
        return [alternative]
    return [alternative.replace(NUMBER, digit) for digit in "0123456789"]
