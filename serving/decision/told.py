"""A decision in the words of the API: gates, values, and why, in Chinese and in English."""

from serving.decision.candidates import Candidate, Value
from serving.decision.core import Judged, Settled
from serving.decision.gates import Gate
from serving.decision.menu import Words
from serving.decision.schemas import Action, GateTold, Option, Script, ValueTold
from serving.records.contacts.caps import Reservation
from training.models import MODELS


def gate(found: Gate) -> GateTold:
    """A gate as the API says it."""
    return GateTold(**vars(found))


def value(found: Value | None) -> ValueTold | None:
    """A value as the API says it."""
    return None if found is None else ValueTold(total=found.total, **vars(found))


def option(found: Judged) -> Option:
    """A candidate as the API says it."""
    candidate = found.candidate
    return Option(
        touchpoint=candidate.touchpoint,
        label=candidate.label,
        kind=candidate.kind,
        channel=candidate.channel,
        offer=candidate.offer.name if candidate.offer else None,
        allowed=found.open,
        value=value(found.value),
        gates=[gate(one) for one in found.gates],
    )


def reasons(settled: Settled) -> Script:
    """Why this action, or why silence."""
    chosen = settled.chosen
    if chosen is None:
        return _silence(settled)
    label = chosen.candidate.label
    if settled.mandatory:
        return Script(
            chinese=f"{label}: 必要的服务通知, 不参与排序。",
            english=f"{chosen.candidate.touchpoint}: a service message that must be given.",
        )
    if settled.drawn:
        return Script(
            chinese=f"{label}: 随机探索, 选择概率{settled.probability:.1%}。",
            english=f"{chosen.candidate.touchpoint}: drawn by lot, with probability "
            f"{settled.probability:.1%}.",
        )
    found = chosen.value
    assert found is not None
    costs = found.benefit * found.weight - found.total
    change, worth = found.change or 0.0, found.worth or 0.0
    purpose = MODELS[chosen.candidate.model or ""].purpose
    assert purpose is not None
    chinese = f"提高{purpose.won_chinese}概率{change:.2%}"
    english = f"raises the probability of {purpose.won_english} by {change:.2%}"
    if found.basis == "uplift":
        chinese, english = f"至少{chinese}", f"{english} at the least"
    else:
        chinese = f"按经验规则(倾向, 非增量){chinese}"
        english += " by a rule of experience (propensity, not uplift)"
    return Script(
        chinese=f"{label}: {chinese}, 每份价值{worth:,.0f}元, 成本{costs:.2f}元, "
        f"净值{found.total:.2f}元。",
        english=f"{chosen.candidate.touchpoint}: {english}, worth {worth:,.0f} yuan each, "
        f"at a cost of {costs:.2f}: {found.total:.2f} yuan net.",
    )


def _silence(settled: Settled) -> Script:
    failed = [one for one in settled.customer_gates if not one.passed]
    if failed:
        return Script(
            chinese=f"保持静默: {failed[0].chinese}。", english=f"Silence: {failed[0].english}."
        )
    if settled.drawn:
        return Script(
            chinese=f"保持静默: 随机探索, 选择概率{settled.probability:.1%}。",
            english=f"Silence: drawn by lot, with probability {settled.probability:.1%}.",
        )
    opened = [one for one in settled.judged if one.open and one.value is not None]
    if opened:
        best = opened[0]
        total = best.value.total if best.value else 0.0
        return Script(
            chinese=f"保持静默: 最佳方案{best.candidate.label}净值{total:.2f}元, 不值得打扰。",
            english=f"Silence: the best contact, {best.candidate.touchpoint}, is worth "
            f"{total:.2f} yuan.",
        )
    if settled.judged:
        kept = next((one for one in settled.judged[0].gates if not one.passed), None)
        if kept is not None:
            return Script(
                chinese=f"保持静默: {kept.chinese}。", english=f"Silence: {kept.english}."
            )
    return Script(
        chinese="保持静默: 该客户在此场景没有适用的触点。",
        english="Silence: no touchpoint applies to this customer here.",
    )


def action(candidate: Candidate, place: Reservation, words: Words) -> Action:
    """The contact to make, with its place and its words."""
    return Action(
        contact_id=place.contact_id,
        touchpoint=candidate.touchpoint,
        label=candidate.label,
        kind=candidate.kind,
        purpose=Script(chinese=words.purpose_chinese, english=words.purpose_english),
        channel=candidate.channel,
        role=words.role,
        offer=candidate.offer.name if candidate.offer else None,
        planned_at=place.planned_at,
        reserved_until=place.reserved_until,
        script=Script(chinese=words.chinese, english=words.english),
    )
