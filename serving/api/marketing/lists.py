"""`/v1/lists`: define, compare, preview and explain target lists."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field

from serving.api.guard import guarded, note
from serving.api.marketing.counted import Counted, tell_count
from serving.api.marketing.opened_lists import opened
from serving.api.marketing.previews import ask_for_preview, make_preview
from serving.api.refusals import refusal_schemas
from serving.lists.definitions.definition import NAME, ListDefinition
from serving.lists.definitions.differences import Difference
from serving.lists.definitions.versions import ListVersion
from serving.lists.preview import Preview
from serving.lists.standing import check_rule
from serving.lists.why import Why
from serving.schemas import NO_NUL, Message

router = guarded()
MOST_CUSTOMERS = 1_000
ListName = Annotated[str, Path(pattern=NAME, examples=["renewal_risk"])]
Customer = Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL, examples=["C00000001"])]
Number = Annotated[int, Query(ge=0, le=1_000_000, examples=[0])]
MaybeNumber = Annotated[int | None, Query(ge=0, le=1_000_000)]
Where = Annotated[str | None, Query(max_length=2_000, pattern=NO_NUL)]
Skip = Annotated[int, Query(ge=0, le=10_000_000, description="Customers to skip.")]
Limit = Annotated[int, Query(ge=1, le=MOST_CUSTOMERS, description="Customers of a page.")]


class ListTold(Message):
    """A version of a list."""

    name: str
    version: int = Field(description="0 for a list that comes with Guanjia.")
    author: str
    note: str
    made_at: datetime | None
    hash: str
    definition: ListDefinition


class ListsTold(Message):
    """The latest version of every list."""

    lists: list[ListTold]


class VersionsTold(Message):
    """All versions of a list, and where it is used."""

    versions: list[ListTold]
    releases: int
    last_release: str | None
    excluded_by: list[str] = Field(description="Lists that leave out its members.")
    campaigns: list[str] = Field(description="Campaigns that draw from a release of it.")


class ListWritten(Message):
    """A definition to store, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "definition": {
                    "name": "gold_renewals",
                    "label": "高星续保名单",
                    "model": "renewal",
                    "where": "star >= 3 and days_to_commercial_expiry <= 60",
                    "order": "expected_value desc",
                    "size": 500,
                },
                "note": "October",
            }
        }
    )

    definition: ListDefinition
    note: Annotated[str, Field(max_length=500, pattern=NO_NUL)] = ""


