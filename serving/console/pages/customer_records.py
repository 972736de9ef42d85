"""Show what made touchpoints due for a customer, and who took files that name them: two parts."""

from fastapi import Request
from fastapi.responses import Response

from features.errors import UnknownNameError
from features.events.event_types import EVENTS
from serving.console.customer_facts import MOST
from serving.console.pages.customers import Customer
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen
from serving.predictions.service import PredictionService
from serving.records.contacts.of_customer import PastDue, list_past
from serving.records.database import Records
from serving.records.people.audit import exports_naming
from serving.touchpoints.trigger_pages import TriggerPage, read_triggers

router = console_router()


@router.get("/console/customers/{customer_id}/due")
def due(request: Request, customer_id: Customer) -> Response:
    """Show which touchpoints the tags of the day and events made due: a part of the page."""
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    service.tags([customer_id], [], caller_of(request).branches)
    try:
        triggers: TriggerPage | None = read_triggers(service.lake, None, MOST, customer=customer_id)
    except UnknownNameError:
        triggers = None
    with records.reading() as connection:
        events = list_past(connection, PastDue, customer_id, MOST)
    note_seen(request, [customer_id])
    return show(
        request,
        "customers/due.html",
        triggers=triggers,
        events=events,
        event_types=EVENTS,
        touchpoints=request.app.state.touchpoints.touchpoints_for(),
    )


@router.get("/console/customers/{customer_id}/exports")
def exports(request: Request, customer_id: Customer) -> Response:
    """Show the exports that name a customer, to whoever sees all branches: a part of the page."""
    service: PredictionService = request.app.state.service
    records: Records = request.app.state.records
    branches = caller_of(request).branches
    service.tags([customer_id], [], branches)
    named = []
    if branches is None:
        with records.reading() as connection:
            named = exports_naming(connection, customer_id, MOST)
    note_seen(request, [customer_id])
    return show(
        request, "customers/exports.html", exports=named, everything=branches is None, most=MOST
    )
