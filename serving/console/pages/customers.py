"""Search customers, and show one of them: star, predictions, contacts, consents, what is next."""

from datetime import date
from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import Response

from features.contracts.vocabulary import (
    CASE_LABELS,
    CONTACT_RESULT_LABELS,
    NON_MOTOR_LABELS,
    TOPIC_LABELS,
)
from features.errors import GuanjiaError
from features.lake import Lake
from features.stars.explain import explain_rating
from features.stars.ledger import explain_entitlements
from features.stars.settings import load_star_settings
from serving import clock
from serving.console.customer_facts import CLAIM_STEPS, read_facts
from serving.console.customer_rights import computed_values, held_records, held_tables
from serving.console.customer_search import MOST, search_customers
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen, now_of
from serving.content.settings import load_content_settings
from serving.decision.decider import Decider
from serving.decision.inputs import CONSENTS, OPT_OUTS, base_of
from serving.decision.schemas import DecideRequest, DecideResponse
from serving.decision.silence import held_gates, silence_reasons
from serving.predictions.service import PredictionService
from serving.predictions.unknown_customers import unknown_customers
from serving.records.contacts.decisions import find_decision
from serving.records.contacts.of_customer import (
    PastContact,
    PastDecision,
    PastOutcome,
    list_past,
)
from serving.records.database import Records
from serving.records.people.consents import consents_as_of
from serving.schemas import NO_NUL, PredictRequest
from training.models import MODELS

router = console_router()
Customer = Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL)]
MOST_PAST = 20
LINE_LABELS = {
    "motor_compulsory": "交强险",
    "motor_commercial": "商业险",
    **NON_MOTOR_LABELS,
    "other": "其他",
}


@router.get("/console/customers")
def search(
    request: Request, q: Annotated[str, Query(max_length=64, pattern=NO_NUL + "|^$")] = ""
) -> Response:
    """Search customers by number, name, phone or plate."""
    service: PredictionService = request.app.state.service
    people = (
        search_customers(service.lake, q, _as_of(request), caller_of(request).branches)
        if q.strip()
        else []
    )
    note_seen(request, [row.customer_id for row in people])
    return show(request, "customers/search.html", q=q, found=people, most=MOST)


@router.get("/console/customers/{customer_id}")
def customer(
    request: Request,
    customer_id: Customer,
    at_point: Annotated[str | None, Query(max_length=64, pattern=NO_NUL)] = None,
) -> Response:
    """Show one customer.

    Parameters
    ----------
    request : Request
        The request.
    customer_id : str
        The customer.
    at_point : str, optional
        The decision point whose next contact is previewed; default: the first.
    """
    service: PredictionService = request.app.state.service
    decider: Decider = request.app.state.decider
    records: Records = request.app.state.records
    branches, at, as_of = caller_of(request).branches, now_of(request), _as_of(request)
    (consent_tags,), _ = service.tags([customer_id], [*CONSENTS, *OPT_OUTS.values()], branches)
    people = search_customers(service.lake, customer_id, as_of, branches, by_number=True)
    person = next((row for row in people if row.customer_id == customer_id), None)
    if person is None:
        raise unknown_customers([customer_id])
    (predicted,) = service.answer(
        PredictRequest(customer_ids=[customer_id], explain=True), at, branches
    ).predictions
    with records.reading() as connection:
        decisions = list_past(connection, PastDecision, customer_id, MOST_PAST)
        contacts = list_past(connection, PastContact, customer_id, MOST_PAST)
        outcomes = list_past(connection, PastOutcome, customer_id, MOST_PAST)
        consents = consents_as_of(connection, customer_id, at, base_of(consent_tags))
    points = request.app.state.touchpoints.shared.decision_points
    point = at_point if at_point is not None and at_point in points else str(next(iter(points)))
    decide = DecideRequest(customer_id=customer_id, decision_point=point)
    result, text = decider.preview(decide, at, branches, certain=clock.certain(at))
    note_seen(request, [customer_id])
    return show(
        request,
        "customers/customer.html",
        person=person,
        as_of=as_of,
        predicted=predicted,
        models=MODELS,
        facts=read_facts(service.lake, customer_id, as_of),
        steps=CLAIM_STEPS,
        case_kinds=CASE_LABELS,
        topics=TOPIC_LABELS,
        results=CONTACT_RESULT_LABELS,
        lines=LINE_LABELS,
        touchpoints=request.app.state.touchpoints.touchpoints_for(person.branch),
        points=points,
        point=point,
        result=result,
        silence=silence_reasons(result),
        held=held_gates(result),
        text=text,
        decisions=decisions,
        contacts=contacts,
        outcomes=outcomes,
        consents=consents,
    )


