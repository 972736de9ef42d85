"""What a refused request reads: every 4xx says what is wrong and what to change."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from features.errors import GuanjiaError, UnknownNameError
from serving.auth.tokens import InvalidTokenError
from serving.events.schemas import LONGEST_NAME, MOST_EVENTS
from serving.records.contacts.caps import UnknownContactError
from serving.records.contacts.decisions import UnknownDecisionError
from serving.records.idempotency import ClientKeyConflictError
from serving.records.people.reviews import ReviewAnsweredError, UnknownReviewError
from serving.schemas import MOST_CUSTOMERS, MOST_MODELS, Refusal

_DESCRIPTIONS = {
    401: "No valid token",
    403: "The token does not allow it",
    404: "A customer or a model is not known",
    409: "It contradicts what was sent before",
    413: "The request is too large",
    422: "The request is not as declared",
    429: "Too many requests; `Retry-After` says when to come again",
    503: "Something is missing on our side",
}
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


UNKNOWN = (UnknownNameError, UnknownContactError, UnknownDecisionError, UnknownReviewError)
CONTRADICTIONS = (ClientKeyConflictError, ReviewAnsweredError)


class ForbiddenError(GuanjiaError):
    """The token is valid, and not for this."""


class TooManyError(GuanjiaError):
    """The caller asks more often than allowed.

    Attributes
    ----------
    seconds : int
        After which to ask again.
    """

    def __init__(self, thing: str, fault: str, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(thing, fault, f"ask again in {seconds} s")


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals of an endpoint, for its place in the API document."""
    return {status: {"model": Refusal, "description": _DESCRIPTIONS[status]} for status in statuses}


def refused(
    status: int, *faults: GuanjiaError, headers: Mapping[str, str] | None = None
) -> Response:
    """A 4xx that says what is wrong and what to change."""
    found = [{"thing": f.thing, "fault": f.fault, "cure": f.cure} for f in faults]
    # A name that a caller invented may hold half a surrogate pair, which UTF-8 cannot write.
    body = json.dumps({"faults": found}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/json")


def answer_refusals(app: FastAPI) -> None:
    """Have the app refuse in these words, whatever goes wrong in it."""
    app.add_exception_handler(GuanjiaError, _refuse_fault)
    app.add_exception_handler(RequestValidationError, _refuse_shape)
    app.add_exception_handler(HTTPException, _refuse_address)


def too_many(error: TooManyError) -> Response:
    """The refusal of a caller who should wait."""
    return refused(429, error, headers={"Retry-After": str(error.seconds)})


def no_json(where: str) -> GuanjiaError:
    """The fault of a body that cannot be read."""
    return GuanjiaError("body", f"is not JSON {where}", CURES["json_invalid"])


def no_address(path: str) -> GuanjiaError:
    """The fault of an address that leads nowhere."""
    return GuanjiaError(f"address {path[:LONGEST_NAME]}", "is not known", "see /docs")


def _refuse_fault(_request: Request, error: Exception) -> Response:
    """Who and what decides the status; what we lack ourselves is 503."""
    assert isinstance(error, GuanjiaError)
    if isinstance(error, TooManyError):
        return too_many(error)
    if isinstance(error, InvalidTokenError):
        return refused(401, error, headers={"WWW-Authenticate": "Bearer"})
    if isinstance(error, ForbiddenError):
        return refused(403, error)
    if isinstance(error, CONTRADICTIONS):
        return refused(409, error)
    return refused(404 if isinstance(error, UNKNOWN) else 503, error)


def _refuse_shape(_request: Request, error: Exception) -> Response:
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


def _refuse_address(request: Request, error: Exception) -> Response:
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
