"""Campaigns whose true effects are known, drawn again and again, for `campaign_coverage.py`.

Terms of customers, some in households that are drawn together, from branches with other levels and
other holdouts. The champion's probability is right on average and has the AUC that renewal has here
(0.69). Terms ripen in an order that says nothing of their outcome. Effects differ by customer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from features.sources.simulation.reminders import reminded_use
from training.experiments.sample import Array, Flags, Ints, Sample

HOLDOUTS = np.array([0.2, 0.3, 0.5])
"""Share left alone, by branch."""
PREMIUM, SPREAD = 2740.0, 0.35
MARGIN, CONTACT_COST = 0.11, 1.2
SERVICE_COST = 60.0
POPULATION = 1_000_000
CARS, CAR_SHARES = (1, 2, 3), (0.75, 0.18, 0.07)
"""Terms of a member that expire while the arms hold, and how many members have so many."""
FLEET_TREATED = 0.7


@dataclass(frozen=True)
class Campaign:
    """One campaign: what was drawn, and what came of it.

    Attributes
    ----------
    sample : Sample
        Arms, with their stated probability, households, the champion's probability and branches.
    renewed : numpy.ndarray
        Shape (terms,): 0 and 1.
    net : numpy.ndarray
        Shape (terms,): yuan of margin, less the contact where it was made.
    """

    sample: Sample
    renewed: Array
    net: Array

    def ripe(self, terms: int) -> tuple[Sample, Array, Array]:
        """The first of the terms, those that are ripe: arms, renewals, yuan."""
        rows = np.arange(self.sample.rows) < terms
        return self.sample.within(rows), self.renewed[rows], self.net[rows]


def draw_people(terms: int, draw: np.random.Generator) -> tuple[Array, Array, Ints, Ints, Array]:
    """Log-odds of renewal, the champion's probability, households, branches, effects."""
    household = np.arange(terms)
    shared = draw.random(terms) < 0.2
    household[1:] = np.where(shared[1:], household[:-1], household[1:])
    branch = draw.integers(0, len(HOLDOUTS), terms)[household]
    together = draw.normal(0, 0.4, terms)[household]
    seen = draw.normal(0, 0.72, terms)
    odds = 1.25 + 0.2 * branch + together + seen
    champion = expit(1.4 + 0.9 * seen + 0.2 * branch - 0.2)
    effect = draw.normal(1.0, 1.0, terms)
    return odds, champion, household, branch, effect


def true_effects(strength: float, seed: int = 99) -> tuple[float, float]:
    """The mean effect on renewal and on net yuan, over the whole law."""
    odds, _, _, _, effect = draw_people(POPULATION, np.random.default_rng(seed))
    renewal = float((expit(odds + strength * effect) - expit(odds)).mean())
    return renewal, renewal * PREMIUM * MARGIN - CONTACT_COST


def draw_campaign(terms: int, strength: float, draw: np.random.Generator) -> Campaign:
    """Draw arms by household and branch, then outcomes.

    Parameters
    ----------
    terms : int
        How many.
    strength : float
        Mean change of the log-odds by a contact.
    draw : numpy.random.Generator
        Where the numbers come from.
    """
    odds, champion, household, branch, effect = draw_people(terms, draw)
    probability = 1 - HOLDOUTS[branch]
    treated = draw.random(terms)[household] < probability
    renewed = (draw.random(terms) < expit(odds + strength * effect * treated)).astype(float)
    premium = PREMIUM * np.exp(draw.normal(0, SPREAD, terms) - SPREAD**2 / 2)
    net = renewed * premium * MARGIN - CONTACT_COST * treated
    sample = Sample(treated, probability, household, champion, branch)
    return Campaign(sample, renewed, net)


@dataclass(frozen=True)
class Fleets:
    """One campaign whose members have one to three terms each.

    Attributes
    ----------
    sample : Sample
        Arms, with their stated probability, households and the champion's probability.
    terms, renewed : numpy.ndarray
        Shape (members,): how many terms, and how many of these are renewed.
    """

    sample: Sample
    terms: Array
    renewed: Array


