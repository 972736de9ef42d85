"""Show lists: their versions, what they would be now, who is on them and why, their releases."""

from itertools import pairwise
from typing import Annotated

from fastapi import Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from features.tags.catalogue import catalogue
from serving.api.marketing.lists import ListName
from serving.api.marketing.opened_lists import opened
from serving.api.marketing.previews import look_for_preview
from serving.api.marketing.releases import (
    Format,
    export_file,
    release_members,
    release_people,
)
from serving.console.pages.reports import patience_of
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen
from serving.lists.definitions.definition import ListDefinition
from serving.lists.preview import SENT_WORDS
from serving.lists.questions import chinese_of, chinese_order
from serving.lists.rules import RULES
from serving.lists.standing import SENT, check_rule
from serving.reports.kept import PATIENCE_SECONDS
from serving.schemas import NO_NUL

router = console_router()
MOST_MEMBERS = 100
MOST_BEHIND = 200
ReleaseId = Annotated[str, Path(pattern="^[0-9a-f]{15,64}$")]
RuleName = Annotated[str, Path(max_length=64, pattern=NO_NUL)]
CustomerText = Annotated[str, Query(max_length=64, pattern=NO_NUL + "|^$")]
Why = Annotated[str, Query(min_length=1, max_length=200, pattern=NO_NUL)]


@router.get("/console/lists")
def lists(request: Request) -> Response:
    """List all lists, with their latest release."""
    with opened(request) as (service, _, _):
        versions = service.lists()
        uses = {name: service.use(name) for name in versions}
        waiting = [release for release in service.releases() if release.state == "waiting"]
        conditions = chinese_of(
            service.lake, (stored.definition.where for stored in versions.values())
        )
    return show(
        request,
        "lists/all.html",
        lists=versions,
        uses=uses,
        waiting=waiting,
        conditions=conditions,
    )


@router.get("/console/lists/{name}")
def one_list(request: Request, name: ListName) -> Response:
    """Show a list: definition, versions, releases; what it would be now loads by itself."""
    with opened(request) as (service, _, _):
        versions = service.versions(name)
        latest = service.version(name)
        return show(
            request,
            "lists/list.html",
            latest=latest,
            condition=chinese_of(service.lake, [latest.definition.where])[latest.definition.where],
            order=chinese_order(service.lake, latest.definition),
            touchpoints=request.app.state.touchpoints.touchpoints_for(),
            versions=[*reversed(versions)],
            differences=[
                (later, service.diff(name, earlier.version, later.version))
                for earlier, later in pairwise(versions)
            ][::-1],
            use=service.use(name),
            releases=service.releases(name),
        )


@router.get("/console/lists/{name}/preview")
def preview(request: Request, name: ListName) -> Response:
    """Show what a list would be now: a part of its page."""
    previewed = look_for_preview(request, _definition(request, name), patience_of(request))
    if previewed is None:
        return show(request, "reports/making.html")
    return show(request, "lists/preview.html", preview=previewed[0], name=name)


@router.get("/console/lists/{name}/behind/{rule}")
def behind(request: Request, name: ListName, rule: RuleName) -> Response:
    """Show the customers behind a number of the preview.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The list.
    rule : str
        "sent", or a rule of the waterfall.
    """
    return _show_behind(request, "lists/behind.html", name, rule, PATIENCE_SECONDS)


@router.get("/console/lists/{name}/behind/{rule}/part")
def behind_part(request: Request, name: ListName, rule: RuleName) -> Response:
    """Show the customers themselves: a part of the page, once they are there.

    Parameters
    ----------
    request, name, rule
        As in `behind`.
    """
    return _show_behind(request, "lists/behind_part.html", name, rule, patience_of(request))


@router.get("/console/lists/{name}/why")
def why(request: Request, name: ListName, customer: CustomerText = "") -> Response:
    """Show why a customer is on a list or not.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The list.
    customer : str
        The customer; empty: only the form is shown.
    """
    return _show_why(request, "lists/why.html", name, customer, PATIENCE_SECONDS)


@router.get("/console/lists/{name}/why/part")
def why_part(request: Request, name: ListName, customer: CustomerText = "") -> Response:
    """Show the answer itself: a part of the page, once it is there.

    Parameters
    ----------
    request, name, customer
        As in `why`.
    """
    return _show_why(request, "lists/why_part.html", name, customer, patience_of(request))


