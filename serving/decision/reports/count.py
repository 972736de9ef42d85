"""Count a decision, once it is stored."""

from serving.decision.core import DecisionResult
from serving.decision.inputs import DecisionInputs
from serving.decision.schemas import DecideResponse
from serving.records.contacts.caps import Caps
from serving.telemetry.metrics import (
    CAPS_LEFT,
    CONTACTS,
    DECISIONS,
    DEGRADED,
    GATES,
    HOLDOUT_CONTACTS,
    MOST_LEFT,
    SILENCES,
    count,
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
    counters = [labelled(DECISIONS, point, "contact" if action else "silence")]
    if answer.degraded:
        counters.append(labelled(DEGRADED, "decide"))
    closed = {
        (scored.candidate.touchpoint, gate.name)
        for scored in result.candidates
        if scored.value is None
        for gate in scored.gates
        if not gate.passed
    }
    counters += [labelled(GATES, touchpoint, gate_name) for touchpoint, gate_name in closed]
    day = answer.decided_at.astimezone(inputs.zone).date()
    left = caps.marketing.left(inputs.history, day)
    if left is not None:
        counters.append(labelled(CAPS_LEFT, str(min(left, MOST_LEFT))))
    if action is None:
        counters.append(labelled(SILENCES, point, next(iter(answer.held_by), "none")))
    else:
        counters.append(labelled(CONTACTS, action.touchpoint, action.channel, action.kind))
        if answer.holdout and action.kind == "marketing":
            counters.append(HOLDOUT_CONTACTS)
    count(*counters)
