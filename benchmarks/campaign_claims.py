"""Effects of service, verdicts, segments and other policies, for `campaign_coverage.py`."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from campaign_shares import LOOKS, TERMS, covers, share
from drawn_campaigns import (
    CONTACT_COST,
    Campaign,
    draw_campaign,
    draw_service,
    true_use_effects,
)
from drawn_reminders import draw_reminders
from measuring import Measured

from training.experiments.compliers import ComplierEffect, complier_effect
from training.experiments.corrections import chance_best_by_luck, holm
from training.experiments.effects import Effect, average_effect
from training.experiments.interim import result_at_look
from training.experiments.looks import LookPlan
from training.experiments.observational import adjust
from training.experiments.off_policy import policy_value
from training.experiments.sample import Sample
from training.experiments.sample_ratio import check_ratio
from training.experiments.verdict import judge

INSURER = 2000
"""Customers of each simulated insurer."""
FIRST_SEED = 1000


def service(rounds: int) -> Iterator[Measured]:
    """Effects of use: by the lot, where the lot hardly moves anyone, adjusted, and raw."""
    for weak in (False, True):
        draw = np.random.default_rng(5)
        renewal, yuan, everyone = true_use_effects(weak)
        hits: Counter[str] = Counter()
        raw, ends, tries = [], 0, 0
        for number in range(rounds):
            terms = draw_service(TERMS, draw, weak)
            effect = complier_effect(terms.renewed, terms.used, terms.sample)
            money = complier_effect(terms.yuan, terms.used, terms.sample)
            hits["renewals"] += _unrefuted(effect, renewal)
            hits["yuan"] += _unrefuted(money, yuan)
            ends += effect.shape == "bounded"
            if weak or number % 10:
                continue
            tries += 1
            told = adjust({"renewed": terms.renewed}, terms.used, terms.columns).effect("renewed")
            hits["adjusted"] += covers(told.adjusted.low, told.adjusted.high, everyone)
            hits["raw"] += covers(told.raw.low, told.raw.high, everyone)
            raw.append(told.raw.value)
        name = "hardly drawn on" if weak else "drawn by lot"
        yield share(
            f"service, {name}, renewals: holds the truth", hits["renewals"], rounds, 0.94, 0.96
        )
        yield share(f"service, {name}, yuan: holds the truth", hits["yuan"], rounds, 0.94, 0.96)
        yield share(f"service, {name}: the interval has ends", ends, rounds)
        if not weak:
            yield share(
                "service, adjusted, all causes known: holds the truth", hits["adjusted"], tries
            )
            yield share("service, raw difference: holds the truth", hits["raw"], tries)
            yield Measured(
                "service, raw difference over the truth", "ratio", float(np.mean(raw)) / everyone
            )


def insurer(rounds: int) -> Iterator[Measured]:
    """The lot about reminders of the simulated insurer, beside the raw difference."""
    moved = gained = 0.0
    effects, raws = [], []
    for number in range(rounds):
        rows = draw_reminders(FIRST_SEED + number, INSURER)
        kept = rows.drawn
        moved += float(rows.moved[kept].sum())
        gained += float((rows.moved * rows.effect)[kept].sum())
        lot = Sample(rows.reminded[kept], 0.5, rows.customers[kept])
        renewed = rows.renewed.astype(float)
        effects.append(complier_effect(renewed[kept], rows.used[kept], lot))
        raws.append(average_effect(renewed, Sample(rows.used, clusters=rows.customers)))
    truth = gained / moved
    hits = sum(_unrefuted(effect, truth) for effect in effects)
    words = f"simulated insurer of {INSURER:,}, use by the lot: holds the truth"
    yield share(words, hits, rounds, 0.94, 0.96)
    raw_hits = sum(covers(raw.low, raw.high, truth) for raw in raws)
    yield share("simulated insurer, raw difference: holds the truth", raw_hits, rounds)
    yield Measured("simulated insurer, true effect of use on renewal", "points", 100 * truth)
    raw = float(np.mean([raw.value for raw in raws]))
    yield Measured("simulated insurer, raw difference", "points", 100 * raw)


def _unrefuted(effect: ComplierEffect, truth: float) -> bool:
    if effect.gap is not None:
        return not effect.gap[0] < truth < effect.gap[1]
    return covers(effect.low, effect.high, truth)


def claims(rounds: int) -> Iterator[Measured]:
    """What is said where there is nothing: "pays", a segment, a best one, a mismatch."""
    draw = np.random.default_rng(6)
    plan, ratio = LookPlan(LOOKS), check_ratio({"a": 500, "b": 500}, {"a": 0.5, "b": 0.5})
    verdicts: Counter[str] = Counter()
    segments = best = mismatches = lost = 0
    for _ in range(rounds):
        campaign = draw_campaign(TERMS, 0.0, draw)
        free = campaign.net + campaign.sample.treated * CONTACT_COST
        planned = average_effect(free, campaign.sample).deviation
        fractions: list[float] = []
        said = set()
        for fraction in plan.fractions:
            rows = int(TERMS * fraction)
            sample = campaign.ripe(rows)[0]
            result = result_at_look(average_effect(free[:rows], sample), plan, fractions, planned)
            fractions.append(result.fraction)
            said.add(judge(result, ratio, {}, 10.0).code)
        verdicts.update(said)
        effects = _by_segment(campaign)
        adjusted = holm({name: effect.p_value for name, effect in effects.items()})
        segments += min(adjusted.values()) < 0.05
        chance = chance_best_by_luck(
            [effect.value for effect in effects.values()],
            [effect.deviation for effect in effects.values()],
        )
        best += chance < 0.05
        sizes = draw.multinomial(TERMS, (0.5, 0.3, 0.2))
        stated = {"new": 0.5, "as before": 0.3, "silence": 0.2}
        mismatches += check_ratio(dict(zip(stated, sizes.tolist(), strict=True)), stated).mismatch
        sizes[2] -= sizes[2] // 8
        lost += check_ratio(dict(zip(stated, sizes.tolist(), strict=True)), stated).mismatch
    yield share(
        'no effect: "pays" at any look (2.5% are stated)', verdicts["pays"], rounds, at_most=0.05
    )
    yield share(
        "no effect: any of 5 segments claimed after Holm",
        segments,
        rounds,
        at_most=0.06,
        of_bound=False,
    )
    yield share("no difference: best of 5 not by luck (5% are stated)", best, rounds, 0.04, 0.07)
    yield share("sizes of arms as drawn: alarm", mismatches, rounds, at_most=0.005)
    yield share("an eighth of the silent lost: alarm", lost, rounds)


def _by_segment(campaign: Campaign) -> dict[str, Effect]:
    places = np.arange(campaign.sample.rows) // 600
    return {
        f"segment {place}": average_effect(
            campaign.renewed[places == place], campaign.sample.within(places == place)
        )
        for place in range(5)
    }


def policies(rounds: int) -> Iterator[Measured]:
    """The value of another policy from logged probabilities, by a model that is wrong."""
    draw = np.random.default_rng(7)
    hits = 0
    effective = []
    for _ in range(rounds):
        need = draw.standard_normal(TERMS)
        means = np.column_stack([np.full(TERMS, 5.0), 5 + 2 * need, 4 + np.abs(need)])
        logged = np.column_stack([np.full(TERMS, 0.5), np.full(TERMS, 0.3), np.full(TERMS, 0.2)])
        other = np.where(need[:, None] > 0, [[0.1, 0.8, 0.1]], [[0.6, 0.0, 0.4]])
        action = (draw.random(TERMS)[:, None] > logged.cumsum(axis=1)).sum(axis=1)
        rows = np.arange(TERMS)
        reward = means[rows, action] + draw.normal(0, 3, TERMS)
        model = means * 0.7 + 1.0
        told = policy_value(
            reward, logged[rows, action], other[rows, action],
            model[rows, action], (other * model).sum(axis=1),
        )  # fmt: skip
        # E|N| = .79788 in both halves; E[need | need > 0] = .79788.
        truth = 0.5 * (0.5 + 0.8 * (5 + 2 * 0.797885) + 0.1 * 4.797885) + 0.5 * (3 + 0.4 * 4.797885)
        hits += covers(told.new.low, told.new.high, truth)
        effective.append(told.effective)
    yield share("another policy's value: holds the truth", hits, rounds, 0.94, 0.96)
    yield Measured(f"effective of {TERMS:,} decisions", "decisions", float(np.mean(effective)))
