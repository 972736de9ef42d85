"""Refuse unknown addresses, large bodies and too many requests at once, before BentoML."""

import asyncio

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import GuanjiaError
from features.settings import load
from serving.api.monitoring import answer_ready
from serving.api.refusals import (
    CURES,
    EVENT_CURES,
    TooManyError,
    refuse,
    refuse_too_many,
    unknown_address,
)

LARGEST_BODY = 256 * 1024
HEALTH = ("/livez", "/healthz")
READY = "/readyz"


class RequestLimiter:
    """ASGI middleware: only addresses of the app and health checks pass, within limits.

    BentoML has pages of its own, which would answer without a token. A body is read up to the
    limit, whatever its headers say. Beyond the limit of concurrent requests a request is refused
    at once, by us and not by BentoML (`max_concurrency`), whose refusal has neither our format nor
    a time to retry. Requests whose body is still being sent are not counted, so that slow senders
    block nobody.

    Parameters
    ----------
    inner : ASGIApp
        BentoML's app.
    app : FastAPI
        The app whose addresses are open.
    """

    def __init__(self, inner: ASGIApp, app: FastAPI) -> None:
        self._inner = inner
        self._app = app
        self._most = load().most_concurrent
        self._working = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        if scope["path"] == READY:
            await answer_ready(self._inner, self._app, scope, receive, send)
            return
        if scope["path"] in HEALTH:
            await self._inner(scope, receive, send)
            return
        # BentoML would refuse an address with a line break itself, in its own format.
        if "\n" in scope["path"] or all(
            route.matches(scope)[0] is Match.NONE for route in self._app.routes
        ):
            await refuse(404, unknown_address(scope["path"]))(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            cure = f"{CURES['too_long']}, or {EVENT_CURES['too_long']}"
            fault = GuanjiaError("request", "is too large", cure)
            await refuse(413, fault)(scope, receive, send)
            return
        if self._working >= self._most:
            await refuse_too_many(TooManyError("service", "is busy", 1))(scope, receive, send)
            return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return first.pop() if first else await receive()

        self._working += 1
        try:
            # A request that is answered without waiting would be done before the next is counted.
            # So let all requests that have arrived be counted, and refused if too many, first.
            await asyncio.sleep(0)
            await self._inner(scope, replay, send)
        finally:
            self._working -= 1


async def read_body(receive: Receive) -> bytes | None:
    """Read the whole body; None as soon as it is larger than `LARGEST_BODY`."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)
