"""Write a decision: reserve its contact and store everything it rests on.

All of it happens in the transaction in which the customer's history was read, so there can be no
reservation without a decision, and no two contacts where one is allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from serving.decision.candidates import campaign_name
from serving.decision.contact_text import ContactText
from serving.decision.core import DecisionResult
from serving.decision.inputs import BRANCH, CustomerFacts, DecisionInputs
from serving.decision.record import RecordFrame, build_record
from serving.decision.response import build_action, build_response
from serving.decision.schemas import Action, DecideRequest, DecideResponse
from serving.records.columns import new_id
from serving.records.contacts.caps import Caps, ContactRequest
from serving.records.contacts.decisions import Decision, write_decision


@dataclass(frozen=True)
class SettledDecision:
    """A decision that is made and not yet written.

    Attributes
    ----------
    request : DecideRequest
        The request.
    subject : str
        The caller.
    at : datetime
        When the decision was made.
    customer : CustomerFacts
        What was known before the records were read.
    inputs : DecisionInputs
        What the decision was made from; its blocks include the findings about scripts.
    result : DecisionResult
        The decision.
    text : ContactText or None
        What the contact says; None for silence.
    """

    request: DecideRequest
    subject: str
    at: datetime
    customer: CustomerFacts
    inputs: DecisionInputs
    result: DecisionResult
    text: ContactText | None


def write(
    connection: Connection,
    caps: Caps,
    settled: SettledDecision,
    content: Mapping[str, Any],
    client_key: str | None,
    frame: RecordFrame,
) -> DecideResponse:
    """Reserve the contact, and store the decision with all it rests on.

    Parameters
    ----------
    connection : Connection
        The transaction in which the inputs were gathered.
    caps : Caps
        The contact caps.
    settled : SettledDecision
        The decision to write.
    content : Mapping[str, object]
        The request as it is stored, which the client key stands for.
    client_key : str or None
        The same key and request, sent again, get this decision again.
    frame : RecordFrame
        The stored frame of the record.

    Returns
    -------
    DecideResponse
        The answer, as in the record.
    """
    decision_id = new_id(settled.at)
    customer, result, facts = settled.customer, settled.result, settled.inputs.facts
    action = _reserve(connection, caps, settled, decision_id)
    answer = build_response(
        settled.request,
        customer,
        settled.inputs,
        result,
        action,
        decision_id=decision_id,
        at=settled.at,
    )
    chosen = result.chosen.candidate if result.chosen else None
    decision = Decision(
        customer_id=facts.customer_id,
        decision_point=facts.decision_point,
        decided_at=settled.at,
        document=build_record(facts, answer, content, settled.subject, frame),
        frame=frame.shared,
        branch=customer.tags[BRANCH],
        touchpoint=chosen.touchpoint if chosen else None,
        channel=chosen.channel if chosen else None,
        purpose=chosen.kind if chosen else None,
        mandatory=result.mandatory,
        randomised=result.drawn,
        probability=result.probability,
        holdout=result.holdout,
        degraded=customer.degraded,
        snapshot_id=customer.freshness.snapshot_id,
        decision_id=decision_id,
    )
    write_decision(connection, decision, client_key=client_key, request=content)
    return answer


def _reserve(
    connection: Connection, caps: Caps, settled: SettledDecision, decision_id: str
) -> Action | None:
    """Reserve the contact, with the text that will be sent."""
    chosen, text, request = settled.result.chosen, settled.text, settled.request
    if chosen is None or text is None:
        return None
    candidate, inputs = chosen.candidate, settled.inputs
    plan = inputs.plans[inputs.facts.candidates.index(candidate)]
    contact = ContactRequest(
        customer_id=request.customer_id,
        touchpoint=candidate.touchpoint,
        family=candidate.family,
        purpose=candidate.kind,
        channel=candidate.channel,
        planned_at=plan.at,
        branch=settled.customer.tags[BRANCH],
        campaign=campaign_name(candidate, inputs.facts.campaign, request.context.campaign),
        cost=Decimal(str(candidate.cost)),
        message=text.message,
        inbound=inputs.facts.inbound,
    )
    reservation = caps.reserve(
        connection, contact, settled.at, inputs.history, decision_id=decision_id
    )
    return build_action(candidate, reservation, text)