@router.post("/console/lists/{name}/releases")
def release(request: Request, name: ListName) -> Response:
    """Release a list: freeze who is on it now."""
    with opened(request) as (service, viewer, at):
        frozen = service.release(name, viewer, at)
    return RedirectResponse(f"/console/lists/{name}/releases/{frozen.release_id}", 303)


@router.post("/console/lists/{name}/releases/{release_id}")
def approve(
    request: Request,
    name: ListName,
    release_id: ReleaseId,
    content_hash: Annotated[str, Form(pattern="^[0-9a-f]{64}$")],
) -> Response:
    """Approve a release by the hash of what was looked at.

    Parameters
    ----------
    request : Request
        The request.
    name, release_id : str
        The list, and its release.
    content_hash : str
        The hash that the page showed.
    """
    with opened(request) as (service, viewer, at):
        service.find(name, release_id)
        service.approve(release_id, content_hash, viewer, at)
    return RedirectResponse(f"/console/lists/{name}/releases/{release_id}", 303)


@router.get("/console/lists/{name}/releases/{release_id}")
def one_release(
    request: Request,
    name: ListName,
    release_id: ReleaseId,
    start: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """Show a release with its members, a page of a hundred.

    Parameters
    ----------
    request : Request
        The request.
    name, release_id : str
        The list, and its release.
    start : int
        Members to skip.
    """
    read = release_people if "customers:read" in caller_of(request).scopes else release_members
    members = read(request, name, release_id, start, MOST_MEMBERS)
    with opened(request) as (service, _, _):
        frozen = service.find(name, release_id)
    return show(
        request,
        "lists/release.html",
        release=frozen,
        members=members.members,
        erased=members.erased_since,
        start=start,
        most=MOST_MEMBERS,
    )


@router.get("/console/lists/{name}/releases/{release_id}/file")
def file(
    request: Request, name: ListName, release_id: ReleaseId, why: Why, format: Format = "xlsx"
) -> Response:
    """Export those who are sent; the export is recorded.

    Parameters
    ----------
    request : Request
        The request.
    name, release_id : str
        The list, and its release.
    why : str
        What for; kept with the export.
    format : str
        csv, gb18030, xlsx or parquet.
    """
    return export_file(request, name, release_id, format, why)


def _definition(request: Request, name: str) -> ListDefinition:
    with opened(request) as (service, _, _):
        return service.version(name).definition


def _show_behind(
    request: Request, template: str, name: str, rule: str, patience: float | None
) -> Response:
    """Show the customers behind a number, or that they are being counted.

    Parameters
    ----------
    request : Request
        The request.
    template : str
        The page, or its part.
    name, rule : str
        The list, and the rule.
    patience : float or None
        Seconds to wait for them; None: until they are there.
    """
    definition = _definition(request, name)
    check_rule(rule)
    previewed = look_for_preview(request, definition, patience)
    standing = previewed[1] if previewed is not None else None
    customers = standing.customers(rule) if standing is not None else []
    if customers:
        note_seen(request, customers[:MOST_BEHIND])
    return show(
        request,
        template,
        name=name,
        label=definition.label,
        rule=rule,
        title=SENT_WORDS if rule == SENT else (RULES[rule].chinese, RULES[rule].english),
        standing=standing,
        customers=customers[:MOST_BEHIND],
        total=len(customers),
    )


def _show_why(
    request: Request, template: str, name: str, customer: str, patience: float | None
) -> Response:
    """Show why a customer stands where they do, or that it is being found out.

    Parameters
    ----------
    request : Request
        The request.
    template : str
        The page, or its part.
    name, customer : str
        The list, and the customer, or nobody.
    patience : float or None
        Seconds to wait for the standing of all; None: until it is there.
    """
    definition, answer, customer = _definition(request, name), None, customer.strip()
    previewed = look_for_preview(request, definition, patience) if customer else None
    if previewed is not None:
        with opened(request) as (service, viewer, at):
            answer = service.why(definition, customer, viewer, at, standing=previewed[1])
        note_seen(request, [answer.customer_id])
    return show(
        request,
        template,
        name=name,
        label=definition.label,
        why=answer,
        customer=customer,
        tags=catalogue(),
    )
