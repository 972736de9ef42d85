"""Build the answer of `POST /decide`: action, gates, values and reasons in two languages."""

from datetime import datetime

from serving.decision.candidates import Candidate, Value
from serving.decision.contact_text import ContactText
from serving.decision.core import DecisionResult, ScoredCandidate
from serving.decision.gates import Gate
from serving.decision.inputs import CustomerFacts, DecisionInputs
from serving.decision.schemas import (
    Action,
    ContactScript,
    DecideRequest,
    DecideResponse,
    GateTold,
    LeftOutTold,
    Option,
    Script,
    ValueTold,
)
from serving.decision.silence import DRAWN, NOT_WORTH_IT, NOTHING_DUE, held_gates, silence_reasons
from serving.records.contacts.caps import Reservation
from training.models import MODELS

COMING_BACK = "重新投保", "coming back"
MOST_GATES = 3
"""Gates that a silence is explained with."""


def build_response(
    request: DecideRequest,
    customer: CustomerFacts,
    inputs: DecisionInputs,
    result: DecisionResult,
    action: Action | None,
    *,
    decision_id: str,
    at: datetime,
) -> DecideResponse:
    """Build the answer of `POST /decide`.

    Parameters
    ----------
    request : DecideRequest
        The request; it says how many alternatives to list.
    customer : CustomerFacts
        What was known before the records were read.
    inputs : DecisionInputs
        What the decision was made from, and what was left out.
    result : DecisionResult
        The decision.
    action : Action or None
        The contact with its reservation and its script; None for silence.
    decision_id : str
        Number of the decision.
    at : datetime
        When the decision was made.
    """
    facts = inputs.facts
    others = [scored for scored in result.candidates if scored is not result.chosen]
    return DecideResponse(
        decision_id=decision_id,
        customer_id=request.customer_id,
        decision_point=request.decision_point,
        decided_at=at,
        action=action,
        reasons=_no_candidate(inputs, customer) or reasons(result),
        held_by=[] if result.chosen else _held_by(inputs, result),
        probability=result.probability,
        explored=result.drawn,
        holdout=result.holdout,
        profile_used=facts.permission.profiling is not False,
        degraded=customer.degraded,
        stale=inputs.stale,
        left_out=[LeftOutTold(**vars(touchpoint)) for touchpoint in inputs.left_out],
        gates=[_gate(gate) for gate in result.customer_gates],
        alternatives=[_option(scored) for scored in others[: request.alternatives]],
        predictions=dict(facts.predictions),
        star=customer.star,
        tags=customer.freshness,
        versions=dict(customer.versions),
    )


def build_action(candidate: Candidate, reservation: Reservation, text: ContactText) -> Action:
    """Describe the contact to make.

    Parameters
    ----------
    candidate : Candidate
        The candidate that was chosen.
    reservation : Reservation
        Its place under the contact caps.
    text : ContactText
        The script, its purpose, and who makes the contact.
    """
    return Action(
        contact_id=reservation.contact_id,
        touchpoint=candidate.touchpoint,
        label=candidate.label,
        kind=candidate.kind,
        purpose=Script(chinese=text.purpose_chinese, english=text.purpose_english),
        channel=candidate.channel,
        role=text.role,
        offer=candidate.offer.name if candidate.offer else None,
        planned_at=reservation.planned_at,
        reserved_until=reservation.reserved_until,
        script=ContactScript(
            chinese=text.chinese,
            english=text.english,
            title=Script(**vars(text.title)) if text.title else None,
            button=Script(**vars(text.button)) if text.button else None,
        ),
    )


