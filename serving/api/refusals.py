"""Build refusals: every 4xx answer says what is wrong and what to change."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from features.errors import GuanjiaError, InputError, UnknownNameError, Words
from serving.api.door.limits import (
    BODY_SECONDS,
    LARGEST_BODY,
    LARGEST_HEAD,
    LONGEST_ADDRESS,
    MOST_SECONDS,
)
from serving.auth.tokens import InvalidTokenError
from serving.campaigns.plan import PlanFaultError
from serving.campaigns.store import CampaignStateError, UnknownCampaignError
from serving.decision.schemas import UnknownWordError
from serving.events.schemas import LONGEST_NAME, MOST_EVENTS
from serving.lists.definitions.definition import ListDefinitionError
from serving.lists.definitions.versions import VersionConflictError
from serving.lists.released.releases import ReleaseRefusedError, UnknownReleaseError
from serving.predictions.unknown_customers import UnknownCustomerError
from serving.records.contacts.caps import UnknownContactError
from serving.records.contacts.decisions import UnknownDecisionError
from serving.records.idempotency import ClientKeyConflictError
from serving.records.people.reviews import ReviewAnsweredError, UnknownReviewError
from serving.reports.kinds import ReportDayError
from serving.schemas import MOST_CUSTOMERS, MOST_MODELS, Refusal
from serving.telemetry.metrics import count_unknown

_DESCRIPTIONS = {
    401: "No valid token",
    403: "The token does not allow it",
    404: "Something that the request names is not known",
    408: f"The body did not arrive within {BODY_SECONDS} seconds",
    409: "The request contradicts an earlier one",
    413: f"The body is larger than {LARGEST_BODY // 2**20} MB",
    414: f"Path and query are longer than {LONGEST_ADDRESS // 1024} kB",
    422: "The request is not as declared",
    429: "Too many requests; `Retry-After` says when to try again",
    431: f"Address and headers are larger than {LARGEST_HEAD // 1024} kB",
    503: "The service lacks data or a database; the caller need not change the request",
    504: f"No answer within {MOST_SECONDS} seconds; what was asked may still be done",
}
CURES = {
    "too_long": f"ask for at most {MOST_CUSTOMERS:,} customers in one request",
    "too_short": "name at least one customer",
    "extra_forbidden": "leave this field out",
    "missing": "add this field",
    "json_invalid": "send valid JSON",
    "bool_type": "send true or false, without quotes",
    "unfit_text": "send text in UTF-8, without NUL and halves of surrogate pairs",
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


UNKNOWN = (
    UnknownNameError,
    UnknownContactError,
    UnknownDecisionError,
    UnknownReviewError,
    UnknownCampaignError,
    UnknownReleaseError,
)
CONTRADICTIONS = (
    ClientKeyConflictError,
    ReviewAnsweredError,
    CampaignStateError,
    ReleaseRefusedError,
    VersionConflictError,
)


class ForbiddenError(GuanjiaError):
    """The token is valid but does not have the scope."""


class TooManyError(GuanjiaError):
    """The caller sends requests more often than allowed.

    Attributes
    ----------
    seconds : int
        Seconds to wait before the next request.
    """

    def __init__(
        self, thing: str, fault: str, seconds: int, *, chinese: Words | None = None
    ) -> None:
        self.seconds = seconds
        super().__init__(thing, fault, f"ask again in {seconds} s", chinese=chinese)


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


def too_large_body() -> GuanjiaError:
    """Describe a body above the limit."""
    cure = f"send at most {LARGEST_BODY // 2**20} MB in one request"
    return GuanjiaError("request", "is too large", cure)


def too_slow_body() -> GuanjiaError:
    """Describe a body that does not arrive."""
    fault = f"did not arrive within {BODY_SECONDS} s"
    return GuanjiaError("body", fault, "send it at once, or in smaller requests")


def too_long_address() -> GuanjiaError:
    """Describe an address above the limit."""
    return GuanjiaError("address", f"is longer than {LONGEST_ADDRESS // 1024} kB", "see /docs")


def took_too_long() -> GuanjiaError:
    """Describe an answer that does not come in time."""
    cure = "ask for less at once; repeat a write with the same client_key, so that it is done once"
    return GuanjiaError("answer", f"did not begin within {MOST_SECONDS} s", cure)


def failed() -> GuanjiaError:
    """Describe a fault of ours."""
    cure = "tell whoever runs it the time of the request; the log has the reason"
    chinese = "服务", "出错，没有结果", "请把现在的时间告诉运行人员，日志里有原因"
    return GuanjiaError("service", "failed", cure, chinese=chinese)


def unknown_address(path: str) -> GuanjiaError:
    """Describe an address that does not exist."""
    return GuanjiaError(f"address {path[:LONGEST_NAME]}", "is not known", "see /docs")


def status_of(error: GuanjiaError) -> int:
    """Return the status of an error; one that is not the caller's fault is 503."""
    by_type = (
        (InvalidTokenError, 401),
        (ForbiddenError, 403),
        ((InputError, UnknownWordError, PlanFaultError, ListDefinitionError, ReportDayError), 422),
        (UNKNOWN, 404),
        (CONTRADICTIONS, 409),
        (TooManyError, 429),
    )
    return next((status for types, status in by_type if isinstance(error, types)), 503)


def _refuse_fault(request: Request, error: Exception) -> Response:
    """Refuse by the type of the error; an error that is not the caller's fault is 503."""
    assert isinstance(error, GuanjiaError)
    if isinstance(error, TooManyError):
        return refuse_too_many(error)
    if isinstance(error, UnknownCustomerError):
        count_unknown(f"{request.method} {request.scope['route'].path}", error.customers)
    status = status_of(error)
    challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return refuse(status, error, headers=challenge)


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
