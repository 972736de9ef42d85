"""Intervals at maturity, at planned looks and at any time, for `campaign_coverage.py`."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from campaign_shares import LOOKS, TERMS, covers, share
from drawn_campaigns import (
    Campaign,
    draw_campaign,
    draw_fleets,
    true_effects,
    true_fleet_effect,
)
from measuring import Measured

from training.experiments.always_valid import (
    always_valid_interval,
    excess_evidence,
    log_harm_strength,
    width_factor,
)
from training.experiments.effects import average_effect
from training.experiments.interim import LookResult, result_at_look
from training.experiments.looks import LookPlan
from training.experiments.ratios import ratio_effect

EFFECT = 0.40
"""Mean change of the log-odds: the effect that 3,000 terms see about four times in five."""
PAST = (1.2, 1.4, 1.6)
"""Looks after the plan, as shares of the planned terms."""
EVERY = 30
"""Looks of an always-valid interval."""
LIMIT = 0.02
"""Rate of opt-outs that must not be exceeded."""


def fixed(rounds: int) -> Iterator[Measured]:
    """Intervals at maturity, without and with covariate and branches, of renewals and of yuan."""
    draw, fleets = np.random.default_rng(1), np.random.default_rng(5)
    renewal, yuan = true_effects(EFFECT)
    fleet = true_fleet_effect(EFFECT)
    hits: Counter[str] = Counter()
    narrower = []
    for _ in range(rounds):
        campaign = draw_campaign(TERMS, EFFECT, draw)
        effect = average_effect(campaign.renewed, campaign.sample)
        money = average_effect(campaign.net, campaign.sample)
        few = campaign.ripe(300)
        small = average_effect(few[1], few[0])
        narrower.append(effect.explained)
        cars = draw_fleets(TERMS, EFFECT, fleets)
        every = ratio_effect(cars.renewed, cars.terms, cars.sample)
        hits["renewals of all terms"] += covers(every.low, every.high, fleet)
        hits["renewals"] += covers(effect.low, effect.high, renewal)
        hits["net yuan"] += covers(money.low, money.high, yuan)
        hits["renewals of 300 terms"] += covers(small.low, small.high, renewal)
    for name, many in hits.items():
        # Few terms: as the intervals of reports, benchmarks/coverage.py.
        least, most = (0.93, 0.97) if "300" in name else (0.94, 0.96)
        yield share(f"fixed at maturity, {name}: holds the truth", many, rounds, least, most)
    yield Measured(
        "variance that the champion and branches explain", "share", float(np.mean(narrower))
    )


def looks(rounds: int) -> Iterator[Measured]:
    """Planned looks under no effect and under one; looks past the plan."""
    plan = LookPlan(LOOKS)
    for spending in ("obrien_fleming", "pocock"):
        yield from _false_claims(rounds, LookPlan(LOOKS, spending))  # type: ignore[arg-type]
    draw = np.random.default_rng(3)
    seen = single = 0
    for _ in range(rounds):
        campaign = draw_campaign(TERMS, EFFECT, draw)
        results = _at_looks(campaign, plan)
        seen += any(result.gains for result in results)
        single += average_effect(*campaign.ripe(TERMS)[1::-1]).low > 0
    yield share("one look: sees the effect", single, rounds)
    yield share("planned looks: see the effect", seen, rounds)
    yield Measured("planned looks: power over one look's", "ratio", seen / single, at_least=0.95)


def _false_claims(rounds: int, plan: LookPlan) -> Iterator[Measured]:
    draw = np.random.default_rng(2)
    gains = any_claim = past = plain = 0
    for _ in range(rounds):
        campaign = draw_campaign(int(TERMS * PAST[-1]), 0.0, draw)
        every = _at_looks(campaign, plan, PAST)
        results, late = every[:LOOKS], every[LOOKS:]
        gains += any(result.gains for result in results)
        any_claim += any(result.gains or result.loses for result in results)
        past += any(result.gains for result in [*results, *late])
        plain += any(abs(r.effect.value) > 1.959964 * r.effect.deviation for r in results)
    name = plan.spending
    yield share(f"{name}: false benefit at any planned look", gains, rounds, at_most=0.05)
    yield share(f"{name}: the same, three looks past the plan too", past, rounds, at_most=0.05)
    yield share(f"{name}: false claim of either kind (5% are stated)", any_claim, rounds)
    yield share("plain intervals at the same looks: false claim", plain, rounds)


def _at_looks(campaign: Campaign, plan: LookPlan, past: tuple[float, ...] = ()) -> list[LookResult]:
    """The results at the planned looks, and at those past the plan."""
    planned = _planned_deviation()
    results: list[LookResult] = []
    for fraction in (*plan.fractions, *past):
        sample, renewed, _ = campaign.ripe(int(TERMS * fraction))
        effect = average_effect(renewed, sample)
        earlier = [result.fraction for result in results]
        results.append(result_at_look(effect, plan, earlier, planned))
    return results


def _planned_deviation(memory: dict[str, float] = {}) -> float:  # noqa: B006
    """The standard error at maturity as somebody would have planned it: from another campaign."""
    if not memory:
        draw = np.random.default_rng(0)
        campaigns = [draw_campaign(TERMS, 0.0, draw) for _ in range(20)]
        memory["deviation"] = float(
            np.mean([average_effect(c.renewed, c.sample).deviation for c in campaigns])
        )
    return memory["deviation"]


def always(rounds: int) -> Iterator[Measured]:
    """The always-valid interval at many looks, and guards on harm."""
    draw = np.random.default_rng(4)
    planned, truth = _planned_deviation(), true_effects(EFFECT)[0]
    missed = 0
    widths = []
    for _ in range(rounds):
        campaign = draw_campaign(TERMS, EFFECT, draw)
        for terms in np.linspace(TERMS / EVERY, TERMS, EVERY).astype(int)[1:]:
            sample, renewed, _ = campaign.ripe(int(terms))
            effect = average_effect(renewed, sample)
            if not covers(*always_valid_interval(effect.value, effect.deviation, planned), truth):
                missed += 1
                break
        whole = average_effect(campaign.renewed, campaign.sample)
        reach = width_factor(whole.deviation**-2, planned**-2) * whole.deviation
        widths.append(2 * reach / (whole.high - whole.low))
    yield share(f"always-valid, {EVERY - 1} looks: ever misses", missed, rounds, at_most=0.05)
    yield Measured(
        "always-valid: width over the fixed one at maturity",
        "ratio",
        float(np.mean(widths)),
        at_most=1.6,
    )
    contacts = np.arange(100, TERMS + 1, 100)
    for times in (1, 2, 3):
        events = draw.binomial(100, LIMIT * times, (rounds, len(contacts))).cumsum(axis=1)
        proven = log_harm_strength(events, np.broadcast_to(contacts, events.shape), LIMIT) > np.log(
            20
        )
        stops = int(proven.any(axis=1).sum())
        if times == 1:
            yield share(
                "opt-outs at the limit: stopped at any of 30 looks", stops, rounds, at_most=0.05
            )
            continue
        yield share(f"opt-outs at {times} x the limit: stopped", stops, rounds)
        first = contacts[proven.argmax(axis=1)[proven.any(axis=1)]]
        yield Measured(
            f"opt-outs at {times} x the limit: stopped after", "contacts", float(np.median(first))
        )
    for times in (1, 3):
        stops = 0
        for _ in range(min(rounds, 1000)):
            treated = draw.random(60) < 0.75 * times / (0.75 * times + 0.25)
            stops += any(
                excess_evidence(int(treated[:n].sum()), int((~treated[:n]).sum()), 0.75).proven
                for n in range(1, 61)
            )
        limit = 0.05 if times == 1 else None
        yield share(
            f"complaints {'alike' if times == 1 else 'thrice as often'}, 60 of them: stopped",
            stops, min(rounds, 1000), at_most=limit,
        )  # fmt: skip