def draw_fleets(members: int, strength: float, draw: np.random.Generator) -> Fleets:
    """Draw arms by household, then an outcome of each term; who has more cars is more loyal.

    Parameters
    ----------
    members : int
        How many.
    strength : float
        Mean change of the log-odds by a contact, for the first term; half of it for the others.
    draw : numpy.random.Generator
        Where the numbers come from.
    """
    odds, champion, household, _, effect = draw_people(members, draw)
    treated = draw.random(members)[household] < FLEET_TREATED
    terms = draw.choice(CARS, members, p=CAR_SHARES)
    renewed = np.zeros(members)
    for car, chance in enumerate(_fleet_chances(odds, effect * treated, strength, terms)):
        renewed += (draw.random(members) < chance) & (car < terms)
    return Fleets(Sample(treated, FLEET_TREATED, household, champion), terms.astype(float), renewed)


def true_fleet_effect(strength: float, seed: int = 97) -> float:
    """The effect on renewals a term, over the whole law."""
    draw = np.random.default_rng(seed)
    odds, _, _, _, effect = draw_people(POPULATION, draw)
    terms = draw.choice(CARS, POPULATION, p=CAR_SHARES)
    added = 0.0
    for sign, force in ((1, effect), (-1, 0 * effect)):
        chances = _fleet_chances(odds, force, strength, terms)
        added += sign * sum(
            float((chance * (car < terms)).sum()) for car, chance in enumerate(chances)
        )
    return added / float(terms.sum())


def _fleet_chances(odds: Array, force: Array, strength: float, terms: Ints) -> list[Array]:
    """Probabilities of renewal by place of the term: cars of one customer have one taste."""
    loyal = odds + 0.25 * (terms - 1)
    return [expit(loyal - 0.3 * car + strength * force / (1 + (car > 0))) for car in range(3)]


@dataclass(frozen=True)
class ServiceUse:
    """Terms whose customers were reminded of a service by lot, or not.

    Attributes
    ----------
    sample : Sample
        The lot.
    used : numpy.ndarray of bool
        Shape (terms,): whether the service was used.
    renewed, yuan : numpy.ndarray
        Shape (terms,): 0 and 1; margin less the cost of use.
    columns : numpy.ndarray
        Shape (terms, 2): what decides both use and renewal.
    """

    sample: Sample
    used: Flags
    renewed: Array
    yuan: Array
    columns: Array


Law = Callable[[Array, Array], tuple[Array, Array, Array, Array]]


def use_law(taste: Array, loyalty: Array, weak: bool) -> tuple[Array, Array, Array, Array]:
    """Use with and without a reminder, renewal without use, and with it: as the insurer has it."""
    with_it, without = reminded_use(expit(-1.0 + 0.8 * taste + 0.35 * loyalty))
    if weak:
        middle = (with_it + without) / 2
        with_it, without = middle + (with_it - middle) / 12, middle + (without - middle) / 12
    level = 1.2 + 0.15 * taste + 0.55 * loyalty
    return with_it, without, expit(level), expit(level + 0.12)


def true_use_effects(weak: bool = False, seed: int = 98) -> tuple[float, float, float]:
    """Effect of use on renewal and yuan for those a reminder moves, and on renewal for all."""
    taste, loyalty = np.random.default_rng(seed).standard_normal((2, POPULATION))
    with_it, without, idle, busy = use_law(taste, loyalty, weak)
    renewal = float(((with_it - without) * (busy - idle)).sum() / (with_it - without).sum())
    return renewal, renewal * PREMIUM * MARGIN - SERVICE_COST, float((busy - idle).mean())


def draw_service(terms: int, draw: np.random.Generator, weak: bool = False) -> ServiceUse:
    """Draw tastes, the lot, use and renewals.

    Parameters
    ----------
    terms : int
        How many.
    draw : numpy.random.Generator
        Where the numbers come from.
    weak : bool
        Whether reminders hardly move anyone.
    """
    taste, loyalty = draw.standard_normal((2, terms))
    with_it, without, idle, busy = use_law(taste, loyalty, weak)
    reminded = draw.random(terms) < 0.5
    used = draw.random(terms) < np.where(reminded, with_it, without)
    renewed = (draw.random(terms) < np.where(used, busy, idle)).astype(float)
    premium = PREMIUM * np.exp(draw.normal(0, SPREAD, terms) - SPREAD**2 / 2)
    yuan = renewed * premium * MARGIN - SERVICE_COST * used
    return ServiceUse(Sample(reminded, 0.5), used, renewed, yuan, np.column_stack([taste, loyalty]))
