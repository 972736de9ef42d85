"""Build the answer of `POST /decide`: action, gates, values and reasons in two languages."""

from datetime import datetime

from serving.decision.candidates import Candidate, Value
from serving.decision.contact_text import ContactText
from serving.decision.core import DecisionResult, ScoredCandidate
from serving.decision.gates import Gate
from serving.decision.gather import CustomerFacts, DecisionInputs
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
from serving.records.contacts.caps import Reservation
from training.models import MODELS


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
            chinese=f"{label}: 必要的服务通知, 不参与排序。",
            english=f"{chosen.candidate.touchpoint}: a service message that must be given.",
        )
    if result.drawn:
        return Script(
            chinese=f"{label}: 随机探索, 选择概率{result.probability:.1%}。",
            english=f"{chosen.candidate.touchpoint}: drawn by lot, with probability "
            f"{result.probability:.1%}.",
        )
    value = chosen.value
    assert value is not None  # every eligible candidate has a value
    purpose = MODELS[chosen.candidate.model or ""].purpose
    assert purpose is not None  # a benefit comes from a model with a purpose
    costs = value.benefit * value.weight - value.total
    change, worth = value.change or 0.0, value.worth or 0.0
    chinese = f"提高{purpose.won_chinese}概率{change:.2%}"
    english = f"raises the probability of {purpose.won_english} by {change:.2%}"
    if value.basis == "uplift":
        chinese, english = f"至少{chinese}", f"{english} at the least"
    else:
        chinese = f"按经验规则(倾向, 非增量){chinese}"
        english += " by a rule of experience (propensity, not uplift)"
    return Script(
        chinese=f"{label}: {chinese}, 每份价值{worth:,.0f}元, 成本{costs:.2f}元, "
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
            chinese=f"保持静默: 客户标签截至{as_of}, 已有{age}天, 过旧不用。",
            english=f"Silence: the tags are of {as_of}, {age} days old, too old to be used.",
        )
    if inputs.left_out:
        first = inputs.left_out[0]
        return Script(chinese=f"保持静默: {first.chinese}。", english=f"Silence: {first.english}.")
    return None


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
    failed = [gate for gate in result.customer_gates if not gate.passed]
    if failed:
        return Script(
            chinese=f"保持静默: {failed[0].chinese}。", english=f"Silence: {failed[0].english}."
        )
    if result.drawn:
        return Script(
            chinese=f"保持静默: 随机探索, 选择概率{result.probability:.1%}。",
            english=f"Silence: drawn by lot, with probability {result.probability:.1%}.",
        )
    best = result.candidates[0] if result.candidates else None
    if best is not None and best.eligible and best.value is not None:
        total = best.value.total
        return Script(
            chinese=f"保持静默: 最佳方案{best.candidate.label}净值{total:.2f}元, 不值得打扰。",
            english=f"Silence: the best contact, {best.candidate.touchpoint}, is worth "
            f"{total:.2f} yuan.",
        )
    first = next((gate for gate in best.gates if not gate.passed), None) if best else None
    if first is not None:
        return Script(chinese=f"保持静默: {first.chinese}。", english=f"Silence: {first.english}.")
    return Script(
        chinese="保持静默: 该客户在此场景没有适用的触点。",
        english="Silence: no touchpoint applies to this customer here.",
    )
