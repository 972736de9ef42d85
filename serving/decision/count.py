"""Count a decision, once it is stored."""

from serving.decision.core import DecisionResult
from serving.decision.inputs import DecisionInputs
from serving.decision.schemas import DecideResponse
from serving.records.contacts.cap_rules import marketing_left
from serving.records.contacts.caps import Caps
from serving.telemetry.metrics import (
    CAPS_LEFT,
    CONTACTS,
    DECISIONS,
    DEGRADED,
    GATES,
    HOLDOUT_CONTACTS,
    SILENCES,
    labelled,
)


def count_decision(
    caps: Caps, inputs: DecisionInputs, result: DecisionResult, answer: DecideResponse
) -> None:
    """Count a decision: its action, what held others back, and what the caps had left.

    Parameters
    ----------
    caps : Caps
        The contact caps.
    inputs : DecisionInputs
        What the decision was made from.
    result : DecisionResult
        The decision.
    answer : DecideResponse
        The answer, as it is stored.
    """
    point, action = answer.decision_point, answer.action
    labelled(DECISIONS, point, "contact" if action else "silence").inc()
    if answer.degraded:
        labelled(DEGRADED, "decide").inc()
    closed = {
        (scored.candidate.touchpoint, gate.name)
        for scored in result.candidates
        if scored.value is None
        for gate in scored.gates
        if not gate.passed
    }
    for touchpoint, gate_name in closed:
        labelled(GATES, touchpoint, gate_name).inc()
    day = answer.decided_at.astimezone(inputs.zone).date()
    left = marketing_left(caps.rules, inputs.history, day)
    if left is not None:
        CAPS_LEFT.observe(left)
    if action is None:
        labelled(SILENCES, point, next(iter(answer.held_by), "none")).inc()
        return
    labelled(CONTACTS, action.touchpoint, action.channel, action.kind).inc()
    if answer.holdout and action.kind == "marketing":
        HOLDOUT_CONTACTS.inc()
