"""What every request passes before BentoML and the app see it: address, size, how many at once."""

import asyncio

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import GuanjiaError
from features.settings import load
from serving.api.refusals import (
    CURES,
    EVENT_CURES,
    TooManyError,
    no_address,
    refused,
    too_many,
)

LARGEST_BODY = 256 * 1024
HEALTH = ("/livez", "/healthz", "/readyz")


class Gate:
    """Only the addresses of `app` and the health checks are open.

    BentoML has pages of its own, which would answer without a token. A body is read up to the
    limit, whatever its headers say of it. What comes while as many requests are worked on as one
    process can is refused at once, by us and not by BentoML (`max_concurrency`), whose refusal has
    neither our words nor a time to come again. Whoever still sends his body is not counted: slow
    senders shut nobody out.

    Parameters
    ----------
    inner : ASGIApp
        BentoML's.
    app : FastAPI
        Has the addresses.
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
        if scope["path"] in HEALTH:
            await self._inner(scope, receive, send)
            return
        # BentoML does not hand on an address with a line break, and says so in its own words.
        if "\n" in scope["path"] or all(
            route.matches(scope)[0] is Match.NONE for route in self._app.routes
        ):
            await refused(404, no_address(scope["path"]))(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            cure = f"{CURES['too_long']}, or {EVENT_CURES['too_long']}"
            fault = GuanjiaError("request", "is too large", cure)
            await refused(413, fault)(scope, receive, send)
            return
        if self._working >= self._most:
            await too_many(TooManyError("service", "is busy", 1))(scope, receive, send)
            return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return first.pop() if first else await receive()

        self._working += 1
        try:
            # What is answered at once would be gone before the next request is counted; so all that
            # have arrived are counted first, and those that are too many hear so.
            await asyncio.sleep(0)
            await self._inner(scope, replay, send)
        finally:
            self._working -= 1


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None as soon as it is larger than 1,000 customers need."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)
