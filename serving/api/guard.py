"""Check token, rate and scope of a request before its body is read.

A resource declares its endpoints on a router of `guarded()`; the scope of each is in
`serving.auth.access`, and an endpoint without one does not start.
"""

import logging
import math
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from features.errors import GuanjiaError
from features.settings import Settings
from serving import clock
from serving.api.door.limits import LONGEST_TOKEN
from serving.api.door.rate_limit import RateLimit
from serving.api.door.texts import require_texts
from serving.api.refusals import ForbiddenError, TooManyError, failed, refusal_schemas, refuse
from serving.auth.access import Caller, scope_of
from serving.auth.tokens import InvalidTokenError, may_wait, read_token
from serving.telemetry.log_lines import hide_body_in_log, hide_in_log
from serving.telemetry.tracing import span

logger = logging.getLogger(__name__)
EXPECTED = (GuanjiaError, RequestValidationError, HTTPException)
"""Errors that `serving.api.refusals` answers."""
EXTRA, NOT_KNOWN = "extra_forbidden", "Extra inputs are not permitted"
EVERYWHERE = (401, 403, 408, 414, 422, 429, 431, 503, 504)
"""Refusals that any endpoint may give."""
bearer = HTTPBearer(auto_error=False, description="What `guanjia token` prints.")


@dataclass(frozen=True)
class Read:
    """Which customers a caller read or reported on.

    Attributes
    ----------
    subject : str
        Subject of the token.
    endpoint : str
        As `serving.auth.access.ENDPOINTS` names it: "POST /predict".
    customer_ids : tuple of str
        Each once, in the order of the request.
    """

    subject: str
    endpoint: str
    customer_ids: tuple[str, ...]


OnRead = Callable[[Read], None]
"""Called before the answer is sent; an error that it raises becomes the answer."""


def guarded() -> APIRouter:
    """Create a router whose endpoints require a token with their scope."""
    return APIRouter(route_class=_GuardedRoute)


def caller(request: Request) -> Caller:
    """Return the caller of a request, in an endpoint of a guarded router."""
    sender: Caller = request.state.caller
    return sender


def note(request: Request, customer_ids: Iterable[str]) -> None:
    """Note that the caller is about to read data of customers, by calling `app.state.on_read`.

    Call it after the answer is built and before it is sent: if it fails, no data is given out.
    """
    endpoint = f"{request.method} {request.scope['route'].path}"
    on_read: OnRead = request.app.state.on_read
    on_read(Read(caller(request).subject, endpoint, tuple(dict.fromkeys(customer_ids))))


class _GuardedRoute(APIRoute):
    """A route that authenticates before it reads the body; FastAPI would read the body first."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        (method,) = more["methods"]
        self.scope = scope_of(method, path)
        responses = more.get("responses") or {}
        more["responses"] = refusal_schemas(*EVERYWHERE) | responses
        # `bearer` is a dependency for the API document alone: the route checks the token itself.
        others = more.get("dependencies") or ()
        more["dependencies"] = [
            *(dependency for dependency in others if dependency.dependency is not bearer),
            Security(bearer, scopes=[self.scope]),
        ]
        super().__init__(path, endpoint, **more)
        self.queries = {parameter.alias for parameter in self.dependant.query_params}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler with the checks."""
        handler = super().get_route_handler()
        path, method = self.path, next(iter(self.methods or ()))

        async def guarded_handler(request: Request) -> Response:
            with span("door"):
                await self._check(request)
            try:
                # All that the request reads is of one published day.
                with request.app.state.service.lake.one_day():
                    response = await handler(request)
            except EXPECTED:
                raise
            except Exception:
                # Here, and not by the server: only here it is known whose numbers to hide.
                logger.exception("%s %s failed and is answered 500", method, path)
                return refuse(500, failed())
            # Data of customers is for the caller alone: no proxy may cache it.
            response.headers["Cache-Control"] = "no-store"
            return response

        return guarded_handler

    async def _check(self, request: Request) -> None:
        """Check token, rate, scope, query and texts of a request, and note whom it names."""
        sender = await _authenticate(request)
        limit: RateLimit | None = request.app.state.rate_limit
        if limit is not None:
            _limit_rate(limit, sender)
        if self.scope not in sender.scopes:
            raise ForbiddenError(
                "token",
                f"does not have the scope {self.scope}",
                f"get one with `guanjia token --scope {self.scope}`, or from the issuer of"
                " your token",
            )
        request.state.caller = sender
        unknown = [name for name in request.query_params if name not in self.queries]
        if unknown:
            raise RequestValidationError(
                [{"type": EXTRA, "loc": ("query", name), "msg": NOT_KNOWN} for name in unknown]
            )
        await require_texts(request)
        hide_in_log([request.path_params.get("customer_id", "")])
        hide_body_in_log(await request.body())


async def _authenticate(request: Request) -> Caller:
    """Verify the bearer token of a request, in a thread if keys must be fetched."""
    credentials = await bearer(request)
    if credentials is None:
        cure = "send `Authorization: Bearer ...` with what `guanjia token` prints"
        raise InvalidTokenError("request", "has no bearer token", cure)
    settings: Settings = request.app.state.service.lake.settings
    token = credentials.credentials
    if len(token) > LONGEST_TOKEN:
        cure = "ask its issuer for one with fewer claims"
        raise InvalidTokenError("token", f"is longer than {LONGEST_TOKEN // 1024} kB", cure)
    if may_wait(settings, token):
        return await run_in_threadpool(read_token, settings, token)
    return read_token(settings, token)


def _limit_rate(limit: RateLimit, sender: Caller) -> None:
    seconds = limit.wait(sender.subject, clock.ticks())
    if seconds:
        raise TooManyError("token", "is used too often", math.ceil(seconds))
