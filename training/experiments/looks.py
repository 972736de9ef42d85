"""Plan looks at a running experiment by alpha spending, with bounds from the looks' joint law.

An error of 5% is spent over the information gathered (Lan and DeMets 1983, "Discrete sequential
boundaries for clinical trials"): late, as O'Brien and Fleming's bounds, or evenly, as Pocock's. The
bound of each look follows from the joint distribution of all looks so far, which is one of a
Brownian motion at the looks' information, integrated from look to look (Armitage, McPherson and
Rowe 1969). Bounds taken for each look alone would spend too much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from features.errors import GuanjiaError

Spending = Literal["obrien_fleming", "pocock"]
Array = npt.NDArray[np.float64]
Law = tuple[Array, Array]
"""Nodes and weighted density of the statistic of looks that crossed no bound."""

ERROR = 0.05
WIDEST = 8.0
"""Bound of a look that has nothing to spend, in standard errors."""
LEAST_SPENT = 1e-15
LEAST_STEP = 1e-6
"""Least information between two looks; closer ones are one look."""
NODES = 48
"""Least Gauss-Legendre nodes of a look; more where looks are close."""


@dataclass(frozen=True)
class LookPlan:
    """Looks agreed on before launch.

    Attributes
    ----------
    looks : int
        How many, the one at maturity included.
    spending : {"obrien_fleming", "pocock"}
        How the error is spent.
    error : float
        Probability of any false claim, both directions together.
    """

    looks: int
    spending: Spending = "obrien_fleming"
    error: float = ERROR

    def __post_init__(self) -> None:
        """Refuse plans without a look, of unknown spending, or with an error outside (0, 1).

        Raises
        ------
        GuanjiaError
            With what is wrong.
        """
        if self.looks < 1:
            raise GuanjiaError("looks", f"{self.looks} is below 1", "plan at least the last one")
        if self.spending not in ("obrien_fleming", "pocock"):
            raise GuanjiaError(
                f"spending {self.spending!r}", "is not known", "use obrien_fleming or pocock"
            )
        if not 0 < self.error < 1:
            raise GuanjiaError("error", f"{self.error:g} is not in (0, 1)", "use 0.05")

    @property
    def fractions(self) -> tuple[float, ...]:
        """Information of the planned looks as shares of the whole, evenly spaced."""
        return tuple((number + 1) / self.looks for number in range(self.looks))


def spent(plan: LookPlan, fraction: float) -> float:
    """Calculate the error spent by a share of the information.

    Parameters
    ----------
    plan : LookPlan
        The looks.
    fraction : float
        Information gathered over that planned, above 0; above 1 counts as 1.
    """
    share = min(fraction, 1.0)
    if plan.spending == "pocock":
        return float(plan.error * np.log1p((np.e - 1) * share))
    # Half of the error on either side, as the published tables have it.
    limit = ndtri(1 - plan.error / 4)
    return float(4 * np.exp(log_ndtr(-limit / np.sqrt(share))))


def bounds(plan: LookPlan, fractions: Sequence[float]) -> tuple[float, ...]:
    """Calculate the bounds of the looks that were made, in standard errors, both directions.

    The looks need not be where they were planned: the bounds are those of the information there
    was. It must not have been chosen by what an earlier look showed.

    Parameters
    ----------
    plan : LookPlan
        The looks.
    fractions : sequence of float
        Information at each look over that planned for maturity, rising; at most one is 1 or above.

    Returns
    -------
    tuple of float
        A look claims an effect if its estimate is further than this from 0.

    Raises
    ------
    GuanjiaError
        If the shares do not rise, or there are more looks than planned: a look past the plan has
        no error left to spend and takes the always-valid interval.
    """
    shares = [float(share) for share in fractions]
    if not shares or shares[0] <= 0 or any(np.diff(shares) < LEAST_STEP):
        listed = ", ".join(f"{share:g}" for share in shares)
        raise GuanjiaError(
            "information of the looks", f"does not rise: {listed}", "give each look once, in order"
        )
    if past_plan(plan, shares):
        raise GuanjiaError(
            f"look {len(shares)} at {shares[-1]:.0%} of the information",
            f"is past the plan of {plan.looks} looks",
            "take the always-valid interval for it",
        )
    return _bounds(plan, tuple(shares))


def past_plan(plan: LookPlan, fractions: Sequence[float]) -> bool:
    """Tell whether the last of some looks is past the plan: too many, or after the last one.

    Parameters
    ----------
    plan : LookPlan
        The looks.
    fractions : sequence of float
        Information at each look made, the last one included, over that planned.
    """
    return len(fractions) > plan.looks or any(share >= 1 for share in fractions[:-1])


def inflation(plan: LookPlan, power: float = 0.8) -> float:
    """Calculate by how much a plan enlarges the effect that is seen with a power.

    Parameters
    ----------
    plan : LookPlan
        The looks.
    power : float
        Probability of seeing the effect by the last look.

    Returns
    -------
    float
        Ratio of the smallest visible effect to that of a single look, 1 or a little above.
    """
    single = ndtri(1 - plan.error / 2) + ndtri(power)
    limits = _bounds(plan, plan.fractions)

    def surplus(drift: float) -> float:
        return crossing(limits, plan.fractions, drift)[0] - power

    return float(brentq(surplus, single * 0.9, single * 2) / single)


def crossing(
    limits: Sequence[float], fractions: Sequence[float], drift: float = 0.0
) -> tuple[float, float]:
    """Calculate the probability that any look crosses its upper bound first, and its lower one.

    Parameters
    ----------
    limits : sequence of float
        Bound of each look in standard errors.
    fractions : sequence of float
        Information at each look, rising.
    drift : float
        True effect in standard errors of the look with all information.

    Returns
    -------
    tuple of float
        Probability above, probability below.
    """
    law: Law | None = None
    above = below = before = 0.0
    for limit, share in zip(limits, fractions, strict=True):
        up, down = _exits(law, limit, before, share, drift)
        above, below = above + up, below + down
        law = _next_law(law, limit, before, share, drift)
        before = share
    return above, below


@lru_cache(maxsize=512)
def _bounds(plan: LookPlan, shares: tuple[float, ...]) -> tuple[float, ...]:
    law: Law | None = None
    limits: list[float] = []
    before, gone = 0.0, 0.0
    for number, share in enumerate(shares):
        # The last planned look spends what is left, also where information fell short.
        last = number + 1 == plan.looks
        target = (plan.error if last else spent(plan, share)) - gone
        limit = _bound(law, before, share, target)
        gone += sum(_exits(law, limit, before, share, 0.0))
        law = _next_law(law, limit, before, share, 0.0)
        limits.append(limit)
        before = share
    return tuple(limits)


def _bound(law: Law | None, before: float, share: float, target: float) -> float:
    if target < LEAST_SPENT:
        return WIDEST

    def surplus(limit: float) -> float:
        return sum(_exits(law, limit, before, share, 0.0)) - target

    return WIDEST if surplus(WIDEST) > 0 else float(brentq(surplus, 0.0, WIDEST, xtol=1e-10))


def _exits(
    law: Law | None, limit: float, before: float, share: float, drift: float
) -> tuple[float, float]:
    """Return the probabilities of leaving above and below at a look, nothing crossed before."""
    edge, step = limit * np.sqrt(share), np.sqrt(share - before)
    if law is None:
        nodes, weights = np.zeros(1), np.ones(1)
    else:
        nodes, weights = law
    centre = nodes + drift * (share - before)
    up = weights @ ndtr((centre - edge) / step)
    down = weights @ ndtr((-edge - centre) / step)
    return float(up), float(down)


def _next_law(law: Law | None, limit: float, before: float, share: float, drift: float) -> Law:
    """Carry the distribution of looks that crossed nothing over to the next look."""
    edge, step = limit * np.sqrt(share), np.sqrt(share - before)
    # Nodes closer than the step between looks, so that its density is integrated and not sampled.
    count = max(NODES, int(np.ceil(6 * edge / step)))
    places, shares = (part * edge for part in _gauss_legendre(count))
    nodes, weights = (np.zeros(1), np.ones(1)) if law is None else law
    centre = nodes + drift * (share - before)
    away = (places[:, None] - centre[None, :]) / step
    density = np.exp(-(away**2) / 2) / (step * np.sqrt(2 * np.pi))
    return places, shares * (density @ weights)


@lru_cache(maxsize=64)
def _gauss_legendre(count: int) -> Law:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights
