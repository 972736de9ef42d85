"""Build a list: conditions with a live count beside each, a preview, and the next version."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from features.errors import GuanjiaError
from features.segments.settings import load_segments
from features.tags.catalogue import catalogue
from serving.api.marketing.lists import opened
from serving.console.render import show
from serving.console.route import console_router
from serving.lists.definitions.definition import (
    EVERY_BRANCH,
    EXPECTED_VALUE,
    NAME,
    ListDefinition,
    parse_definition,
)
from serving.schemas import NO_NUL
from training.models import MODELS

router = console_router()
BY_VALUE = f"{EXPECTED_VALUE} desc"
Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=2_000)]


@router.get("/console/list-builder")
def builder(
    request: Request,
    copy: Annotated[str | None, Query(pattern=NAME)] = None,
    where: Annotated[str, Query(max_length=2_000, pattern=NO_NUL + "|^$")] = "",
) -> Response:
    """Show the form: empty, with a condition, or as a list is defined now.

    Parameters
    ----------
    request : Request
        The request.
    copy : str, optional
        A list whose definition fills the form.
    where : str
        A condition that fills the form, as reports link to it.
    """
    values: dict[str, Any] = {"where": where}
    if copy is not None:
        with opened(request) as (service, _, _):
            values = service.version(copy).definition.document()
    return show(
        request,
        "lists/builder.html",
        values=values,
        models=MODELS,
        tags=catalogue(),
        segments=load_segments(request.app.state.service.lake.home),
        channels=CONTACT_CHANNEL_LABELS,
        touchpoints=request.app.state.touchpoints.touchpoints_for(),
        every_branch=EVERY_BRANCH,
        by_value=BY_VALUE,
    )


@router.post("/console/list-builder/look")
async def look(request: Request) -> Response:
    """Count who meets the condition and its parts; with `preview`, preview the list: a part."""
    from fastapi.concurrency import run_in_threadpool

    form = {name: str(value) for name, value in (await request.form()).items()}
    return await run_in_threadpool(_look, request, form)


def _look(request: Request, form: Mapping[str, str]) -> Response:
    draft = {"name": "draft", "label": "草稿"}
    try:
        definition = _definition({**form, **draft})
        with opened(request) as (service, viewer, at):
            counts = service.count(definition, viewer)
            preview = service.preview(definition, viewer, at) if "preview" in form else None
    except GuanjiaError as error:
        return show(request, "lists/look.html", fault=error, counts=None, preview=None, name=None)
    return show(request, "lists/look.html", fault=None, counts=counts, preview=preview, name=None)


@router.post("/console/list-builder")
async def save(request: Request) -> Response:
    """Store the definition as the next version of its list."""
    from fastapi.concurrency import run_in_threadpool

    form = {name: str(value) for name, value in (await request.form()).items()}
    return await run_in_threadpool(_save, request, form)


def _save(request: Request, form: Mapping[str, str]) -> Response:
    definition = _definition(form)
    with opened(request) as (service, viewer, at):
        service.define(definition, viewer, form.get("note", ""), at)
    return RedirectResponse(f"/console/lists/{definition.name}", 303)


def _definition(form: Mapping[str, str]) -> ListDefinition:
    """Make a definition of the fields of the form; empty ones are left out.

    Raises
    ------
    GuanjiaError
        If a number is none, or the definition is refused; it names the field.
    """
    fields: dict[str, Any] = {
        name: form[name].strip()
        for name in ("name", "label", "model", "where", "order", "channel", "touchpoint")
        if form.get(name, "").strip()
    }
    for name, kind in (("size", int), ("budget", float), ("days", int), ("least_value", float)):
        if text := form.get(name, "").strip().replace(",", ""):
            fields[name] = _number(name, text, kind)
    if text := form.get("capacity", "").strip():
        fields["capacity"] = _capacity(text)
    else:
        fields.pop("days", None)
    for name in ("not_in_lists", "not_in_segments"):
        if text := form.get(name, "").replace("，", ",").strip():
            fields[name] = [part.strip() for part in text.split(",") if part.strip()]
    return parse_definition(fields, "list")


def _capacity(text: str) -> dict[str, int | float]:
    """Read contacts a day: `20` for every branch, or `B01=30, *=20`."""
    parts = [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]
    pairs = [part.rpartition("=") for part in parts]
    return {
        branch.strip() or EVERY_BRANCH: _number("capacity", most.strip(), int)
        for branch, _, most in pairs
    }


def _number(name: str, text: str, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise GuanjiaError(f"field {name}", f"has {text!r}", "write a number") from None
