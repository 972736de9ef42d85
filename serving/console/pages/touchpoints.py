"""Show the touchpoints: what each says, to whom it is due, what was sent, what it brought."""

from datetime import date
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response

from features.errors import UnknownNameError, unknown_name
from features.lake import Lake
from features.tags.groups.life_cycle import STAGES
from features.tags.relations.touchpoint_families import FAMILIES
from serving.campaigns.plan import ARM_LABELS
from serving.campaigns.store import STATE_LABELS, list_campaigns
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen, now_of
from serving.console.touchpoint_counts import (
    SENT_DAYS,
    count_due,
    count_elsewhere,
    count_sent,
    count_sent_by_arm,
)
from serving.decision.contact_text import ContactText, Speech
from serving.decision.gates import Gate
from serving.decision.schemas import DecideRequest
from serving.decision.text_page import DAY, READERS, candidate_of, channels_of, values_of
from serving.records.database import Records
from serving.schemas import NO_NUL
from serving.touchpoints.catalogue import Catalogue
from serving.touchpoints.fields import KINDS as CONTACT_KINDS
from serving.touchpoints.fields import STARTERS, Touchpoint
from serving.touchpoints.trigger_pages import read_triggers
from serving.touchpoints.trigger_words import describe_trigger, describe_trigger_in_chinese

router = console_router()
Branch = Annotated[str | None, Query(max_length=64)]
MOST_DUE = 50


@router.get("/console/touchpoints")
def touchpoints(request: Request, branch: Branch = None) -> Response:
    """Show the touchpoints, as they are declared for a branch or for all, and who is due."""
    known: Catalogue = request.app.state.touchpoints
    declared = known.touchpoints_for(branch)
    lake: Lake = request.app.state.service.lake
    due = {name: number for name, _, number in count_due(lake, caller_of(request).branches)}
    return show(
        request,
        "touchpoints/all.html",
        families={
            (family, label): {
                name: touchpoint
                for name, touchpoint in declared.items()
                if touchpoint.family == family
            }
            for family, label in FAMILIES.items()
        },
        number=len(declared),
        due=due,
        branch=branch,
        **_words(known),
    )


@router.get("/console/touchpoints/{name}")
def touchpoint(
    request: Request,
    name: str,
    branch: Branch = None,
    customer: Annotated[str, Query(max_length=64, pattern=NO_NUL + "|^$")] = "",
) -> Response:
    """Show a touchpoint: what it says to a customer, who is due, what was sent, what it brought.

    Parameters
    ----------
    request : Request
        The request.
    name : str
        The touchpoint.
    branch : str, optional
        As it is declared for a branch. Default: for all.
    customer : str
        The customer whom the scripts are read for; "": customers who do not exist.
    """
    known: Catalogue = request.app.state.touchpoints
    declared = known.touchpoints_for(branch)
    if name not in declared:
        raise unknown_name("touchpoint", name[:64], declared)
    caller, at = caller_of(request), now_of(request)
    lake: Lake = request.app.state.service.lake
    records: Records = request.app.state.records
    may = "customers:read" in caller.scopes
    chosen = customer.strip() if may else ""
    as_of: date | None = request.app.state.tags_date.as_of
    with records.reading() as connection:
        sent = count_sent(connection, name, at, caller.branches)
        campaigns = (
            [row for row in list_campaigns(connection) if row.plan.touchpoint == name]
            if "campaigns:read" in caller.scopes
            else None
        )
        arms = {
            row.plan.campaign: count_sent_by_arm(connection, row, at, caller.branches)
            for row in campaigns or []
            if row.state == "running"
        }
    rows = _due_rows(lake, name, caller.branches) if may else []
    read = (
        _read_for(request, known, name, chosen)
        if chosen
        else _read_for_examples(request, known, name, declared[name])
    )
    note_seen(request, [*([chosen] if chosen else []), *(row["customer_id"] for row in rows)])
    counts = count_due(lake, caller.branches)
    return show(
        request,
        "touchpoints/touchpoint.html",
        name=name,
        touchpoint=declared[name],
        branch=branch,
        customer=chosen,
        may=may,
        read=read,
        due=sum(number for touchpoint, _, number in counts if touchpoint == name),
        due_rows=rows,
        sent=sent,
        elsewhere=[] if as_of is None else count_elsewhere(lake, name, as_of, caller.branches),
        days=SENT_DAYS,
        campaigns=campaigns,
        labels={row.plan.campaign: row.plan.label for row in campaigns or []},
        arms=arms,
        arm_kinds=ARM_LABELS,
        states=STATE_LABELS,
        **_words(known),
    )


def _words(known: Catalogue) -> dict[str, Any]:
    return {
        "kinds": CONTACT_KINDS,
        "starters": STARTERS,
        "stages": STAGES,
        "describe": describe_trigger,
        "describe_in_chinese": describe_trigger_in_chinese,
        "cost": known.cost,
    }


def _due_rows(lake: Lake, name: str, branches: frozenset[str] | None) -> list[dict[str, Any]]:
    """Read the first customers who are due; none where no triggers are published."""
    try:
        return read_triggers(lake, None, MOST_DUE, touchpoint=name, branches=branches).rows
    except UnknownNameError:
        return []


def _read_for(request: Request, known: Catalogue, name: str, customer: str) -> list[dict[str, Any]]:
    """Read the scripts for a customer, as `/decide` fills them in and checks them."""
    declared = known.touchpoints_for(None)[name]
    point = str(next(iter(known.shared.decision_points)))
    question = DecideRequest(customer_id=customer, decision_point=point)
    candidates = [
        candidate_of(known, name, declared, channel, next(iter(declared.offers), None))
        for channel in channels_of(known, name, declared)
    ]
    return [
        {"channel": candidate.channel, "who": customer, "text": text, "gate": gate}
        for candidate, text, gate in request.app.state.decider.read_texts(
            question, candidates, now_of(request), caller_of(request).branches
        )
    ]


def _read_for_examples(
    request: Request, known: Catalogue, name: str, declared: Touchpoint
) -> list[dict[str, Any]]:
    """Read the scripts for customers who do not exist: what they look like, and what is missing."""
    source = request.app.state.touchpoint_source
    read: list[dict[str, Any]] = []
    for channel in channels_of(known, name, declared):
        for reader in READERS:
            candidate = candidate_of(
                known, name, declared, channel, next(iter(declared.offers), None)
            )
            speech = Speech(
                None, DAY, details=reader.details, values=values_of(declared),
                occasions=source.occasions,
            )  # fmt: skip
            text = source.text(candidate, reader.tags, speech)
            row = {"channel": channel, "who": reader.name, "text": text, "gate": None}
            if not isinstance(text, ContactText):
                labels = "、".join(map(source.texts.label, text))
                fault = f"话术缺少{labels}", f"the text needs {', '.join(text)}"
                row |= {"text": None, "gate": Gate("words", False, *fault)}
            read.append(row)
    return read
