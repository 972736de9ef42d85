"""`/v1/conditions`: read conditions as people type or build them, and count who meets them."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import Request
from pydantic import ConfigDict, Field

from serving.api.guard import guarded
from serving.api.marketing.counted import ConditionCounted, tell_condition
from serving.api.marketing.opened_lists import opened
from serving.api.refusals import refusal_schemas
from serving.lists.conditions.counting import Overlap
from serving.schemas import NO_NUL, Message

router = guarded()
MOST_CONDITIONS = 20
Written = Annotated[str, Field(min_length=1, max_length=2_000, pattern=NO_NUL)] | dict[str, Any]
EXAMPLE = "渠道 = 代理 且 星级 ≥ 3 且 续保概率 < 60%"


class ConditionsAsked(Message):
    """Conditions to count: texts as people type them, or nested groups."""

    model_config = ConfigDict(json_schema_extra={"example": {"conditions": [EXAMPLE]}})

    conditions: Annotated[list[Written], Field(min_length=1, max_length=MOST_CONDITIONS)]
    as_of: date | None = Field(default=None, description="Date of the tags; default: the latest.")


class ConditionsCounted(Message):
    """Counts of conditions, in the order of the request."""

    conditions: list[ConditionCounted]


class OverlapAsked(Message):
    """Conditions by a name of the caller's."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"conditions": {"gold": "星级 ≥ 3", "agents": "渠道 = 代理"}}}
    )

    conditions: Annotated[dict[str, Written], Field(min_length=1, max_length=MOST_CONDITIONS)]
    as_of: date | None = Field(default=None, description="Date of the tags; default: the latest.")


class OverlapCounted(Message):
    """Customers who meet each condition, each pair of them, and any."""

    as_of: date
    of: int = Field(description="Customers whom the token may see.")
    sizes: dict[str, int]
    shared: dict[str, dict[str, int]]
    in_any: int


@router.post(
    "/v1/conditions/count",
    response_model=ConditionsCounted,
    responses=refusal_schemas(404, 413, 422, 503),
)
def count_conditions(request: Request, body: ConditionsAsked) -> ConditionsCounted:
    """Read conditions, and count who meets them and each of their parts; nothing is kept."""
    with opened(request) as (lists, viewer, _):
        conditions, counts = lists.count_conditions(body.conditions, viewer, body.as_of)
    return ConditionsCounted(
        conditions=[
            tell_condition(counts, place, condition) for place, condition in enumerate(conditions)
        ]
    )


@router.post(
    "/v1/conditions/overlap",
    response_model=OverlapCounted,
    responses=refusal_schemas(404, 413, 422, 503),
)
def overlap_conditions(request: Request, body: OverlapAsked) -> OverlapCounted:
    """Count whom conditions share; nothing is kept."""
    with opened(request) as (lists, viewer, _):
        return _tell_overlap(lists.overlap(body.conditions, viewer, body.as_of))


def _tell_overlap(overlap: Overlap) -> OverlapCounted:
    fields: Mapping[str, Any] = vars(overlap)
    names = ("as_of", "sizes", "shared", "in_any")
    return OverlapCounted(of=overlap.customers, **{name: fields[name] for name in names})
