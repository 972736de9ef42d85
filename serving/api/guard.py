"""What a request passes before its endpoint sees it: token, rate, scope. The body comes after.

A resource declares its endpoints on a router of `guarded()`; the scope of each is in
`serving.auth.access`, and an endpoint without one does not start.
"""

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

from features.settings import Settings
from serving import clock
from serving.api.rate_limit import RateLimit
from serving.api.refusals import ForbiddenError, TooManyError, declared
from serving.auth.access import Caller, scope_of
from serving.auth.tokens import InvalidTokenError, may_wait, read_token

EXTRA, NOT_KNOWN = "extra_forbidden", "Extra inputs are not permitted"
bearer = HTTPBearer(auto_error=False, description="What `guanjia token` prints.")


@dataclass(frozen=True)
class Read:
    """Who asked for, or told of, which customers.

    Attributes
    ----------
    subject : str
        Of the token.
    endpoint : str
        As `serving.auth.access.ENDPOINTS` names it: "POST /predict".
    customer_ids : tuple of str
        Each once, in the order of the request.
    """

    subject: str
    endpoint: str
    customer_ids: tuple[str, ...]


OnRead = Callable[[Read], None]
"""Called before the answer is given; what it raises becomes the answer."""


def guarded() -> APIRouter:
    """A router whose endpoints ask for a token of their scope."""
    return APIRouter(route_class=_Guarded)


def caller(request: Request) -> Caller:
    """Whose request it is; in an endpoint of a guarded router."""
    found: Caller = request.state.caller
    return found


def note(request: Request, customer_ids: Iterable[str]) -> None:
    """Hand over who is about to read of which customers, to whoever keeps such records.

    Call it when the answer is made and before it is given: what cannot be noted is not told.
    """
    endpoint = f"{request.method} {request.scope['route'].path}"
    on_read: OnRead = request.app.state.on_read
    on_read(Read(caller(request).subject, endpoint, tuple(dict.fromkeys(customer_ids))))


class _Guarded(APIRoute):
    """A route that asks who is there before it reads the body; FastAPI does it afterwards."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        (method,) = more["methods"]
        self.scope = scope_of(method, path)
        more["responses"] = declared(401, 403, 422, 429) | (more.get("responses") or {})
        # `bearer` is a dependency for the API document alone: the route has asked already.
        more["dependencies"] = [
            *(one for one in more.get("dependencies") or () if one.dependency is not bearer),
            Security(bearer, scopes=[self.scope]),
        ]
        super().__init__(path, endpoint, **more)
        self.queries = {one.alias for one in self.dependant.query_params}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, behind the guard."""
        handler = super().get_route_handler()

        async def behind(request: Request) -> Response:
            found = await _caller(request)
            limit: RateLimit | None = request.app.state.rate_limit
            if limit is not None:
                _hold_back(limit, found)
            if self.scope not in found.scopes:
                raise ForbiddenError(
                    "token",
                    f"does not have the scope {self.scope}",
                    f"get one with `guanjia token --scope {self.scope}`, or whoever issues yours",
                )
            request.state.caller = found
            unknown = [name for name in request.query_params if name not in self.queries]
            if unknown:
                raise RequestValidationError(
                    [{"type": EXTRA, "loc": ("query", one), "msg": NOT_KNOWN} for one in unknown]
                )
            response = await handler(request)
            # What is told of customers is for the caller alone, not for what lies between.
            response.headers["Cache-Control"] = "no-store"
            return response

        return behind


async def _caller(request: Request) -> Caller:
    credentials = await bearer(request)
    if credentials is None:
        cure = "send `Authorization: Bearer ...` with what `guanjia token` prints"
        raise InvalidTokenError("request", "has no bearer token", cure)
    settings: Settings = request.app.state.service.lake.settings
    token = credentials.credentials
    if may_wait(settings, token):
        return await run_in_threadpool(read_token, settings, token)
    return read_token(settings, token)


def _hold_back(limit: RateLimit, found: Caller) -> None:
    seconds = limit.wait(found.subject, clock.ticks())
    if seconds:
        raise TooManyError("token", "is used too often", math.ceil(seconds))
