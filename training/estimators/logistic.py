"""Apply the logistic function and its inverse, SciPy's own: imported at the first number.

SciPy takes longer to import than most commands to run, and few of them predict.
"""

from typing import Any


def expit(score: Any) -> Any:
    """Return the probability of log-odds, a number or an array."""
    from scipy.special import expit

    return expit(score)


def logit(probability: Any) -> Any:
    """Return the log-odds of a probability, a number or an array."""
    from scipy.special import logit

    return logit(probability)
