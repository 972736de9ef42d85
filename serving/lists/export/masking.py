"""Mask what tells who a customer is, such that two customers can still be told apart on a page."""

import re
from typing import Literal

from serving.spreadsheet import HOME_COUNTRY

Mask = Literal["name", "phone", "plate", "number"]
COMPOUND = (
    *("欧阳", "司马", "上官", "诸葛", "东方", "皇甫"),
    *("尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯"),
)
"""Surnames of two characters that are common enough to be kept whole."""
LEAST_HIDDEN = 3


def masked(text: str, mask: Mask) -> str:
    """Mask a personal value.

    Parameters
    ----------
    text : str
        The value.
    mask : {"name", "phone", "plate", "number"}
        What it is: a number is that of a document or a policy.

    Examples
    --------
    >>> masked("张伟", "name"), masked("欧阳正华", "name"), masked("张", "name")
    ('张*', '欧阳**', '*')
    >>> masked("13812345678", "phone"), masked("+86 138-1234-5678", "phone")
    ('138****5678', '138****5678')
    >>> masked("粤B12345", "plate"), masked("440106198001011234", "number")
    ('粤B***45', '4401**********1234')
    """
    text = text.strip()
    if mask == "name":
        surname = 2 if text.startswith(COMPOUND) and len(text) > 2 else 1
        return "*" if len(text) == 1 else text[:surname] + "*" * (len(text) - surname)
    if mask == "phone":
        return _middle(re.sub(r"\D", "", HOME_COUNTRY.sub("", text)), 3, 4)
    if mask == "plate":
        return _middle(text, 2, 2)
    return _middle(text, 4, 4)


def _middle(text: str, first: int, last: int) -> str:
    """Hide the middle of a text: at least three signs of it, or half of a short text."""
    if len(text) - first - last < LEAST_HIDDEN:
        first = last = len(text) // 4
    return text[:first] + "*" * (len(text) - first - last) + text[len(text) - last :]
