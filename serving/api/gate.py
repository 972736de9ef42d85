"""What every request passes before anything else sees it: known addresses, and bodies of a size."""

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import GuanjiaError
from serving.api.refusals import CURES, EVENT_CURES, no_address, refused

LARGEST_BODY = 256 * 1024
HEALTH = ("/livez", "/healthz", "/readyz")


class Gate:
    """What every request passes before BentoML and the app see it.

    Only the addresses of the app and the health checks are open: BentoML has pages of its own, that
    would answer without a token. A body is read up to the limit, whatever its headers say of it.
    """

    def __init__(self, inner: ASGIApp, app: FastAPI) -> None:
        self.inner = inner
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        ours = any(route.matches(scope)[0] is not Match.NONE for route in self.app.routes)
        if not ours and scope["path"] not in HEALTH:
            await refused(404, no_address(scope["path"]))(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            cure = f"{CURES['too_long']}, or {EVENT_CURES['too_long']}"
            fault = GuanjiaError("request", "is too large", cure)
            await refused(413, fault)(scope, receive, send)
            return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return first.pop() if first else await receive()

        await self.inner(scope, replay, send)


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
