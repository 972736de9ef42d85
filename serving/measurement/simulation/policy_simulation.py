"""Decide the recorded decisions of a span of time again under other rules, and tell what differs.

Both worlds are simulated alike, decision by decision in the order of time: the rules as they are,
and the edited ones. In each the caps count the contacts that this world made. How often the first
world decides as the records say is told too: it is the measure of what the simulation can know.

Which touchpoints were due is taken from the records, but for those whose trigger is edited, and new
ones: whether they are due follows from the tags of the record and from the contacts of the world
(`EditedTriggers`). Where a record cannot tell, they are due as recorded, and are named
(`timed_as_recorded`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import Report, quiet
from serving.decision.candidates import Candidate, campaign_name
from serving.decision.capacity.demand import Demand, measure_demand, past_decisions
from serving.decision.capacity.prices import price_branch
from serving.decision.capacity.settings import Capacity
from serving.decision.core import DecisionResult, Facts, settle
from serving.decision.gates import Gate
from serving.decision.inputs import LATEST_CONSENTS, base_of
from serving.decision.record import restore_facts
from serving.decision.silence import silence_reasons
from serving.decision.touchpoint_source import TouchpointSource
from serving.decision.worth.policy import Policy
from serving.measurement.simulation.edited_rules import EditedRules
from serving.measurement.simulation.edited_triggers import EditedTriggers, Offers
from serving.measurement.simulation.lifted_gates import lift_gate
from serving.measurement.simulation.past_contacts import PastContacts
from serving.measurement.simulation.simulated_world import PolicySimulation, World
from serving.records.contacts.cap_rules import Plan, plan
from serving.records.contacts.caps import Caps
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.database import Records

OF_TEXTS = ("words", "content")
Prices = Mapping[str, Mapping[str, float]]
"""Branch and channel -> yuan that a contact is worth to others."""


@dataclass(frozen=True)
class Rules:
    """Rules that decide a world.

    Attributes
    ----------
    caps : Caps
        The contact caps.
    policy : Policy or None
        The policy; None: that of each record.
    touchpoints : TouchpointSource or None
        Costs, channels and offers of touchpoints; None: those of each record.
    triggers : EditedTriggers or None
        Touchpoints that are due at other times; None: all are due as recorded.
    prices : Mapping of branch to Mapping of channel to float, or None
        Prices of capacity; None: those of each record.
    """

    caps: Caps
    policy: Policy | None = None
    touchpoints: TouchpointSource | None = None
    triggers: EditedTriggers | None = None
    prices: Prices | None = None


def simulate_policy(
    lake: Lake,
    records: Records,
    edited: EditedRules,
    begin: datetime,
    end: datetime,
    report: Report = quiet,
) -> PolicySimulation:
    """Decide the decisions of a span of time again, under the rules as they are and as edited.

    Parameters
    ----------
    lake : Lake
        The home with the rules as they are.
    records : Records
        Where decisions and contacts are stored.
    edited : EditedRules
        The edited rules; none: only the silence of now is explained.
    begin, end : datetime
        Decisions from `begin` until before `end`.
    report : Report
        Called with progress, in decisions.

    Raises
    ------
    GuanjiaError
        If nothing was decided then, or a file of the home has a fault.
    """
    zone = lake.settings.timezone
    caps = Caps(load_contact_caps(lake.home), zone)
    triggers = None
    if edited.touchpoints is not None and edited.folder is not None:
        triggers = EditedTriggers(lake.home, edited.folder, edited.touchpoints, ZoneInfo(zone))
    rules = Rules(
        caps=caps if edited.caps is None else Caps(edited.caps, zone),
        policy=edited.policy,
        touchpoints=edited.touchpoints,
        triggers=triggers if triggers is not None and triggers.names else None,
        prices=None
        if edited.capacity is None
        else _prices(records, edited.capacity, begin, end, zone),
    )
    longest = _longest(rules.caps)
    if rules.triggers is not None and rules.touchpoints is not None:
        # Edited triggers look back a year; the world as it is asks the caps alone.
        longest = max(longest, rules.touchpoints.memory)
    worlds = World(), World()
    pasts = [PastContacts(records, begin, end, back) for back in (_longest(caps), longest)]
    for row in past_decisions(records, begin, end):
        document: Mapping[str, Any] = row["document"]
        facts = restore_facts(document["facts"])
        decided = Recorded(facts, row, document)
        _decide(worlds[0], pasts[0], decided, Rules(caps), explain=True)
        _decide(worlds[1], pasts[1], decided, rules)
        report("decisions", worlds[0].decisions, None)
    if not worlds[0].decisions:
        first, last = (instant.astimezone(ZoneInfo(zone)) for instant in (begin, end))
        span = f"decisions from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        chinese = f"{first:%Y-%m-%d} 至 {last:%Y-%m-%d} 的决策", "一条也没有", "请选有决策的月份"
        cure = "ask /decide first, or name another month"
        raise GuanjiaError(span, "are none", cure, chinese=chinese)
    if triggers is None:
        return PolicySimulation(begin, end, edited.names, *worlds)
    edited_names = [name for name in triggers.names if name not in triggers.untold]
    untold = [name for name in triggers.names if name in triggers.untold]
    return PolicySimulation(begin, end, edited.names, *worlds, edited_names, untold)


@dataclass(frozen=True)
class Recorded:
    """A recorded decision: its facts, its row, and its document."""

    facts: Facts
    row: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def action(self) -> tuple[str, str, str] | None:
        """Touchpoint, channel and offer that were chosen; None: silence."""
        action = self.document["answer"]["action"]
        if action is None:
            return None
        return action["touchpoint"], action["channel"], action["offer"] or ""


def _decide(
    world: World, past: PastContacts, recorded: Recorded, rules: Rules, *, explain: bool = False
) -> None:
    """Decide once more in a world, and count what it decides."""
    facts, at = recorded.facts, recorded.row["decided_at"]
    branch = recorded.row["branch"]
    requested = recorded.document["request"]["context"].get("campaign")
    history = past.history(facts.customer_id, at, rules.caps.rules)
    if facts.tags.get(LATEST_CONSENTS):
        history = history.with_later(base_of({**facts.tags, "freshness": at}))
    unsaid = {
        candidate.key: block
        for candidate, block in zip(facts.candidates, facts.blocks, strict=True)
        if block is not None and block.name in OF_TEXTS
    }
    planned: dict[tuple[str, str, str], tuple[Plan, Any]] = {}

    def plan_of(candidate: Candidate) -> Plan:
        if candidate.key not in planned:
            traits = rules.caps.traits(
                candidate.family,
                candidate.kind,
                candidate.channel,
                campaign_name(candidate, facts.campaign, requested),
                branch,
                inbound=facts.inbound,
            )
            planned[candidate.key] = plan(rules.caps.rules, history, traits, at), traits
        return planned[candidate.key][0]

    zone = rules.caps.zone(branch)
    candidates = list(facts.candidates)
    if rules.touchpoints is not None:
        offers: Offers = {}
        if rules.triggers is not None:
            context = recorded.document["request"]["context"]
            offers = rules.triggers.offers(
                facts,
                context,
                history,
                lambda candidate: plan_of(candidate).at.astimezone(zone).date(),
            )
        candidates = _offered(rules.touchpoints, recorded, branch, offers)
    blocks: list[Gate | None] = []
    for candidate in candidates:
        block = plan_of(candidate).block
        own = None if block is None else Gate(block.rule, False, block.chinese, block.english)
        blocks.append(own or unsaid.get(candidate.key))
    changed = replace(
        facts,
        candidates=candidates,
        blocks=blocks,
        policy=rules.policy or facts.policy,
        capacity_prices=facts.capacity_prices
        if rules.prices is None
        else rules.prices.get(str(branch), {}),
    )
    result = settle(changed)
    _count(world, facts.customer_id, result)
    key = result.chosen.candidate.key if result.chosen else None
    world.as_recorded += key == recorded.action
    if result.chosen is not None:
        contact_plan, traits = planned[result.chosen.candidate.key]
        day = contact_plan.at.astimezone(zone).date()
        touchpoint = result.chosen.candidate.touchpoint
        past.add(facts.customer_id, at, day, traits, touchpoint, contact_plan.at)
    elif explain:
        reason = silence_reasons(result)[0]
        lifted = lift_gate(changed, reason)
        if lifted is not None:
            better = settle(lifted).chosen
            worth = better.value.total if better is not None and better.value is not None else 0.0
            world.lifted[reason] = world.lifted.get(reason, 0.0) + max(worth, 0.0)


def _count(world: World, customer_id: str, result: DecisionResult) -> None:
    world.decisions += 1
    chosen = result.chosen
    if chosen is None:
        world.silence[silence_reasons(result)[0]] += 1
    elif chosen.candidate.kind == "service":
        world.service += 1
    else:
        world.marketing += 1
        world.channels[chosen.candidate.channel] += 1
        world.expected_yuan += chosen.value.total if chosen.value is not None else 0.0
        world.reached.add(customer_id)
        world.silent_customers.discard(customer_id)
        return
    if customer_id not in world.reached:
        world.silent_customers.add(customer_id)


def _offered(
    source: TouchpointSource, recorded: Recorded, branch: str | None, offers: Offers
) -> list[Candidate]:
    """List the candidates of the touchpoints that are due, as an edited catalogue has them.

    Due are those of `offers` that have candidates, and others that were due in the record.
    """
    facts = recorded.facts
    actions = source.actions_at(
        facts.decision_point,
        branch,
        recorded.document["request"]["context"].get("stage"),
        facts.tags.get("star_level"),
    )
    due = {candidate.touchpoint for candidate in facts.candidates}
    by_name = {name: options for name, options in actions.items() if name in due} | offers
    return [candidate for name in actions for candidate in by_name.get(name, ())]


def _prices(
    records: Records, declared: Capacity, begin: datetime, end: datetime, zone: str
) -> dict[str, dict[str, float]]:
    """Price the edited capacity by the demand of all decisions of the span."""
    demands, days = measure_demand(records, begin, end, ZoneInfo(zone))
    branches: Iterable[str] = sorted({*demands, *declared.branches})
    return {
        branch: {
            price.channel: price.price
            for price in price_branch(
                branch, demands.get(branch, Demand()), declared.limits_for(branch), max(days, 1)
            )
        }
        for branch in branches
    }


def _longest(caps: Caps) -> timedelta:
    cooling = caps.rules.cooling_off
    days = max(caps.rules.longest_days, cooling.refused_days, cooling.opted_out_days)
    return timedelta(days=days + 1)
