"""Figures whose outcomes are drawn for them alone, for `coverage.py`: uplift, totals, drift."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from drawn_world import World
from scipy.special import expit, logit

from training.estimators.level import interval_of_total, level_margin
from training.evaluation.truth import rank_correlation
from training.monitoring.rule import index_test
from training.uplift import measures, policy

Value = tuple[float, float, float]
"""A figure, and its interval."""
Line = tuple[str, str, Value]
"""Name of a figure, and its part."""
TENTHS_MOVED = np.linspace(0.7, 1.3, 10) / 10
"""Shares of tenths after a drift; before it all are 0.1."""


def _uplift(world: World, generator: np.random.Generator, exact: bool) -> Iterator[Line]:
    """A trial in which a third of the terms are treated."""
    first = ~world.frame["term"].duplicated().to_numpy()
    trial, share = world[first], 1 / 3
    who = trial.frame["customer_id"]
    score = 0.5 * trial.effect + 0.3 * (trial.other - trial.predicted)
    if exact:
        outcomes = policy.Outcomes(trial.mean + trial.effect, trial.mean, who)
        yield "uplift, Qini", "", (measures.expected_qini(trial.effect, score), 0.0, 0.0)
    else:
        treated = generator.random(len(who)) < share
        label = trial.outcomes(generator, trial.mean + treated * trial.effect)
        expected = trial.other, trial.other + 0.03
        outcomes = policy.doubly_robust(label, treated, share, expected, who)
        qini = policy.qini_with_interval(label, treated, score, who)
        yield "uplift, Qini", "", (qini.value, qini.low, qini.high)
    average = policy.means({"effect": outcomes.effect}, who)["effect"]
    yield "uplift, average effect", "", (average.value, average.low, average.high)
    worth = np.full(len(who), 300.0)
    for rule in policy.policies(outcomes, score, score - 0.02, worth, 5.0):
        for name in ("renewal", "gained", "yuan"):
            figure = getattr(rule, name)
            if figure.low < figure.high or exact:
                yield (
                    f"uplift, {name} of a rule",
                    rule.name,
                    (figure.value, figure.low, figure.high),
                )
    dogs = policy.sleeping_dogs(outcomes, score).effect
    if dogs is not None:
        yield "uplift, sleeping dogs", "", (dogs.value, dogs.low, dogs.high)


def _drift(world: World, generator: np.random.Generator, exact: bool) -> Iterator[Line]:
    """Stability of tenths that stay and of tenths that move; correlation of a tag with a trait."""
    flat = np.full(10, 0.1)
    for name, after in (("none", flat), ("some", TENTHS_MOVED)):
        place = f"drift (PSI), {name}"
        if exact:
            index = float(((after - flat) * np.log(after / flat)).sum())
            yield place, "", (index, 0.0, 0.0)
            continue
        many = world.frame["customer_id"].nunique()
        counts = [generator.multinomial(many, shares).tolist() for shares in (flat, after)]
        test = index_test("score_drift", *counts, (many, many), 0.1)
        yield place, "", (test.estimate, test.low, test.high)
    alone = ~world.frame["customer_id"].duplicated().to_numpy()
    ranks = rank_correlation(world.predicted[alone], world.mean[alone])
    yield "rank correlation", "", (ranks.correlation, ranks.low, ranks.high)


def _totals(world: World, generator: np.random.Generator, exact: bool) -> Iterator[Line]:
    """How many of a sixth quarter say yes, by a model calibrated on five; less how many do.

    Each quarter all log-odds are off together, as in life, by about a tenth.
    """
    if exact:
        yield "totals, of a quarter to come", "", (0.0, 0.0, 0.0)
        return
    first = ~world.frame["term"].duplicated().to_numpy()
    terms = world[first]
    quarter = generator.integers(0, 6, len(terms.mean))
    score, later = logit(terms.mean), quarter == 5
    came = terms.outcomes(generator, expit(score + generator.normal(0, 0.1, 6)[quarter]))
    shift = 0.0
    for _ in range(8):
        predicted = expit(score + shift)[~later]
        shift += (came[~later] - predicted).sum() / (predicted * (1 - predicted)).sum()
    told = expit(score + shift)
    dates = pd.Series(pd.date_range("2024-01-01", periods=5, freq="QS")[quarter[~later]])
    who = terms.frame["customer_id"][~later]
    margin = level_margin(came[~later], told[~later], who, dates)
    low, high = interval_of_total(told[later], margin)
    total = float(came[later].sum())
    yield "totals, of a quarter to come", "", (float(told[later].sum()), low - total, high - total)


def drawn_anew(
    name: str, world: World, generator: np.random.Generator, exact: bool
) -> Iterator[Line]:
    """What has outcomes of its own: uplift and drift of the common world alone."""
    if name == "totals":
        if world.kind == "probability":
            yield from _totals(world, generator, exact)
    elif world.name == "common":
        yield from (_uplift if name == "uplift" else _drift)(world, generator, exact)
