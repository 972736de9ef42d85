"""Tell what another policy would have gained, by the decisions that were drawn by lot.

Their probabilities are in the records, so what came of them can be weighed for another policy
(doubly robust, `training.experiments.off_policy`). The reward is the margin of the customer's next
renewal less the cost of the contact; the model that is corrected is the value that the decision
itself stated.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from features.errors import GuanjiaError
from features.lake import Lake
from serving.decision.capacity.demand import past_decisions
from serving.decision.core import DecisionResult, Facts, settle
from serving.decision.record import restore_facts
from serving.decision.worth.policy import Policy
from serving.measurement.member_terms import read_terms
from serving.records.database import Records
from training.experiments.off_policy import PolicyValue, policy_value
from training.uplift.randomised_trials import OUTCOME


@dataclass(frozen=True)
class OffPolicyValue:
    """The value of another policy.

    Attributes
    ----------
    begin, end : datetime
        Decisions from `begin` until before `end`.
    as_of : date
        Last day whose outcomes are used.
    unripe : int
        Decisions drawn by lot whose customer's term is not ripe, or who has none: left out.
    value : PolicyValue
        Yuan a decision, with the effective number of decisions.
    """

    begin: datetime
    end: datetime
    as_of: date
    unripe: int
    value: PolicyValue


@dataclass(frozen=True)
class _Logged:
    """A drawn decision: what was done, and what the other policy does, as shares and yuan."""

    customer: str
    probability: float
    same: float
    stated: float
    stated_new: float
    cost: float
    margin: float
    base: float


def value_policy(
    lake: Lake, records: Records, policy: Policy, begin: datetime, end: datetime, as_of: date
) -> OffPolicyValue:
    """Estimate the value of another policy from the decisions of a span of time.

    Members of campaigns are left out: a lot of another kind chose their contacts.

    Parameters
    ----------
    lake : Lake
        The home with the checked policies.
    records : Records
        Where decisions are stored.
    policy : Policy
        The other policy; it is followed without drawing.
    begin, end : datetime
        Decisions from `begin` until before `end`.
    as_of : date
        Last day whose outcomes are used.

    Raises
    ------
    GuanjiaError
        If no decision was drawn by lot whose outcome is ripe.
    """
    calm = policy.model_copy(update={"exploration_share": 0.0})
    drawn = [
        logged
        for row in past_decisions(records, begin, end)
        if row["randomised"]
        and (logged := _logged(restore_facts(row["document"]["facts"]), calm)) is not None
    ]
    customers = sorted({logged.customer for logged in drawn})
    terms = read_terms(lake, customers, begin, as_of) if customers else {}
    ripe = [
        decision
        for decision in drawn
        if decision.customer in terms and terms[decision.customer].ripe
    ]
    if len(ripe) < 2:
        first, last = (
            decision.astimezone(ZoneInfo(lake.settings.timezone)) for decision in (begin, end)
        )
        fault = f"drawn by lot from {first:%Y-%m-%d} to {last:%Y-%m-%d} have no ripe outcome yet"
        cure = "wait until their terms are ripe, or raise exploration_share"
        raise GuanjiaError("decisions", fault, cure)
    renewed = np.array([terms[decision.customer].renewed for decision in ripe], float)
    margins, costs = (
        np.array([getattr(decision, name) for decision in ripe]) for name in ("margin", "cost")
    )
    names = ("probability", "same", "stated", "stated_new")
    probability, same, stated, stated_new = (
        np.array([getattr(decision, name) for decision in ripe], float) for name in names
    )
    base = np.array([decision.base for decision in ripe])
    _, clusters = np.unique([decision.customer for decision in ripe], return_inverse=True)
    value = policy_value(
        reward=renewed * margins - costs,
        logged=probability,
        new=same,
        expected=base + stated,
        expected_new=base + stated_new,
        clusters=clusters.astype(np.int64),
    )
    return OffPolicyValue(begin, end, as_of, len(drawn) - len(ripe), value)


def _logged(facts: Facts, policy: Policy) -> _Logged | None:
    """Decide a drawn decision again under the other policy; None where it has no reward."""
    if facts.campaign is not None or facts.margin is None:
        return None
    renewal = facts.predictions.get(OUTCOME)
    if renewal is None:
        return None
    then, now = settle(facts), settle(replace(facts, policy=policy))
    if not then.drawn:
        return None
    return _Logged(
        customer=facts.customer_id,
        probability=then.probability,
        same=float(_key(then) == _key(now)),
        stated=_stated(then),
        stated_new=_stated(now),
        cost=_cost(then),
        margin=facts.margin,
        base=renewal * facts.margin,
    )


def _key(result: DecisionResult) -> tuple[str, str, str] | None:
    return result.chosen.candidate.key if result.chosen else None


def _stated(result: DecisionResult) -> float:
    """Return the change of the margin less the cost of the contact, as the decision stated it."""
    chosen = result.chosen
    if chosen is None or chosen.value is None:
        return 0.0
    return chosen.value.benefit - chosen.value.contact - chosen.value.offer


def _cost(result: DecisionResult) -> float:
    chosen = result.chosen
    if chosen is None or chosen.value is None:
        return 0.0
    return chosen.value.contact + chosen.value.offer