class DraftAsked(Message):
    """A definition that need not be stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "definition": {
                    "name": "gold_renewals",
                    "label": "高星续保名单",
                    "model": "renewal",
                    "where": "star >= 3 and days_to_commercial_expiry <= 60",
                }
            }
        }
    )

    definition: ListDefinition
    as_of: date | None = Field(default=None, description="Date of the scores; default: the latest.")


class DifferencesTold(Message):
    """In which fields two versions differ."""

    differences: list[Difference]


class CustomersTold(Message):
    """The customers behind a number of a preview, in the order of the list."""

    rule: str
    at: datetime = Field(description="The instant at which they were counted.")
    total: int
    customer_ids: list[str]


@router.get("/v1/lists", response_model=ListsTold, responses=refusal_schemas(503))
def all_lists(request: Request) -> ListsTold:
    """List the latest version of every list."""
    with opened(request) as (lists, _, _):
        return ListsTold(lists=[_answer_version(version) for version in lists.lists().values()])


@router.post("/v1/lists", response_model=ListTold, responses=refusal_schemas(404, 413, 422, 503))
def define_list(request: Request, body: ListWritten) -> ListTold:
    """Store a definition as the next version of its list; the same again changes nothing."""
    with opened(request) as (lists, viewer, at):
        return _answer_version(lists.define(body.definition, viewer, body.note, at))


@router.post(
    "/v1/lists/preview", response_model=Preview, responses=refusal_schemas(404, 413, 422, 503)
)
def preview_draft(request: Request, body: DraftAsked) -> Preview:
    """Preview a definition before it is stored."""
    with opened(request) as (lists, viewer, at):
        return lists.preview(body.definition, viewer, at, body.as_of)


@router.post(
    "/v1/lists/count", response_model=Counted, responses=refusal_schemas(404, 413, 422, 503)
)
def count_draft(request: Request, body: DraftAsked) -> Counted:
    """Count who meets the condition of a definition; nothing is kept of it."""
    with opened(request) as (lists, viewer, _):
        return tell_count(lists.count(body.definition, viewer, None, body.as_of))


@router.get("/v1/lists/{name}", response_model=ListTold, responses=refusal_schemas(404, 422, 503))
def one_list(request: Request, name: ListName, version: MaybeNumber = None) -> ListTold:
    """Show a version of a list; default: the latest.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The list.
    version : int, optional
        Number of the version.
    """
    with opened(request) as (lists, _, _):
        return _answer_version(lists.version(name, version))


@router.get(
    "/v1/lists/{name}/versions", response_model=VersionsTold, responses=refusal_schemas(404, 503)
)
def list_versions(request: Request, name: ListName) -> VersionsTold:
    """Show all versions of a list, and where it is used."""
    with opened(request) as (lists, _, _):
        versions = [_answer_version(version) for version in lists.versions(name)]
        return VersionsTold(versions=versions, **vars(lists.use(name)))


@router.get(
    "/v1/lists/{name}/diff",
    response_model=DifferencesTold,
    responses=refusal_schemas(404, 422, 503),
)
def diff_versions(
    request: Request, name: ListName, before: Number, after: MaybeNumber = None
) -> DifferencesTold:
    """Say in words how two versions of a list differ; default: from one to the latest.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The list.
    before, after : int
        Numbers of the versions.
    """
    with opened(request) as (lists, _, _):
        return DifferencesTold(differences=lists.diff(name, before, after))


@router.get(
    "/v1/lists/{name}/count", response_model=Counted, responses=refusal_schemas(404, 422, 503)
)
def count_list(request: Request, name: ListName, where: Where = None) -> Counted:
    """Count who meets the condition of a list, narrowed by another one.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The list.
    where : str, optional
        The other condition.
    """
    with opened(request) as (lists, viewer, _):
        return tell_count(lists.count(lists.version(name).definition, viewer, where))


@router.get(
    "/v1/lists/{name}/preview", response_model=Preview, responses=refusal_schemas(404, 422, 503)
)
def preview_stored(request: Request, name: ListName, version: MaybeNumber = None) -> Preview:
    """Preview a list: who is taken by which rule, who is sent, what it is worth.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The list.
    version : int, optional
        Number of the version; default: the latest.
    """
    with opened(request) as (lists, _, _):
        definition = lists.version(name, version).definition
    return make_preview(request, definition)


@router.get(
    "/v1/lists/{name}/preview/{rule}",
    response_model=CustomersTold,
    responses=refusal_schemas(404, 422, 503),
)
def preview_customers(
    request: Request,
    name: ListName,
    rule: Annotated[str, Path(max_length=64, pattern=NO_NUL, examples=["sent"])],
    start: Skip = 0,
    limit: Limit = 100,
) -> CustomersTold:
    """List the customers behind a number of the preview: `sent`, or a rule of the waterfall.

    Pages within a minute of a preview are of that preview, as `at` says.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name : str
        The list.
    rule : str
        "sent", or a rule.
    start, limit : int
        Customers to skip, and of a page.
    """
    with opened(request) as (lists, _, _):
        definition = lists.version(name).definition
    check_rule(rule)
    _, standing = ask_for_preview(request, definition)
    customers = standing.customers(rule)
    page = customers[start : start + limit]
    if page:
        note(request, page)
    return CustomersTold(rule=rule, at=standing.at, total=len(customers), customer_ids=page)


@router.get(
    "/v1/lists/{name}/why/{customer_id}",
    response_model=Why,
    responses=refusal_schemas(404, 422, 503),
)
def why_customer(request: Request, name: ListName, customer_id: Customer) -> Why:
    """Say why a customer is on a list or not: by which condition, value and gate.

    Condition and gates are those of now; the place may be of a minute ago, as `at` says.

    \f
    Parameters
    ----------
    request : Request
        The request.
    name, customer_id : str
        The list and the customer.
    """
    with opened(request) as (lists, _, _):
        definition = lists.version(name).definition
    _, standing = ask_for_preview(request, definition)
    with opened(request) as (lists, viewer, at):
        explanation = lists.why(definition, customer_id, viewer, at, standing=standing)
    note(request, [customer_id])
    return explanation


def _answer_version(version: ListVersion) -> ListTold:
    fields: dict[str, Any] = {
        "name": version.definition.name,
        "version": version.version,
        "author": version.author,
        "note": version.note,
        "made_at": version.made_at,
        "hash": version.hash,
        "definition": version.definition,
    }
    return ListTold(**fields)