def reasons(result: DecisionResult) -> Script:
    """Explain in words why this action was chosen, or why silence."""
    chosen = result.chosen
    if chosen is None:
        return _silence(result)
    label = chosen.candidate.label
    if result.mandatory:
        return Script(
            chinese=f"{label}：必要的服务通知，不参与排序。",
            english=f"{chosen.candidate.touchpoint}: a service message that must be given.",
        )
    if result.drawn:
        return Script(
            chinese=f"{label}：随机探索，选择概率{result.probability:.1%}。",
            english=f"{chosen.candidate.touchpoint}: drawn by lot, with probability "
            f"{result.probability:.1%}.",
        )
    value = chosen.value
    assert value is not None  # every eligible candidate has a value
    costs = value.benefit * value.weight - value.total
    if value.basis == "declared":
        return Script(
            chinese=f"{label}：关怀触达，每次价值{value.benefit:.2f}元，成本{costs:.2f}元，"
            f"净值{value.total:.2f}元。",
            english=f"{chosen.candidate.touchpoint}: a contact of care, worth {value.benefit:.2f} "
            f"yuan, at a cost of {costs:.2f}: {value.total:.2f} yuan net.",
        )
    won_chinese, won_english = _won(value)
    change, worth = value.change or 0.0, value.worth or 0.0
    chinese = f"提高{won_chinese}概率{change:.2%}"
    english = f"raises the probability of {won_english} by {change:.2%}"
    if value.basis == "uplift":
        chinese, english = f"至少{chinese}", f"{english} at the least"
    else:
        chinese = f"按经验规则（倾向，非增量）{chinese}"
        english += " by a rule of experience (propensity, not uplift)"
    return Script(
        chinese=f"{label}：{chinese}，每份价值{worth:,.0f}元，成本{costs:.2f}元，"
        f"净值{value.total:.2f}元。",
        english=f"{chosen.candidate.touchpoint}: {english}, worth {worth:,.0f} yuan each, "
        f"at a cost of {costs:.2f}: {value.total:.2f} yuan net.",
    )


def _no_candidate(inputs: DecisionInputs, customer: CustomerFacts) -> Script | None:
    """Explain why no touchpoint is a candidate: old tags, or what was done already."""
    if inputs.facts.candidates:
        return None
    if inputs.stale:
        as_of, age = customer.freshness.as_of, customer.freshness.age_days
        return Script(
            chinese=f"保持静默：客户标签截至{as_of}，已有{age}天，过旧不用。",
            english=f"Silence: the tags are of {as_of}, {age} days old, too old to be used.",
        )
    if inputs.left_out:
        first = inputs.left_out[0]
        return Script(chinese=f"保持静默：{first.chinese}。", english=f"Silence: {first.english}.")
    return None


def _held_by(inputs: DecisionInputs, result: DecisionResult) -> list[str]:
    """Name what a silence rests on: old tags, what was done already, else gates."""
    if not inputs.facts.candidates and inputs.stale:
        return ["stale"]
    if not inputs.facts.candidates and inputs.left_out:
        return [inputs.left_out[0].why]
    return silence_reasons(result)


def _won(value: Value) -> tuple[str, str]:
    """Say in both languages what a contact makes more probable."""
    purpose = MODELS[value.model].purpose if value.model else None
    return (purpose.won_chinese, purpose.won_english) if purpose else COMING_BACK


def _gate(gate: Gate) -> GateTold:
    return GateTold(**vars(gate))


def _value(value: Value | None) -> ValueTold | None:
    return None if value is None else ValueTold(total=value.total, **vars(value))


def _option(scored: ScoredCandidate) -> Option:
    candidate = scored.candidate
    return Option(
        touchpoint=candidate.touchpoint,
        label=candidate.label,
        kind=candidate.kind,
        channel=candidate.channel,
        offer=candidate.offer.name if candidate.offer else None,
        allowed=scored.eligible,
        value=_value(scored.value),
        gates=[_gate(gate) for gate in scored.gates],
    )


def _silence(result: DecisionResult) -> Script:
    """Explain a silence in words: the gates that held, the strongest first."""
    best = result.candidates[0] if result.candidates else None
    match silence_reasons(result):
        case [one] if one == NOTHING_DUE:
            chinese, english = (
                "该客户在此场景没有适用的触点",
                "no touchpoint applies to this customer here",
            )
        case [one] if one == DRAWN:
            chinese = f"随机探索，选择概率{result.probability:.1%}"
            english = f"drawn by lot, with probability {result.probability:.1%}"
        case [one] if one == NOT_WORTH_IT and best is not None and best.value is not None:
            worth = round(best.value.total, 2) or 0.0  # nobody reads -0.00
            chinese = f"最佳方案{best.candidate.label}净值{worth:.2f}元，不值得打扰"
            english = f"the best contact, {best.candidate.touchpoint}, is worth {worth:.2f} yuan"
        case _:
            gates = held_gates(result)[:MOST_GATES]
            chinese = "；".join(gate.chinese for gate in gates)
            english = "; ".join(gate.english for gate in gates)
    return Script(chinese=f"保持静默：{chinese}。", english=f"Silence: {english}.")
