"""Show how old the tags are: in `/readyz`, and as a metric in Prometheus's text format."""

import json
from typing import Any

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import clock
from serving.api.guard import guarded
from serving.api.refusals import refusal_schemas
from serving.predictions.tags_date import TagsDate

router = guarded()


@router.get(
    "/v1/metrics",
    response_class=Response,
    responses={
        **refusal_schemas(503),
        200: {
            "content": {"text/plain": {"example": "guanjia_tags_age_days 1\n"}},
            "description": "Metrics in Prometheus's text format",
        },
    },
)
def metrics(request: Request) -> PlainTextResponse:
    """Show the age of the tags, for Prometheus: an old one says that the daily run fails."""
    age = _tags(request.app)["age_days"]
    lines = [
        "# HELP guanjia_tags_age_days Days from the date of the tags to today: 1 on the day after.",
        "# TYPE guanjia_tags_age_days gauge",
        f"guanjia_tags_age_days {'NaN' if age is None else age}",
    ]
    return PlainTextResponse("\n".join(lines) + "\n")


async def answer_ready(
    inner: ASGIApp, app: Any, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer `/readyz` as BentoML does, and say in its body how old the tags are.

    Parameters
    ----------
    inner : ASGIApp
        BentoML's app, which knows whether the service is ready.
    app : FastAPI
        The app whose state has the date of the tags.
    scope, receive, send
        As ASGI gives them.
    """
    body = json.dumps({"tags": _tags(app)}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    ready = False

    async def with_body(message: Message) -> None:
        nonlocal ready
        if message["type"] == "http.response.start":
            ready = message["status"] == 200
            if ready:
                message = {**message, "headers": headers}
        elif ready:
            message = {"type": "http.response.body", "body": body}
        await send(message)

    await inner(scope, receive, with_body)


def _tags(app: Any) -> dict[str, Any]:
    """Return date and age of the tags that are read now."""
    tags_date: TagsDate | None = getattr(app.state, "tags_date", None)
    if tags_date is None or tags_date.as_of is None:
        return {"as_of": None, "age_days": None}
    now = clock.now(app.state.service.lake.settings)
    return {"as_of": tags_date.as_of.isoformat(), "age_days": tags_date.age_days(now)}
