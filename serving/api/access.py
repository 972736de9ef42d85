"""Who may ask what: a bearer token first, then its scope, its branches and its rate.

Every route is made by `resource` and has a scope; none is open. The token is asked before the body
is read; FastAPI would do it afterwards.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from features.errors import GuanjiaError
from serving.api.rate import Allowances
from serving.api.refusals import ForbiddenError, TooManyError, UnauthorisedError
from serving.tokens import Caller, read_token

bearer = HTTPBearer(auto_error=False, description="What `guanjia token` prints.")


def resource(scope: str, tag: str) -> APIRouter:
    """A router whose routes ask for a token of this scope (`serving.tokens.SCOPES`)."""

    class Guarded(APIRoute):
        """A route behind the token."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """FastAPI's own handler, behind the token."""
            handler = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                request.state.caller = await admitted(request, scope)
                return await handler(request)

            return guarded

    # `bearer` is a dependency for the API document alone: the route has asked already.
    return APIRouter(route_class=Guarded, dependencies=[Depends(bearer)], tags=[tag])


async def admitted(request: Request, scope: str) -> Caller:
    """The caller, if his token is valid, allows this and is not asked too often."""
    credentials = await bearer(request)
    if credentials is None:
        cure = "send `Authorization: Bearer ...` with what `guanjia token` prints"
        raise UnauthorisedError("request", "has no bearer token", cure)
    state = request.app.state
    try:
        caller = read_token(state.door.lake.settings, credentials.credentials)
    except GuanjiaError as error:
        raise UnauthorisedError(error.thing, error.fault, error.cure) from None
    if scope not in caller.scopes:
        cure = f"get a token with `guanjia token --scope {scope}`"
        raise ForbiddenError("token", f"does not allow {scope}", cure)
    allowances: Allowances = state.allowances
    if not allowances.take(caller.subject, time.monotonic()):
        cure = "ask for more customers in one request, or less often"
        raise TooManyError(f"token of {caller.subject}", "is used too often", cure)
    return caller


def caller_of(request: Request) -> Caller:
    """Who asks, in a route of a `resource`."""
    found: Caller = request.state.caller
    return found
