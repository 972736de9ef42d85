"""Build a list: a condition as tree and text, counts beside each part, a preview, a version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from features.condition_forms.faults import condition_fault
from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from features.errors import GuanjiaError, not_a_number, unknown_name
from features.segments.settings import load_segments
from features.tags.catalogue import catalogue
from serving.api.marketing.opened_lists import opened
from serving.api.marketing.releases import READ_PERSONAL
from serving.console.builder.board import ACT, WHERE, Board, play
from serving.console.builder.controls import GROUP_WORDS
from serving.console.builder.preview_members import ShownMember, preview_with_members
from serving.console.builder.tag_search import definition_of, part_names
from serving.console.render import ENGLISH, language_of, show
from serving.console.route import caller_of, console_router, note_seen
from serving.lists.conditions.counting import Counts
from serving.lists.conditions.distribution import read_distribution
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.definitions.definition import (
    EVERY_BRANCH,
    EXPECTED_VALUE,
    LABELS,
    NAME,
    ListDefinition,
    parse_definition,
)
from serving.lists.preview import Preview
from serving.lists.questions import chinese_of, chinese_order, readable_columns
from serving.schemas import NO_NUL
from training.models import MODELS

router = console_router()
BY_VALUE = f"{EXPECTED_VALUE} desc"
PART = "X-Part"
"""Header of a request whose answer is a part of a page."""
Fields = list[tuple[str, str]]


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
    values: dict[str, Any] = {WHERE: where}
    order = ""
    with opened(request) as (service, _, _):
        if copy is not None:
            definition = service.version(copy).definition
            values, order = definition.document(), chinese_order(service.lake, definition)
            if language_of(request) != ENGLISH:
                values |= {WHERE: chinese_of(service.lake, [values[WHERE]])[values[WHERE]]}
    return _whole_page(request, values, _look(request, [(WHERE, values[WHERE])]), order)


@router.post("/console/list-builder/look")
async def look(request: Request) -> Response:
    """Run a round of the form: an act, counts of each part; with `preview`, preview the list.

    With the script the answer is the parts of the page that change; else the whole page.
    """
    form = await _fields(request)
    return await run_in_threadpool(_answer, request, form)


@router.get("/console/list-builder/tag/{name}")
def tag(request: Request, name: Annotated[str, Path(max_length=100)]) -> Response:
    """Show what a tag, score or segment means and how it is distributed: a part.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The tag, score or segment.
    """
    with opened(request) as (service, viewer, _):
        as_of = service.day()
        vocabulary = list_vocabulary(service.lake, readable_columns(), as_of)
        segment = load_segments(service.lake.home).get(name)
        if name not in vocabulary.columns and segment is None:
            raise unknown_name("tag", name, vocabulary.columns)
        distribution = (
            read_distribution(service.lake, as_of, name, vocabulary, viewer.branches)
            if name in vocabulary.columns
            else None
        )
    return show(
        request,
        "lists/tag_look.html" if PART in request.headers else "lists/tag_page.html",
        name=name,
        column=vocabulary.columns.get(name),
        tag=catalogue().get(name),
        definition=definition_of(name, vocabulary),
        segment=segment,
        rule=chinese_of(service.lake, [segment.rule])[segment.rule] if segment else "",
        distribution=distribution,
    )


@router.post("/console/list-builder")
async def save(request: Request) -> Response:
    """Store the definition as the next version of its list."""
    form = await _fields(request)
    return await run_in_threadpool(_save, request, form)


async def _fields(request: Request) -> Fields:
    return [(name, str(value)) for name, value in (await request.form()).multi_items()]


@dataclass(frozen=True)
class _Look:
    """What a round of the form found.

    `fault` says why there is no count of the list, `probable` whether its prediction is a
    probability.
    """

    board: Board
    fault: GuanjiaError | None = None
    counts: Counts | None = None
    preview: Preview | None = None
    members: list[ShownMember] = field(default_factory=list)
    probable: bool = True


def _look(request: Request, fields: Fields) -> _Look:
    form = dict(fields)
    with opened(request) as (service, viewer, at):
        board = play(service, viewer, fields, english=language_of(request) == ENGLISH)
        if board.fault is not None or not board.text.strip():
            return _Look(board, board.fault)
        try:
            draft = {"name": "draft", "label": "草稿", WHERE: board.text}
            definition = _definition({"model": next(iter(MODELS))} | form | draft)
            counts = service.count(definition, viewer)
            if "preview" not in form:
                return _Look(board, counts=counts)
            may_read = READ_PERSONAL in caller_of(request).scopes
            preview, members = preview_with_members(
                service, definition, viewer, at, may_read=may_read
            )
        except GuanjiaError as error:
            return _Look(board, error)
    note_seen(request, [shown.member.customer_id for shown in members])
    return _Look(board, None, counts, preview, members, definition.spec.kind == "probability")


def _answer(request: Request, fields: Fields) -> Response:
    seen, form = _look(request, fields), dict(fields)
    if PART not in request.headers:
        return _whole_page(request, form | {WHERE: seen.board.text}, seen)
    return show(request, "lists/round.html", **vars(seen), **_offered())


def _whole_page(request: Request, values: dict[str, Any], seen: _Look, order: str = "") -> Response:
    """Show the form.

    Parameters
    ----------
    request : Request
        The request.
    values : dict of str to object
        What its fields hold.
    seen : _Look
        What a round of it found.
    order : str
        The stored order in Chinese; empty: as it is stored.
    """
    return show(
        request,
        "lists/builder.html",
        values=values,
        models=MODELS,
        channels=CONTACT_CHANNEL_LABELS,
        touchpoints=request.app.state.touchpoints.touchpoints_for(),
        by_value=BY_VALUE,
        order=order or values.get("order"),
        **vars(seen),
        **_offered(),
    )


def _offered() -> dict[str, Any]:
    """Return what the tree is made of on any page."""
    return {"parts": part_names(), "kinds": GROUP_WORDS, "name": None}


def _save(request: Request, fields: Fields) -> Response:
    form = dict(fields)
    with opened(request) as (service, viewer, at):
        board = play(service, viewer, [pair for pair in fields if pair[0] != ACT])
        if board.fault is not None:
            raise board.fault
        if board.open_rows:
            fault = f"has {board.open_rows} rows that are not complete"
            raise condition_fault(
                fault,
                "go back, and fill them in or remove them",
                f"还有 {board.open_rows} 条没有填完",
                "请返回填完，或删去",
            )
        definition = _definition(form | {WHERE: board.text})
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
        for name in ("name", "label", "model", "where", "order", "channel", "touchpoint", "effect")
        if form.get(name, "").strip()
    }
    for name, kind in (("size", int), ("budget", float), ("days", int), ("least_value", float),
                       ("priority", int)):  # fmt: skip
        if text := form.get(name, "").strip().replace(",", ""):
            fields[name] = _number(name, text, kind)
    if text := form.get("capacity", "").strip():
        fields["capacity"] = _capacity(text)
    else:
        fields.pop("days", None)
    for name in ("not_in_lists", "not_in_segments", "columns"):
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
        raise not_a_number(name, text, LABELS[name]) from None
