"""Refuse texts that no database and no file of ours could hold: with NUL, or half a character.

Checked once for a whole request, before its fields are looked at: path, query and body alike.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from features.texts import UNFIT

NOT_UTF_8 = "is not UTF-8"
_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""Escapes of NUL and of halves of surrogate pairs, the only way for either into valid JSON."""


async def require_texts(request: Request) -> None:
    """Refuse a request with a text that cannot be stored.

    Raises
    ------
    RequestValidationError
        If there is one; it names the place and never the content.
    """
    for place, values in (("path", request.path_params), ("query", request.query_params)):
        _refuse(((place, name), value) for name, value in values.items())
    body = await request.body()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        # `json` would accept UTF-16, and halves of surrogate pairs.
        raise RequestValidationError([_fault(("body",), NOT_UTF_8)]) from None
    if _SUSPICIOUS.search(body):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return  # FastAPI says where it is no JSON
        _refuse(_texts(content, ("body",)))


def _refuse(texts: Any) -> None:
    faults = [
        _fault(place, "has a NUL character or half a surrogate pair")
        for place, text in texts
        if UNFIT.search(text)
    ]
    if faults:
        raise RequestValidationError(faults)


def _fault(place: tuple[str | int, ...], message: str) -> dict[str, Any]:
    return {"type": "unfit_text", "loc": place, "msg": message}


def _texts(content: Any, place: tuple[str | int, ...]) -> Iterator[tuple[Any, str]]:
    """Walk a JSON value: the place of every text in it, and every name of a field."""
    if isinstance(content, str):
        yield place, content
    elif isinstance(content, list):
        for number, part in enumerate(content):
            yield from _texts(part, (*place, number))
    elif isinstance(content, dict):
        for name, part in content.items():
            yield place, name
            yield from _texts(part, (*place, name))
