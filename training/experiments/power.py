"""Plan an experiment of two arms: the smallest effect it can see, its power, the holdout it needs.

The difference of two means is nearly normal, so an effect is seen with power 1 - b where it is
z(1 - a / 2) + z(1 - b) of its standard errors (Fleiss, Levin and Paik 2003, section 4.2). The
variance is that of no effect, which for proportions is the one of the expected rate. Effects are
shares: 0.01 is one point.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from features.errors import GuanjiaError

CONFIDENCE = 0.95
POWER = 0.8
"""Probability of seeing an effect that is there, where nothing else is asked for."""
LEAST_POWER = 0.5
"""Below it a measured campaign is launched only with a reason."""
LARGEST_HOLDOUT = 0.5
"""A larger holdout sees less again."""


@dataclass(frozen=True)
class Design:
    """Size and noise of an experiment of two arms.

    Attributes
    ----------
    units : int
        Customers, households or terms that will be drawn, both arms together.
    holdout : float
        Share of them that is left alone, above 0 and below 1.
    deviation : float
        Standard deviation of one unit's outcome, in the outcome's unit (`rate_deviation`).
    explained : float
        Share of the outcome's variance that the covariate explains, 0 to below 1.
    confidence : float
        Confidence of the interval that decides, 0.95.
    inflation : float
        Factor on the standard error for planned looks (`looks.inflation`); 1 for a single look.
    """

    units: int
    holdout: float
    deviation: float
    explained: float = 0.0
    confidence: float = CONFIDENCE
    inflation: float = 1.0

    def __post_init__(self) -> None:
        """Refuse sizes, shares and deviations that no experiment has.

        Raises
        ------
        GuanjiaError
            If fewer than two units, a share outside its range, or a deviation that is not positive.
        """
        if self.units < 2:
            raise _fault("units", f"{self.units} are fewer than two", "draw more customers")
        if not 0 < self.holdout < 1:
            raise _fault("holdout", f"{self.holdout:g} is not between 0 and 1", "use 0.2 for 20%")
        if not self.deviation > 0:
            raise _fault("deviation", f"{self.deviation:g} is not above 0", "state the rate")
        if not 0 <= self.explained < 1:
            raise _fault("explained", f"{self.explained:g} is not in [0, 1)", "use 0 if unknown")
        if not 0 < self.confidence < 1:
            raise _fault("confidence", f"{self.confidence:g} is not in (0, 1)", "use 0.95")

    @property
    def standard_error(self) -> float:
        """Standard error of the difference of the arms' means."""
        noise = self.deviation * np.sqrt(1 - self.explained) * self.inflation
        return float(noise / np.sqrt(self.units * self.holdout * (1 - self.holdout)))


@dataclass(frozen=True)
class PowerCheck:
    """What an experiment can see, beside what it must see to be worth its cost.

    Attributes
    ----------
    design : Design
        The experiment.
    visible_effect : float
        Smallest effect seen four times in five, as a share of renewals (0.01: one point).
    visible_yuan : float
        The same in yuan per unit contacted.
    break_even_effect : float
        Effect at which contact pays its cost.
    power_at_break_even : float
        Probability of seeing the effect that breaks even.
    expected_effect : float or None
        Effect that is expected, if stated.
    power_at_expected : float or None
        Probability of seeing it.
    needed_holdout : float or None
        Smallest holdout that sees the wanted effect (the expected one, else the one that breaks
        even); None if no holdout of these units does.
    pooled_campaigns : int
        Campaigns like this that must be pooled, this one included, for the stated holdout to see
        the wanted effect; 1 if this one suffices.
    """

    design: Design
    visible_effect: float
    visible_yuan: float
    break_even_effect: float
    power_at_break_even: float
    expected_effect: float | None
    power_at_expected: float | None
    needed_holdout: float | None
    pooled_campaigns: int

    @property
    def power(self) -> float:
        """Power at the expected effect if stated, else at the one that breaks even."""
        if self.power_at_expected is not None:
            return self.power_at_expected
        return self.power_at_break_even

    @property
    def sufficient(self) -> bool:
        """True if the power is not below `LEAST_POWER`."""
        return self.power >= LEAST_POWER


def rate_deviation(rate: float) -> float:
    """Return the standard deviation of a yes or no that is yes with this probability.

    Raises
    ------
    GuanjiaError
        If the rate is not between 0 and 1.
    """
    if not 0 < rate < 1:
        raise _fault("rate", f"{rate:g} is not between 0 and 1", "state the rate as a share")
    return float(np.sqrt(rate * (1 - rate)))


def smallest_visible_effect(design: Design, power: float = POWER) -> float:
    """Calculate the smallest effect that a design sees with a power.

    Parameters
    ----------
    design : Design
        The experiment.
    power : float
        Probability of seeing it, above 0.5 of the error and below 1.

    Returns
    -------
    float
        In the outcome's unit: a share for rates, yuan for money.
    """
    away = ndtri((1 + design.confidence) / 2) + ndtri(power)
    return float(away * design.standard_error)