@router.get("/console/customers/{customer_id}/star")
def star(request: Request, customer_id: Customer) -> Response:
    """Show the star with its arithmetic, and the entitlements: a part of the page."""
    service: PredictionService = request.app.state.service
    as_of = _as_of(request)
    service.tags([customer_id], [], caller_of(request).branches)
    # A lake of its own: its queries create tables, which two requests may not share.
    lake = Lake(service.lake.settings, service.lake.day)
    note_seen(request, [customer_id])
    try:
        return show(
            request,
            "customers/star.html",
            rating=_or_fault(lambda: explain_rating(lake, customer_id, as_of)),
            ledger=_or_fault(lambda: explain_entitlements(lake, customer_id, as_of)),
            tiers=load_star_settings(lake.home).tiers,
        )
    finally:
        lake.close()


@router.get("/console/customers/{customer_id}/rights")
def rights(request: Request, customer_id: Customer) -> Response:
    """Show what a customer has a right to be told, as a page to print and hand over."""
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    lake, at, as_of = service.lake, now_of(request), _as_of(request)
    branches = caller_of(request).branches
    (tags,), _ = service.tags([customer_id], [*CONSENTS, *OPT_OUTS.values()], branches)
    people = search_customers(lake, customer_id, as_of, branches)
    person = next((row for row in people if row.customer_id == customer_id), None)
    if person is None:
        raise unknown_customers([customer_id])
    with records.reading() as connection:
        consents = consents_as_of(connection, customer_id, at, base_of(tags))
        own = held_records(connection, lake, customer_id)
        decisions = list_past(connection, PastDecision, customer_id, MOST_PAST)
        documents = {
            row.decision_id: find_decision(connection, row.decision_id, None)["document"]
            for row in decisions
        }
    note_seen(request, [customer_id])
    return show(
        request,
        "customers/rights.html",
        person=person,
        at=at,
        as_of=as_of,
        sender=load_content_settings(lake.home).sender,
        tables=held_tables(lake, customer_id, as_of),
        values=computed_values(),
        kept=own,
        models=MODELS,
        served=[name for name in MODELS if name in service.current.now.models],
        consents=consents,
        decisions=decisions,
        answers={
            number: DecideResponse.model_validate(document["answer"])
            for number, document in documents.items()
        },
        points=request.app.state.touchpoints.shared.decision_points,
        touchpoints=request.app.state.touchpoints.touchpoints_for(person.branch),
    )


def _as_of(request: Request) -> date:
    """Return the date whose tags answer now."""
    as_of: date | None = request.app.state.tags_date.as_of
    if as_of is None:
        cure = "run `guanjia daily`, which checks tables and computes tags"
        chinese = "客户", "无法显示：还没有任何一天的标签", "请运行人员先完成日批（guanjia daily）"
        fault = "cannot be shown: there are no tags of any day"
        raise GuanjiaError("customers", fault, cure, chinese=chinese)
    return as_of


def _or_fault(read: Any) -> Any:
    """Return what a part of the page shows, or why it cannot be shown."""
    try:
        return read()
    except GuanjiaError as error:
        return error
