"""Build refusals: every 4xx answer says what is wrong and what to change."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from features.errors import GuanjiaError, UnknownNameError
from serving.auth.tokens import InvalidTokenError
from serving.decision.schemas import UnknownWordError
from serving.events.schemas import LONGEST_NAME, MOST_EVENTS
from serving.records.contacts.caps import UnknownContactError
from serving.records.contacts.decisions import UnknownDecisionError
from serving.records.idempotency import ClientKeyConflictError
from serving.records.people.reviews import ReviewAnsweredError, UnknownReviewError
from serving.schemas import MOST_CUSTOMERS, MOST_MODELS, Refusal

_DESCRIPTIONS = {
    401: "No valid token",
    403: "The token does not allow it",
    404: "Something that the request names is not known",
    409: "The request contradicts an earlier one",
    413: "The request is too large",
    422: "The request is not as declared",
    429: "Too many requests; `Retry-After` says when to try again",
    503: "The service lacks data or a database; the caller need not change the request",
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
    """The token is valid but does not have the scope."""


class TooManyError(GuanjiaError):
    """The caller sends requests more often than allowed.

    Attributes
    ----------
    seconds : int
        Seconds to wait before the next request.
    """

    def __init__(self, thing: str, fault: str, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(thing, fault, f"ask again in {seconds} s")


def refusal_schemas(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """List the refusals of an endpoint for the API document."""
    return {status: {"model": Refusal, "description": _DESCRIPTIONS[status]} for status in statuses}


def refuse(
    status: int, *faults: GuanjiaError, headers: Mapping[str, str] | None = None
) -> Response:
    """Build a refusal.

    Parameters
    ----------
    status : int
        HTTP status.
    *faults : GuanjiaError
        What is wrong, and what to change.
    headers : mapping, optional
        Further HTTP headers.
    """
    items = [{"thing": f.thing, "fault": f.fault, "cure": f.cure} for f in faults]
    # A name from a caller may contain a lone surrogate, which UTF-8 cannot encode.
    body = json.dumps({"faults": items}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/json")


def answer_refusals(app: FastAPI) -> None:
    """Make the app answer errors in this format."""
    app.add_exception_handler(GuanjiaError, _refuse_fault)
    app.add_exception_handler(RequestValidationError, _refuse_shape)
    app.add_exception_handler(HTTPException, _refuse_address)


def refuse_too_many(error: TooManyError) -> Response:
    """Refuse a caller who must wait."""
    return refuse(429, error, headers={"Retry-After": str(error.seconds)})


def invalid_json(where: str) -> GuanjiaError:
    """Describe a body that is not JSON."""
    return GuanjiaError("body", f"is not JSON {where}", CURES["json_invalid"])


def unknown_address(path: str) -> GuanjiaError:
    """Describe an address that does not exist."""
    return GuanjiaError(f"address {path[:LONGEST_NAME]}", "is not known", "see /docs")


def _refuse_fault(_request: Request, error: Exception) -> Response:
    """Refuse by the type of the error; an error that is not the caller's fault is 503."""
    assert isinstance(error, GuanjiaError)
    if isinstance(error, TooManyError):
        return refuse_too_many(error)
    if isinstance(error, InvalidTokenError):
        return refuse(401, error, headers={"WWW-Authenticate": "Bearer"})
    if isinstance(error, ForbiddenError):
        return refuse(403, error)
    if isinstance(error, UnknownWordError):
        return refuse(422, error)
    if isinstance(error, CONTRADICTIONS):
        return refuse(409, error)
    return refuse(404 if isinstance(error, UNKNOWN) else 503, error)


def _refuse_shape(_request: Request, error: Exception) -> Response:
    """Refuse a request that is not as declared; name the fields, never repeat their content."""
    assert isinstance(error, RequestValidationError)
    faults = []
    for details in error.errors()[:10]:
        if details["type"] == "json_invalid":
            return refuse(422, invalid_json(f"at character {details['loc'][1]}"))
        field = ".".join(str(part) for part in details["loc"][1:])[:LONGEST_NAME] or "body"
        cures = {**CURES, **LIST_CURES.get(field, {})}
        cure = cures.get(details["type"], "send what /docs declares")
        faults.append(GuanjiaError(field, details["msg"], cure))
    return refuse(422, *faults)


def _refuse_address(request: Request, error: Exception) -> Response:
    """Refuse in our format what FastAPI refuses itself: address, method, unreadable body."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 400:
        # FastAPI's only 400: the JSON reader failed on a huge number or deep nesting.
        return refuse(422, invalid_json("throughout"))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "what /docs declares")
        fault = GuanjiaError(request.method, f"is not a method of {path}", f"use {allowed}")
        return refuse(405, fault, headers=error.headers)
    return refuse(error.status_code, unknown_address(path))