def power_of_effect(design: Design, effect: float) -> float:
    """Calculate the probability that an effect is seen, in its own direction.

    Parameters
    ----------
    design : Design
        The experiment.
    effect : float
        True effect in the outcome's unit.
    """
    limit = ndtri((1 + design.confidence) / 2)
    return float(ndtr(abs(effect) / design.standard_error - limit))


def needed_units(design: Design, effect: float, power: float = POWER) -> int:
    """Calculate how many units see an effect, at the holdout of the design.

    Parameters
    ----------
    design : Design
        Holdout and noise; its number of units does not matter.
    effect : float
        Effect to be seen, not 0.
    power : float
        Probability of seeing it.

    Raises
    ------
    GuanjiaError
        If the effect is 0, which no number of units sees.
    """
    if not effect:
        raise _fault("effect", "is 0, which no number sees", "state the effect to be seen")
    ratio = smallest_visible_effect(design, power) / abs(effect)
    return int(np.ceil(design.units * ratio**2 - 1e-9))


def needed_holdout(design: Design, effect: float, power: float = POWER) -> float | None:
    """Calculate the smallest holdout with which the units of a design see an effect.

    Parameters
    ----------
    design : Design
        Units and noise; its holdout does not matter.
    effect : float
        Effect to be seen.
    power : float
        Probability of seeing it.

    Returns
    -------
    float or None
        Share from 0 to 0.5; None if even half and half does not see it.
    """
    # The variance asks for units * h * (1 - h) of at least so many.
    balance = design.holdout * (1 - design.holdout)
    product = needed_units(design, effect, power) * balance / design.units
    if product > LARGEST_HOLDOUT**2:
        return None
    return float((1 - np.sqrt(1 - 4 * product)) / 2)


def break_even_effect(cost: float, worth: float) -> float:
    """Calculate the effect at which contact pays: cost per contact over worth of a renewal.

    Parameters
    ----------
    cost : float
        Yuan per unit contacted, not below 0.
    worth : float
        Yuan that a renewal gained is worth, above 0.

    Raises
    ------
    GuanjiaError
        If the cost is below 0 or the worth is not above 0.
    """
    if cost < 0:
        raise _fault("cost", f"{cost:g} yuan is below 0", "state the cost of a contact")
    if not worth > 0:
        raise _fault(
            "worth of a renewal", f"{worth:,.2f} yuan is not above 0", "state the margin it brings"
        )
    return cost / worth


def check_power(
    design: Design, cost: float, worth: float, expected_effect: float | None = None
) -> PowerCheck:
    """Compare what a design can see with what it must see.

    Parameters
    ----------
    design : Design
        The experiment; its outcome is yes or no.
    cost : float
        Yuan per unit contacted.
    worth : float
        Yuan that a renewal gained is worth.
    expected_effect : float, optional
        Effect on the rate that is expected; None if nobody has a reason to expect any.

    Raises
    ------
    GuanjiaError
        As `break_even_effect`; if neither an effect is expected nor contact costs anything.
    """
    breaks_even = break_even_effect(cost, worth)
    target = expected_effect if expected_effect is not None else breaks_even
    visible = smallest_visible_effect(design)
    return PowerCheck(
        design=design,
        visible_effect=visible,
        visible_yuan=visible * worth,
        break_even_effect=breaks_even,
        power_at_break_even=power_of_effect(design, breaks_even),
        expected_effect=expected_effect,
        power_at_expected=(
            None if expected_effect is None else power_of_effect(design, expected_effect)
        ),
        needed_holdout=needed_holdout(design, target),
        pooled_campaigns=max(int(np.ceil(needed_units(design, target) / design.units)), 1),
    )


def rate_visible_from(design: Design, rate: float, power: float = POWER) -> float:
    """Calculate the rate to which the arm's rate must rise to be seen, with its own variance.

    The closed form takes the variance of no effect for both arms; near 0 or 1 that is too coarse.

    Parameters
    ----------
    design : Design
        Units, holdout and confidence; its deviation does not matter.
    rate : float
        Rate without contact, above 0 and below 1.
    power : float
        Probability of seeing it.

    Raises
    ------
    GuanjiaError
        If not even a rate of 1 is seen.
    """
    treated, control = design.units * (1 - design.holdout), design.units * design.holdout
    away = ndtri((1 + design.confidence) / 2) + ndtri(power)

    def surplus(raised: float) -> float:
        variance = raised * (1 - raised) / treated + rate * (1 - rate) / control
        return float(raised - rate - away * np.sqrt(variance * (1 - design.explained)))

    if surplus(1.0) < 0:
        raise _fault("units", f"{design.units:,} see no rise of {rate:.0%}", "pool campaigns")
    return float(brentq(surplus, rate, 1.0))


def _fault(thing: str, fault: str, cure: str) -> GuanjiaError:
    return GuanjiaError(thing, fault, cure)
