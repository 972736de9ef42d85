"""Explain a decision, and show who read, exported and erased what."""

from typing import Annotated

from fastapi import Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from features.tags.catalogue import catalogue
from serving.console.render import show
from serving.console.route import caller_of, console_router, note_seen
from serving.decision.schemas import DecideResponse
from serving.records.contacts.decisions import find_decision
from serving.records.database import Records
from serving.records.people.reviews import find_review
from serving.records.tables import erasures, exports, reads
from serving.touchpoints.fields import KINDS as CONTACT_KINDS
from training.models import MODELS

router = console_router()
MOST = 50
_EXPORTS = select(exports).order_by(exports.c.export_id.desc()).limit(MOST)
_READS = select(reads).order_by(reads.c.read_id.desc()).limit(MOST)
_ERASURES = select(erasures).order_by(erasures.c.receipt_id.desc()).limit(MOST)


@router.get("/console/compliance")
def compliance(
    request: Request, decision: Annotated[str, Query(max_length=64, pattern="^[0-9a-f]*$")] = ""
) -> Response:
    """Show exports, reads and erasures, the latest first; or go to a decision."""
    if decision:
        return RedirectResponse(f"/console/compliance/{decision}", 303)
    records: Records = request.app.state.records
    # Who read whom is of every branch: whoever sees one branch alone sees none of it.
    everything = caller_of(request).branches is None
    with records.reading() as connection:
        exported, seen, erased = (
            list(connection.execute(query).mappings()) if everything else []
            for query in (_EXPORTS, _READS, _ERASURES)
        )
    return show(
        request,
        "compliance.html",
        everything=everything,
        exports=exported,
        reads=seen,
        erasures=erased,
    )


@router.get("/console/compliance/{decision_id}")
def decision(
    request: Request,
    decision_id: Annotated[str, Path(min_length=1, max_length=64, pattern="^[0-9a-f]+$")],
) -> Response:
    """Explain a past decision: the answer, all that was weighed, and what it rested on."""
    records: Records = request.app.state.records
    with records.reading() as connection:
        row = find_decision(connection, decision_id, caller_of(request).branches)
        review = find_review(connection, decision_id)
    note_seen(request, [row["customer_id"]])
    document = row["document"]
    return show(
        request,
        "decision.html",
        answer=DecideResponse.model_validate(document["answer"]),
        candidates=document["facts"]["candidates"],
        tags=document["facts"]["tags"],
        review=review,
        known=catalogue(),
        models=MODELS,
        kinds=CONTACT_KINDS,
        points=request.app.state.touchpoints.shared.decision_points,
    )
