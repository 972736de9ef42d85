"""What is refused, and how it is said: a status, the thing, the fault and the cure."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from features.conditions import UnknownNameError
from features.errors import GuanjiaError
from serving.event_schemas import LONGEST_NAME, MOST_EVENTS
from serving.records.caps import UnknownContactError
from serving.records.decisions import UnknownDecisionError
from serving.records.once import ClientKeyConflictError
from serving.schemas import MOST_CUSTOMERS, MOST_MODELS, Refusal

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "No valid token"},
    403: {"model": Refusal, "description": "The token does not allow this"},
    404: {"model": Refusal, "description": "A customer, model or number is not known"},
    409: {"model": Refusal, "description": "The client key stands for another request"},
    413: {"model": Refusal, "description": "The request is too large"},
    422: {"model": Refusal, "description": "The request is not as declared"},
    429: {"model": Refusal, "description": "Too many requests"},
    503: {"model": Refusal, "description": "Something is missing on our side"},
}
ALWAYS = (401, 403, 413, 422, 429, 503)
"""What every address may answer."""


class UnauthorisedError(GuanjiaError):
    """The caller did not show a valid token."""


class ForbiddenError(GuanjiaError):
    """The caller's token does not allow this."""


class TooManyError(GuanjiaError):
    """The caller asks faster than his token allows."""


class InvalidError(GuanjiaError):
    """What was sent is of the declared form and still cannot be."""


def refusals(*more: int) -> dict[int | str, dict[str, Any]]:
    """The refusals an address declares: those of all, and some of its own."""
    return {status: REFUSALS[status] for status in sorted({*ALWAYS, *more})}


def refused(
    status: int, *faults: GuanjiaError, headers: Mapping[str, str] | None = None
) -> Response:
    """A 4xx that says what is wrong and what to change."""
    found = [{"thing": f.thing, "fault": f.fault, "cure": f.cure} for f in faults]
    # A name that a caller invented may hold half a surrogate pair, which UTF-8 cannot write.
    body = json.dumps({"faults": found}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/json")


def _status(error: GuanjiaError) -> tuple[int, dict[str, str] | None]:
    """No valid token is 401, what is unknown 404; what we lack ourselves is 503."""
    if isinstance(error, UnauthorisedError):
        return 401, {"WWW-Authenticate": "Bearer"}
    if isinstance(error, ForbiddenError):
        return 403, None
    if isinstance(error, TooManyError):
        return 429, {"Retry-After": "1"}
    if isinstance(error, ClientKeyConflictError):
        return 409, None
    if isinstance(error, InvalidError):
        return 422, None
    unknown = (UnknownNameError, UnknownContactError, UnknownDecisionError)
    return (404 if isinstance(error, unknown) else 503), None


def refuse_fault(_request: Request, error: Exception) -> Response:
    """What the user can mend."""
    assert isinstance(error, GuanjiaError)
    status, headers = _status(error)
    return refused(status, error, headers=headers)


def refuse_shape(_request: Request, error: Exception) -> Response:
    """A request that is not as declared: each fault with its field, never with its content."""
    assert isinstance(error, RequestValidationError)
    faults = []
    for found in error.errors()[:10]:
        if found["type"] == "json_invalid":
            return refused(422, no_json(f"at character {found['loc'][1]}"))
        where = ".".join(str(part) for part in found["loc"][1:])[:LONGEST_NAME] or "body"
        cures = {**CURES, **LIST_CURES.get(where, {})}
        cure = cures.get(found["type"], "send what /docs declares")
        faults.append(GuanjiaError(where, found["msg"], cure))
    return refused(422, *faults)


def refuse_address(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself, in the same words as all else."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 400:
        # The one 400 FastAPI has: the body broke the JSON reader, by a huge number or deep nesting.
        return refused(422, no_json("throughout"))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "what /docs declares")
        fault = GuanjiaError(request.method, f"is not a method of {path}", f"use {allowed}")
        return refused(405, fault, headers=error.headers)
    return refused(error.status_code, no_address(path))


def no_json(where: str) -> GuanjiaError:
    """The fault of a body that cannot be read."""
    return GuanjiaError("body", f"is not JSON {where}", CURES["json_invalid"])


def no_address(path: str) -> GuanjiaError:
    """The fault of an address that leads nowhere."""
    return GuanjiaError(f"address {path[:LONGEST_NAME]}", "is not known", "see /docs")


def add_refusals(app: FastAPI) -> None:
    """Have an app refuse in these words."""
    app.add_exception_handler(GuanjiaError, refuse_fault)
    app.add_exception_handler(RequestValidationError, refuse_shape)
    app.add_exception_handler(HTTPException, refuse_address)


CURES = {
    "too_long": f"ask for at most {MOST_CUSTOMERS:,} customers in one request",
    "too_short": "name at least one customer",
    "extra_forbidden": "leave this field out",
    "missing": "add this field",
    "json_invalid": "send valid JSON",
    "bool_type": "send true or false, without quotes",
    "finite_number": "send a finite number, or leave the field out",
}
EVENT_CURES = {
    "too_long": f"send at most {MOST_EVENTS} events in one request",
    "too_short": "send at least one event",
}
LIST_CURES = {
    "events": EVENT_CURES,
    "models": {"too_long": f"name at most {MOST_MODELS} models, each once, or none for all"},
}
