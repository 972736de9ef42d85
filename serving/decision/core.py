"""The decision itself: facts in, an action or silence out, and nothing else read or written.

So a decision can be made again from its record, and gives the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.decision import gates
from serving.decision.candidates import Candidate, Value
from serving.decision.choice import choose
from serving.decision.gates import Gate, Permission
from serving.decision.lots import explores, in_holdout, month_of
from serving.decision.policy import Policy
from serving.decision.value import value_of


@dataclass(frozen=True)
class Facts:
    """Everything a decision depends on.

    Attributes
    ----------
    day : datetime.date
        The civil day in the insurer's time zone.
    tags : Mapping[str, object]
        Of the customer, as plain values.
    told : Mapping[str, float or None]
        Prediction by model.
    effects : Mapping[str, float]
        By treatment, lower bound of the change of the probability of renewal.
    margin : float or None
        Expected margin of the coming motor term in yuan.
    candidates : sequence of Candidate
        In the order of the decision point.
    blocks : sequence of Gate or None
        For each of them what the contact caps say; None: nothing holds it back.
    recent_contacts : int
        Contacts of the last 30 days, by whatever channel.
    capacity_prices : Mapping[str, float]
        Yuan by channel.
    only_channel : str or None
        The one channel that the touchpoint can use.
    open_event : bool
        Whether the touchpoint knows of a claim or complaint that no tag has yet.
    """

    customer_id: str
    decision_point: str
    day: date
    tags: Mapping[str, Any]
    told: Mapping[str, float | None]
    effects: Mapping[str, float]
    margin: float | None
    permission: Permission
    candidates: Sequence[Candidate]
    blocks: Sequence[Gate | None]
    recent_contacts: int
    capacity_prices: Mapping[str, float]
    policy: Policy
    only_channel: str | None = None
    open_event: bool = False


@dataclass(frozen=True)
class Judged:
    """A candidate, its gates, and its value if they let it pass."""

    candidate: Candidate
    gates: list[Gate]
    value: Value | None

    @property
    def open(self) -> bool:
        """Whether it may be chosen."""
        return self.value is not None and gates.passed(self.gates)


@dataclass(frozen=True)
class Settled:
    """What was decided, and everything that was weighed.

    Attributes
    ----------
    chosen : Judged or None
        None is silence.
    mandatory : bool
        Whether it is a service message, which no value is asked of.
    probability : float
        With which this was chosen, given the facts.
    drawn, holdout : bool
    customer_gates : list of Gate
        Those that keep back all marketing.
    judged : list of Judged
        Every candidate: those that may be chosen first, the best before.
    """

    chosen: Judged | None
    mandatory: bool
    probability: float
    drawn: bool
    holdout: bool
    customer_gates: list[Gate]
    judged: list[Judged]


def settle(facts: Facts) -> Settled:
    """Decide."""
    policy, customer = facts.policy, facts.customer_id
    holdout = in_holdout(policy.salt, customer, policy.cycle(facts.day), policy.holdout_share)
    whole = gates.of_customer(facts.tags, holdout=holdout, open_event=facts.open_event)
    judged = [
        _judged(facts, candidate, block, whole)
        for candidate, block in zip(facts.candidates, facts.blocks, strict=True)
    ]
    # A service message must be given: the first that may be, in the order of the decision point.
    mandatory = next((one for one in judged if one.candidate.kind == "service" and one.open), None)
    ranked = sorted(judged, key=_rank)
    if mandatory is not None:
        return Settled(mandatory, True, 1.0, False, holdout, whole, ranked)
    by_key = {one.candidate.key: one for one in judged}
    found = choose(
        [(one.candidate, one.value) for one in judged if one.open and one.value is not None],
        explores=explores(policy.salt, customer, facts.day, policy.exploration_share),
        lot_of=(policy.salt, "action", customer, facts.decision_point, month_of(facts.day)),
    )
    chosen = by_key[found.candidate.key] if found.candidate else None
    return Settled(chosen, False, found.probability, found.drawn, holdout, whole, ranked)


def _judged(
    facts: Facts, candidate: Candidate, block: Gate | None, whole: Sequence[Gate]
) -> Judged:
    found = gates.of_candidate(candidate, facts.tags, facts.permission, facts.only_channel)
    found += [block] if block is not None else []
    kept_back = candidate.kind == "marketing" and not gates.passed(whole)
    if kept_back or not gates.passed(found):
        failed = [gate for gate in whole if not gate.passed] if kept_back else []
        return Judged(candidate, [*failed, *found], None)
    value = value_of(
        candidate,
        facts.policy,
        facts.tags,
        facts.told,
        facts.effects,
        margin=facts.margin,
        recent_contacts=facts.recent_contacts,
        capacity_price=facts.capacity_prices.get(candidate.channel, 0.0),
    )
    if value is None:
        found.append(
            Gate("prediction", False, "无可用预测", f"the model {candidate.model} has no answer")
        )
    return Judged(candidate, found, value)


def _rank(one: Judged) -> tuple[bool, float, tuple[str, str, str]]:
    return not one.open, -one.value.total if one.value else 0.0, one.candidate.key
