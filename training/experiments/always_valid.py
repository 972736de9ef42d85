"""Bound an effect, or prove harm, at any moment and as often as anyone likes.

The interval is that of the normal mixture (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021,
"Time-uniform, nonparametric, nonasymptotic confidence sequences", equation 14). A sum S of
intrinsic time v has the mixture martingale sqrt(rho / (v + rho)) exp(S^2 / (2 (v + rho))), which
exceeds 1 / alpha at any time with probability alpha at most (Ville 1939). Solved for S:

    |S| < sqrt((v + rho) log((v + rho) / (rho alpha^2)))

An estimate with standard error s has v = 1 / s^2 and S = estimate / s^2; it is valid where the
estimate is nearly normal (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024).

Harm is rare, so it is counted and not approximated: a mixture of likelihood ratios over the rates
above a limit is a martingale of the same kind for counts of any size.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln
from scipy.stats import beta

from features.errors import GuanjiaError

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

ERROR = 0.05
TUNED_SHARE = 0.12
"""Rho over the information at maturity that makes the interval there narrowest, nearly.

Its width over that of the fixed interval is then 1.55; at a tenth of the information it is 1.94
times the fixed one of that day.
"""


@dataclass(frozen=True)
class Evidence:
    """Evidence that a rate is above a limit.

    Attributes
    ----------
    events, trials : int
        What was counted.
    limit : float
        The rate that must not be exceeded.
    rate : float
        Observed rate; NaN without a trial.
    strength : float
        How many times likelier the counts are under higher rates (an e-value); exceeds 1 / error
        at any time with at most that probability where the limit holds.
    proven : bool
        True if it exceeds 1 / error: sending must stop.
    """

    events: int
    trials: int
    limit: float
    rate: float
    strength: float
    proven: bool


def width_factor(information: float, planned: float, error: float = ERROR) -> float:
    """Calculate half the width of the always-valid interval in standard errors.

    Parameters
    ----------
    information : float
        Information gathered, 1 / standard error squared, above 0.
    planned : float
        Information expected at maturity, above 0; the interval is narrowest there.
    error : float
        Probability that the interval ever misses.

    Raises
    ------
    GuanjiaError
        If the information is not above 0.
    """
    if not information > 0 or not planned > 0:
        raise GuanjiaError(
            "information", f"{information:g} of {planned:g} is not above 0", "wait for outcomes"
        )
    ratio = information / (TUNED_SHARE * planned)
    return float(np.sqrt((1 + 1 / ratio) * (np.log1p(ratio) - 2 * np.log(error))))


def always_valid_interval(
    effect: float, deviation: float, planned_deviation: float, error: float = ERROR
) -> tuple[float, float]:
    """Calculate the interval of an effect that holds at all times together.

    Parameters
    ----------
    effect, deviation : float
        Estimate and its standard error, in the outcome's unit.
    planned_deviation : float
        Standard error expected at maturity; fixed before the first outcome.
    error : float
        Probability that the interval ever misses.

    Returns
    -------
    tuple of float
        Lower and upper end.

    Raises
    ------
    GuanjiaError
        If a standard error is not above 0 and finite.
    """
    if not 0 < deviation < np.inf or not 0 < planned_deviation < np.inf:
        raise GuanjiaError(
            "standard error",
            f"{deviation:g} (planned {planned_deviation:g}) is not above 0 and finite",
            "wait until both arms have outcomes that differ",
        )
    away = width_factor(deviation**-2, planned_deviation**-2, error) * deviation
    return effect - away, effect + away


def harm_evidence(events: int, trials: int, limit: float, error: float = ERROR) -> Evidence:
    """Weigh counts against a limit on a rate, for looks at any time.

    Rates above the limit are weighed by a beta distribution whose mean is the limit, cut off below
    it: a rate of twice the limit is found soon, one of ten times at once.

    Parameters
    ----------
    events, trials : int
        Opt-outs, complaints or refusals, and the contacts they could have come of.
    limit : float
        Rate that must not be exceeded, above 0 and below 1.
    error : float
        Probability of ever stopping a campaign whose rate is at the limit.

    Raises
    ------
    GuanjiaError
        If counts are not 0 <= events <= trials, or the limit is not between 0 and 1.
    """
    if not 0 <= events <= trials:
        raise GuanjiaError(
            "events", f"{events:,} are not between 0 and {trials:,} contacts", "count each once"
        )
    if not 0 < limit < 1:
        raise GuanjiaError("limit", f"{limit:g} is not between 0 and 1", "state a share")
    log_strength = float(log_harm_strength(np.array(events), np.array(trials), limit))
    return Evidence(
        events=events,
        trials=trials,
        limit=limit,
        rate=events / trials if trials else float("nan"),
        strength=float(np.exp(min(log_strength, 700.0))),
        proven=log_strength > -np.log(error),
    )


def log_harm_strength(events: Counts, trials: Counts, limit: float) -> Array:
    """Calculate the logarithm of the evidence that rates are above a limit, as `harm_evidence`.

    Parameters
    ----------
    events, trials : numpy.ndarray of int
        Counts of one shape.
    limit : float
        Rate that must not be exceeded.
    """
    first, second = 1.0, 1 / limit - 1
    others = trials - events
    return np.asarray(
        betaln(first + events, second + others)
        - betaln(first, second)
        + beta.logsf(limit, first + events, second + others)
        - beta.logsf(limit, first, second)
        - events * np.log(limit)
        - others * np.log1p(-limit)
    )


def excess_evidence(
    treated_events: int, control_events: int, treated_share: float, error: float = ERROR
) -> Evidence:
    """Weigh whether contact causes events that customers left alone have too, such as complaints.

    If contact changes nothing, an event falls on the treated with their share of all customers; so
    the treated's part of the events is weighed against that share.

    Parameters
    ----------
    treated_events, control_events : int
        Events of each arm.
    treated_share : float
        Share of the customers observed that is treated, above 0 and below 1.
    error : float
        Probability of ever finding an excess where there is none.

    Raises
    ------
    GuanjiaError
        As `harm_evidence`.
    """
    return harm_evidence(treated_events, treated_events + control_events, treated_share, error)
