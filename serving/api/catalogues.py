"""`GET /v1/touchpoints` and `GET /v1/tags`: catalogues for programs that display them."""

import hashlib
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from features.dictionary.phrases import CHINESE, phrases_of
from features.errors import unknown_name
from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from serving.api.guard import guarded
from serving.api.refusals import refusal_schemas
from serving.schemas import NO_NUL, Message
from serving.touchpoints.catalogue import STAGES, Catalogue
from serving.touchpoints.fields import Touchpoint

router = guarded()
Name = Annotated[str | None, Query(min_length=1, max_length=64, pattern=NO_NUL)]
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "ETag": {"schema": {"type": "string"}, "description": "Entity tag of this answer."}
        }
    },
    304: {"description": "The catalogue still has the entity tag of `If-None-Match`"},
}


class TouchpointsTold(Message):
    """The touchpoints for customers of a branch and a life cycle stage."""

    version: str = Field(description="Version of the catalogue, as decisions name it.")
    branch: str | None
    stage: str | None
    touchpoints: dict[str, Touchpoint] = Field(description="By name, in the catalogue's order.")


class TagInChinese(Message):
    """What a tag is, in Chinese; null where an extension declares it in English alone."""

    definition: str | None
    unit: str | None
    window: str | None
    null: str | None = Field(description="What null means.")


class TagTold(Message):
    """A tag of the catalogue."""

    name: str
    label: str = Field(description="Chinese name.")
    definition: str
    unit: str
    window: str
    null: str = Field(description="What null means.")
    chinese: TagInChinese
    group: str
    type: Literal["int64", "float64", "string", "boolean"]


class TagsTold(Message):
    """All tags."""

    version: str = Field(description="A hash of the catalogue.")
    tags: list[TagTold]


@router.get(
    "/v1/touchpoints",
    response_model=TouchpointsTold,
    responses={**refusal_schemas(404, 422, 503), **ANSWERS},
)
def touchpoints(request: Request, branch: Name = None, stage: Name = None) -> Response:
    """List the touchpoints for a branch and a stage; without them, the general variants.

    \f
    Parameters
    ----------
    request : Request
        The request.
    branch, stage : str, optional
        Names of a branch and of a life cycle stage.

    Raises
    ------
    UnknownNameError
        If there is no such stage.
    """
    known: Catalogue = request.app.state.touchpoints
    if stage is not None and stage not in STAGES:
        raise unknown_name("stage", stage, STAGES)
    return _with_entity_tag(
        request,
        TouchpointsTold(
            version=request.app.state.touchpoint_source.version,
            branch=branch,
            stage=stage,
            touchpoints=known.touchpoints_for(branch, stage),
        ),
    )


@router.get("/v1/tags", response_model=TagsTold, responses={**refusal_schemas(503), **ANSWERS})
def tags(request: Request) -> Response:
    """List all tags with definition, unit, window, and the meaning of null, also in Chinese."""
    entries = [_tag(tag) for tag in catalogue().values()]
    text = "\0".join(entry.model_dump_json() for entry in entries)
    return _with_entity_tag(request, TagsTold(version=_hash(text), tags=entries))


def _tag(tag: Tag) -> TagTold:
    fields = {name: getattr(tag, name) for name in TagTold.model_fields if name != "chinese"}
    words = {
        name: phrase.text if phrase.language == CHINESE else None
        for name, phrase in vars(phrases_of(tag, CHINESE)).items()
    }
    return TagTold(**fields, chinese=TagInChinese(**words))


def _with_entity_tag(request: Request, answer: BaseModel) -> Response:
    """Respond with the answer and its entity tag, or 304 if the caller has that already."""
    body = answer.model_dump_json()
    etag = f'"{_hash(body)}"'
    cached = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in cached or f"W/{etag}" in cached:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(body, media_type="application/json", headers={"ETag": etag})


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
