"""`GET /v1/touchpoints` and `GET /v1/tags`: the catalogues, for programs that show them."""

import hashlib
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from features.errors import unknown_name
from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from serving.api.guard import guarded
from serving.api.refusals import declared
from serving.schemas import Message
from serving.touchpoints.catalogue import STAGES, Catalogue
from serving.touchpoints.fields import Touchpoint

router = guarded()
Where = Annotated[str | None, Query(min_length=1, max_length=64)]
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"schema": {"type": "string"}, "description": "Of this answer."}}},
    304: {"description": "The catalogue is that of `If-None-Match`"},
}


class TouchpointsTold(Message):
    """The touchpoints there are for customers of a branch and a stage."""

    version: str = Field(description="As decisions name it: what is shipped and the home changes.")
    branch: str | None
    stage: str | None
    touchpoints: dict[str, Touchpoint] = Field(description="By name, in the catalogue's order.")


class TagTold(Message):
    """One tag."""

    name: str
    label: str = Field(description="Chinese name.")
    definition: str
    unit: str
    window: str
    null: str = Field(description="What null means.")
    group: str
    type: Literal["int64", "float64", "string", "boolean"]


class TagsTold(Message):
    """Every tag."""

    version: str = Field(description="A hash of the catalogue.")
    tags: list[TagTold]


@router.get(
    "/v1/touchpoints",
    response_model=TouchpointsTold,
    responses={**declared(404, 422, 503), **ANSWERS},
)
def touchpoints(request: Request, branch: Where = None, stage: Where = None) -> Response:
    """The touchpoints as they are for a branch and a stage, or where nothing else is said."""
    known: Catalogue = request.app.state.touchpoints
    if stage is not None and stage not in STAGES:
        raise unknown_name("stage", stage, STAGES)
    return _told(
        request,
        TouchpointsTold(
            version=request.app.state.touchpoint_source.version,
            branch=branch,
            stage=stage,
            touchpoints=known.touchpoints_for(branch, stage),
        ),
    )


@router.get("/v1/tags", response_model=TagsTold, responses={**declared(503), **ANSWERS})
def tags(request: Request) -> Response:
    """Every tag with its definition, unit, window, and the meaning of null."""
    told = [_tag(one) for one in catalogue().values()]
    text = "\0".join(one.model_dump_json() for one in told)
    return _told(request, TagsTold(version=_hash(text), tags=told))


def _tag(tag: Tag) -> TagTold:
    return TagTold(**{name: getattr(tag, name) for name in TagTold.model_fields})


def _told(request: Request, answer: BaseModel) -> Response:
    """The answer with its entity tag, or 304 if the caller has it."""
    body = answer.model_dump_json()
    etag = f'"{_hash(body)}"'
    held = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    if etag in held or f"W/{etag}" in held:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(body, media_type="application/json", headers={"ETag": etag})


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
