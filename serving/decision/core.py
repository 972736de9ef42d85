"""Decide from facts: an action or silence comes out, and nothing else is read or written.

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
    predictions : Mapping[str, float or None]
        Probability or mean by model; None where its question does not arise.
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
    predictions: Mapping[str, float | None]
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
class ScoredCandidate:
    """A candidate with its gates, and its value if they let it pass."""

    candidate: Candidate
    gates: list[Gate]
    value: Value | None

    @property
    def eligible(self) -> bool:
        """Whether it may be chosen."""
        return self.value is not None and gates.passed(self.gates)


@dataclass(frozen=True)
class DecisionResult:
    """What was decided, and everything that was weighed.

    Attributes
    ----------
    chosen : ScoredCandidate or None
        None is silence.
    mandatory : bool
        Whether it is a service message, which no value is asked of.
    probability : float
        With which this was chosen, given the facts.
    drawn, holdout : bool
        Whether a lot chose, and whether the customer is in the holdout of the cycle.
    customer_gates : list of Gate
        Those that keep back all marketing.
    candidates : list of ScoredCandidate
        Every candidate: those that may be chosen first, the best before.
    """

    chosen: ScoredCandidate | None
    mandatory: bool
    probability: float
    drawn: bool
    holdout: bool
    customer_gates: list[Gate]
    candidates: list[ScoredCandidate]


def settle(facts: Facts) -> DecisionResult:
    """Decide."""
    policy, customer = facts.policy, facts.customer_id
    holdout = in_holdout(policy.salt, customer, policy.cycle(facts.day), policy.holdout_share)
    customer_gates = gates.of_customer(facts.tags, holdout=holdout, open_event=facts.open_event)
    scored = [
        _scored(facts, candidate, block, customer_gates)
        for candidate, block in zip(facts.candidates, facts.blocks, strict=True)
    ]
    ranked = sorted(scored, key=_rank)
    # A service message must be given: the first that may be, in the order of the decision point.
    service = next((x for x in scored if x.candidate.kind == "service" and x.eligible), None)
    if service is not None:
        return DecisionResult(
            chosen=service,
            mandatory=True,
            probability=1.0,
            drawn=False,
            holdout=holdout,
            customer_gates=customer_gates,
            candidates=ranked,
        )
    choice = choose(
        [(x.candidate, x.value) for x in scored if x.eligible and x.value is not None],
        explores=explores(policy.salt, customer, facts.day, policy.exploration_share),
        lot_of=(policy.salt, "action", customer, facts.decision_point, month_of(facts.day)),
    )
    by_key = {x.candidate.key: x for x in scored}
    return DecisionResult(
        chosen=by_key[choice.candidate.key] if choice.candidate else None,
        mandatory=False,
        probability=choice.probability,
        drawn=choice.drawn,
        holdout=holdout,
        customer_gates=customer_gates,
        candidates=ranked,
    )


def _scored(
    facts: Facts, candidate: Candidate, block: Gate | None, customer_gates: Sequence[Gate]
) -> ScoredCandidate:
    own = gates.of_candidate(candidate, facts.tags, facts.permission, facts.only_channel)
    own += [block] if block is not None else []
    kept_back = candidate.kind == "marketing" and not gates.passed(customer_gates)
    if kept_back or not gates.passed(own):
        failed = [gate for gate in customer_gates if not gate.passed] if kept_back else []
        return ScoredCandidate(candidate, [*failed, *own], None)
    value = value_of(
        candidate,
        facts.policy,
        facts.tags,
        facts.predictions,
        facts.effects,
        margin=facts.margin,
        recent_contacts=facts.recent_contacts,
        capacity_price=facts.capacity_prices.get(candidate.channel, 0.0),
    )
    if value is None:
        english = f"the model {candidate.model} has no answer"
        own.append(Gate("prediction", False, "无可用预测", english))
    return ScoredCandidate(candidate, own, value)


def _rank(scored: ScoredCandidate) -> tuple[bool, float, tuple[str, str, str]]:
    return not scored.eligible, -scored.value.total if scored.value else 0.0, scored.candidate.key
