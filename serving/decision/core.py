"""Decide from facts alone: nothing else is read and nothing is written.

So a decision can be replayed from its record, with the same answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from serving.campaigns.membership import CampaignArm
from serving.decision import gates
from serving.decision.candidates import Candidate, Value
from serving.decision.choice import choose
from serving.decision.gates import Gate, Permission
from serving.decision.lots import explores, in_holdout, month_of
from serving.decision.worth.policy import Policy
from serving.decision.worth.value import value_candidate

Text = TypeVar("Text")


@dataclass(frozen=True)
class Facts:
    """Everything a decision depends on.

    Attributes
    ----------
    day : datetime.date
        The civil day in the insurer's time zone.
    tags : Mapping[str, object]
        The customer's tags by name, as plain values.
    predictions : Mapping[str, float or None]
        Probability or mean by model; None if its question does not arise for the customer.
    effects : Mapping[str, float]
        By treatment, lower bound of the change of the probability of renewal.
    margin : float or None
        Expected margin of the coming motor term in yuan.
    permission : Permission
        What the customer consents to.
    candidates : sequence of Candidate
        In the order of the decision point.
    blocks : sequence of Gate or None
        For each candidate the contact cap that blocks it; None: no cap does.
    recent_contacts : int
        Contacts of the last 30 days, by any channel.
    capacity_prices : Mapping[str, float]
        By channel, yuan that one contact of today is worth to other customers.
    policy : Policy
        The policy of the home.
    only_channel : str or None
        The only channel that the caller can use.
    open_event : bool
        Whether the caller knows of a claim or complaint that the tags do not have yet.
    inbound : bool
        Whether the customer came to us, and is reached already.
    lot : str or None
        What tells this decision's draw from others of the customer: its instant. None, in records
        of earlier releases: the month.
    campaign : CampaignArm or None
        The arm of a running campaign that the customer is in. None, and in records of earlier
        releases: none.
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
    inbound: bool = False
    lot: str | None = None
    campaign: CampaignArm | None = None


@dataclass(frozen=True)
class ScoredCandidate:
    """A candidate with its gates, and its value if it passes them."""

    candidate: Candidate
    gates: list[Gate]
    value: Value | None

    @property
    def eligible(self) -> bool:
        """Whether the candidate may be chosen."""
        return self.value is not None and gates.all_passed(self.gates)


@dataclass(frozen=True)
class DecisionResult:
    """The candidate chosen, and everything that was weighed.

    Attributes
    ----------
    chosen : ScoredCandidate or None
        None is silence.
    mandatory : bool
        Whether it is a service message, which needs no value.
    probability : float
        Probability of this choice, given the facts.
    drawn, holdout : bool
        Whether it was drawn by lot, and whether the customer is in the holdout of the cycle.
    customer_gates : list of Gate
        Gates of the customer, which block all marketing.
    candidates : list of ScoredCandidate
        Every candidate, ranked: eligible ones first, the best of them at the head.
    """

    chosen: ScoredCandidate | None
    mandatory: bool
    probability: float
    drawn: bool
    holdout: bool
    customer_gates: list[Gate]
    candidates: list[ScoredCandidate]


def settle(facts: Facts) -> DecisionResult:
    """Score every candidate and choose one of them, or silence."""
    policy, customer = facts.policy, facts.customer_id
    holdout = in_holdout(policy.salt, customer, policy.cycle(facts.day), policy.holdout_share)
    customer_gates = gates.check_customer(facts.tags, holdout=holdout, open_event=facts.open_event)
    scored = [
        _score_candidate(facts, candidate, block, customer_gates)
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
    given = _campaign_contact(facts, ranked)
    if given is not None:
        return DecisionResult(
            chosen=given,
            mandatory=False,
            probability=1.0,
            drawn=False,
            holdout=holdout,
            customer_gates=customer_gates,
            candidates=ranked,
        )
    choice = choose(
        [(x.candidate, x.value) for x in scored if x.eligible and x.value is not None],
        explores=_may_explore(facts)
        and explores(policy.salt, customer, facts.day, policy.exploration_share),
        # Were it the same all month, who drew silence on its first day would never draw a contact.
        lot_words=(
            policy.salt,
            "action",
            customer,
            facts.decision_point,
            facts.lot or month_of(facts.day),
        ),
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


def _may_explore(facts: Facts) -> bool:
    """Check that no campaign has drawn the customer's contacts already."""
    return facts.campaign is None or facts.campaign.kind == "as_before"


def _campaign_contact(facts: Facts, ranked: Sequence[ScoredCandidate]) -> ScoredCandidate | None:
    """Find the contact that the lot of a campaign gave the customer, whatever its value."""
    if facts.campaign is None or facts.campaign.kind != "treatment":
        return None
    return next((x for x in ranked if x.eligible and x.candidate.kind == "marketing"), None)


def settle_worded(
    facts: Facts, read: Callable[[Candidate], tuple[Text, Gate | None]]
) -> tuple[Facts, DecisionResult, Text | None]:
    """Settle facts, and find the text of the contact that is chosen; one that may be sent.

    A script costs time to fill and to check, so of a choice that no lot has a part in only the
    chosen one is read; if it may not be sent, the next best is chosen. Of a draw every candidate is
    read first: were another one drawn only when one may not be sent, the probability in the answer
    would not be that of the choice.

    Parameters
    ----------
    facts : Facts
        What the decision depends on.
    read : callable
        Fills in the script of a candidate: the text, and the gate that holds it back, if any.

    Returns
    -------
    facts : Facts
        The same, with the gates of scripts among the blocks.
    result : DecisionResult
        The decision.
    text : Text or None
        What the contact says; None for silence.
    """
    texts: dict[Candidate, Text] = {}
    while True:
        result = settle(facts)
        weighed = result.candidates if result.drawn else [result.chosen]
        blocks = list(facts.blocks)
        for scored in weighed:
            if scored is None or not scored.eligible or scored.candidate in texts:
                continue
            texts[scored.candidate], gate = read(scored.candidate)
            if gate is not None:
                blocks[facts.candidates.index(scored.candidate)] = gate
        if blocks == list(facts.blocks):
            chosen = result.chosen
            return facts, result, texts[chosen.candidate] if chosen else None
        facts = replace(facts, blocks=blocks)


def _score_candidate(
    facts: Facts, candidate: Candidate, block: Gate | None, customer_gates: Sequence[Gate]
) -> ScoredCandidate:
    checked = gates.check_contact(
        candidate,
        facts.tags,
        facts.permission,
        customer_gates,
        block,
        only_channel=facts.only_channel,
        inbound=facts.inbound,
        campaign=facts.campaign,
    )
    own = checked.gates
    if not checked.eligible:
        return ScoredCandidate(candidate, own, None)
    value = value_candidate(
        candidate,
        facts.policy,
        facts.tags,
        facts.predictions,
        facts.effects,
        margin=facts.margin,
        recent_contacts=facts.recent_contacts,
        capacity_price=facts.capacity_prices.get(candidate.channel, 0.0),
        inbound=facts.inbound,
    )
    if value is None:
        english = f"the model {candidate.model} has no answer"
        own.append(Gate("prediction", False, "无可用预测", english))
    return ScoredCandidate(candidate, own, value)


def _rank(scored: ScoredCandidate) -> tuple[bool, float, tuple[str, str, str]]:
    return not scored.eligible, -scored.value.total if scored.value else 0.0, scored.candidate.key
