"""Correct several claims made at once, and tell how likely the best is best by luck alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri

from features.errors import GuanjiaError

DRAWS = 20_000
"""Draws of the largest of several estimates; their chance is known to half a point."""


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p values so that any false claim among them is as rare as a single one (Holm 1979).

    Nothing is assumed of how the claims depend on each other.

    Parameters
    ----------
    p_values : mapping of str to float
        P value by claim, such as a segment.

    Returns
    -------
    dict of str to float
        Adjusted p values, to be compared with 0.05.

    Raises
    ------
    GuanjiaError
        If a p value is not between 0 and 1.
    """
    for name, value in p_values.items():
        if not 0 <= value <= 1:
            raise GuanjiaError(f"p value of {name}", f"{value:g} is not in [0, 1]", "leave it out")
    if not p_values:
        return {}
    # Not above: it takes half a second, and who only plans needs none of it.
    import tea_tasting as tt

    claims = tt.experiment.ExperimentResult({n: {"pvalue": p} for n, p in p_values.items()})
    adjusted = tt.adjust_fwer(claims, arbitrary_dependence=True, method="bonferroni").to_dicts()
    return {str(claim["metric"]): float(claim["pvalue_adj"]) for claim in adjusted}


def joint_factor(claims: int, error: float = 0.05) -> float:
    """Calculate how many standard errors intervals need so that all of several hold together.

    Parameters
    ----------
    claims : int
        How many intervals, at least 1 (Bonferroni's inequality).
    error : float
        Probability that any of them misses.
    """
    return float(ndtri(1 - error / max(claims, 1) / 2))


def chance_best_by_luck(effects: Sequence[float], deviations: Sequence[float]) -> float:
    """Calculate how often the best of several would stand out as far if all were alike.

    Stands out: lies above the common effect, by its own standard errors. A chance of 40% says that
    the best segment is no better than the others as far as anyone can tell.

    Parameters
    ----------
    effects, deviations : sequence of float
        Estimates of disjoint segments and their standard errors, above 0.

    Returns
    -------
    float
        Between 0 and 1; 1 for a single segment.

    Raises
    ------
    GuanjiaError
        If there is none, their numbers differ, or a standard error is not above 0 and finite.
    """
    values, noise = np.asarray(effects, float), np.asarray(deviations, float)
    if not len(values) or len(values) != len(noise):
        raise GuanjiaError(
            "segments", f"have {len(values)} effects, {len(noise)} deviations", "give both of each"
        )
    if not ((noise > 0) & np.isfinite(noise)).all():
        raise GuanjiaError(
            "standard errors of segments", "are not all above 0 and finite", "leave out tiny ones"
        )
    draws = np.random.default_rng(7).standard_normal((DRAWS, len(values))) * noise
    farthest = _farthest(draws, noise)
    return float((farthest >= _farthest(values[None], noise)[0] - 1e-12).mean())


def _farthest(values: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return by how many standard errors the farthest above the common mean is above it."""
    weights = noise**-2 / (noise**-2).sum()
    return np.asarray(((values - values @ weights[:, None]) / noise).max(axis=1))
