"""Limit requests before BentoML: address, size, time, how many at once; count and log each."""

import asyncio
import logging

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.settings import load
from serving import clock
from serving.api.door.limits import BODY_SECONDS, LARGEST_BODY, LONGEST_ADDRESS, MOST_SECONDS
from serving.api.monitoring import answer_ready
from serving.api.refusals import (
    TooManyError,
    failed,
    refuse,
    refuse_too_many,
    too_large_body,
    too_long_address,
    too_slow_body,
    took_too_long,
    unknown_address,
)
from serving.telemetry.log_lines import log_access
from serving.telemetry.metrics import count_request
from serving.telemetry.request_ids import HEADER, begin_request
from serving.telemetry.tracing import name_request, request_span

HEALTH = ("/livez", "/healthz")
READY = "/readyz"
NO_ENDPOINT = "(no endpoint)"
logger = logging.getLogger(__name__)


class RequestLimiter:
    """ASGI middleware: only addresses of the app and health checks pass, within limits.

    BentoML has pages of its own, which would answer without a token. A body is read up to the
    limit, whatever its headers say; one that is cut off is given to nobody. Beyond the limit of
    concurrent requests a request is refused at once, and one that takes too long is given up, by us
    and not by BentoML (`max_concurrency`, `timeout`), whose refusals have neither our format nor a
    time to retry. Requests whose body is still being sent are not counted, so that slow senders
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
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._inner(scope, receive, send)
            return
        if scope["path"] == READY:
            await answer_ready(self._inner, self._app, scope, receive, send)
            return
        began, status = clock.ticks(), 0
        request_id = begin_request(scope["headers"])
        id_header = HEADER, request_id.encode()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), id_header]}
            await send(message)

        with request_span(scope["method"], scope["headers"], request_id) as current:
            try:
                await self._limit(scope, receive, note_status)
            except Exception:
                logger.exception("a request failed")
                if status:
                    raise
                # BentoML would wait for an answer until its time is up.
                await refuse(500, failed())(scope, receive, note_status)
            finally:
                method, path = _declared(scope)
                endpoint, seconds = f"{method} {path}".strip(), clock.ticks() - began
                count_request(endpoint, status, seconds)
                log_access(method, path, status, seconds)
                name_request(current, endpoint, status)

    async def _limit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on with its whole body."""
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
            await refuse(414, too_long_address())(scope, receive, send)
            return
        # BentoML would refuse an address with a line break itself, in its own format.
        if "\n" in scope["path"] or all(
            route.matches(scope)[0] is Match.NONE for route in self._app.routes
        ):
            await refuse(404, unknown_address(scope["path"]))(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await read_body(receive)
        except (ConnectionError, TimeoutError):
            # Who is gone does not get it, but BentoML would wait for an answer.
            closing = {"Connection": "close"}
            await refuse(408, too_slow_body(), headers=closing)(scope, receive, send)
            return
        if body is None:
            await refuse(413, too_large_body())(scope, receive, send)
            return
        if self._working >= self._most:
            await refuse_too_many(TooManyError("service", "is busy", 1))(scope, receive, send)
            return
        self._working += 1
        try:
            # A request that is answered without waiting would be done before the next is counted.
            # So let all requests that have arrived be counted, and refused if too many, first.
            await asyncio.sleep(0)
            await self._answer_in_time(scope, body, receive, send)
        finally:
            self._working -= 1

    async def _answer_in_time(
        self, scope: Scope, body: bytes, receive: Receive, send: Send
    ) -> None:
        """Hand a request on; refuse it if no answer has begun after `MOST_SECONDS`."""
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        begun = False

        async def replay() -> Message:
            return first.pop() if first else await receive()

        async def begin(message: Message) -> None:
            nonlocal begun
            begun = True
            timer.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(MOST_SECONDS) as timer:
                await self._inner(scope, replay, begin)
        except TimeoutError:
            if begun:
                raise
            await refuse(504, took_too_long())(scope, receive, send)


def _declared(scope: Scope) -> tuple[str, str]:
    """Return method and path as they are declared, never what a caller wrote in their place."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if path is None:
        return "", NO_ENDPOINT
    method = scope["method"]
    return method if method in (getattr(route, "methods", None) or ()) else "", path


async def read_body(receive: Receive) -> bytes | None:
    """Read the whole body; None as soon as it is larger than `LARGEST_BODY`.

    Raises
    ------
    ConnectionError
        If the caller is gone before the end.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)
