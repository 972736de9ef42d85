"""Carry a decision out: its contact gets a place, and everything is written down.

All of it in the transaction in which the customer's history was read: a place without a decision,
or two contacts where one is allowed, cannot be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from serving.decision.core import DecisionResult
from serving.decision.gather import BRANCH, CustomerFacts, Gathered
from serving.decision.record import record_of
from serving.decision.response import action_of, answer_of
from serving.decision.schemas import Action, DecideRequest, DecideResponse
from serving.decision.touchpoint_menu import ContactText
from serving.records.columns import new_id
from serving.records.contacts.caps import Caps, ContactRequest
from serving.records.contacts.decisions import Decision, write_decision


@dataclass(frozen=True)
class Settled:
    """A decision that is made and not yet written down.

    Attributes
    ----------
    request : DecideRequest
        What was asked.
    subject : str
        Who asked.
    at : datetime
        When.
    customer : CustomerFacts
        What was known before the records were asked.
    gathered : Gathered
        What was decided from, the findings about texts among the blocks.
    result : DecisionResult
        What was decided.
    text : ContactText or None
        What the contact says; None for silence.
    """

    request: DecideRequest
    subject: str
    at: datetime
    customer: CustomerFacts
    gathered: Gathered
    result: DecisionResult
    text: ContactText | None


def write(
    connection: Connection,
    caps: Caps,
    settled: Settled,
    content: Mapping[str, Any],
    client_key: str | None,
) -> DecideResponse:
    """Reserve the contact, and keep the decision with all it rests on.

    Parameters
    ----------
    connection : Connection
        Of the transaction in which `settled` was gathered.
    caps : Caps
        Rules of contacts.
    settled : Settled
        What was decided.
    content : Mapping[str, object]
        The request as it is kept, which the client's key stands for.
    client_key : str or None
        Whoever sends it again with the same request gets this decision.

    Returns
    -------
    DecideResponse
        The answer, as it is in the record.
    """
    decision_id = new_id(settled.at)
    customer, result, facts = settled.customer, settled.result, settled.gathered.facts
    action = _reserve(connection, caps, settled, decision_id)
    answer = answer_of(
        settled.request, customer, facts, result, action, decision_id=decision_id, at=settled.at
    )
    chosen = result.chosen.candidate if result.chosen else None
    decision = Decision(
        customer_id=facts.customer_id,
        decision_point=facts.decision_point,
        decided_at=settled.at,
        document=record_of(facts, answer, content, settled.subject),
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
    connection: Connection, caps: Caps, settled: Settled, decision_id: str
) -> Action | None:
    """Give the contact its place; its words are those that will be sent."""
    chosen, text, request = settled.result.chosen, settled.text, settled.request
    if chosen is None or text is None:
        return None
    candidate, gathered = chosen.candidate, settled.gathered
    plan = gathered.plans[gathered.facts.candidates.index(candidate)]
    contact = ContactRequest(
        customer_id=request.customer_id,
        touchpoint=candidate.touchpoint,
        family=candidate.family,
        purpose=candidate.kind,
        channel=candidate.channel,
        planned_at=plan.at,
        branch=settled.customer.tags[BRANCH],
        campaign=request.context.campaign,
        cost=Decimal(str(candidate.cost)),
        message=text.chinese,
    )
    place = caps.reserve(connection, contact, settled.at, gathered.history, decision_id=decision_id)
    return action_of(candidate, place, text)
