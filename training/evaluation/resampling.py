"""Bootstrap over customers: rows of one customer stay together, and all figures share the draws.

One set of draws serves every figure of a model and its peers, so that differences are paired.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from training.estimators.encoding import Array, Flags, Places

RESAMPLES = 200
Interval = tuple[float, float]


class Resamples:
    """How often each resample draws each customer.

    Parameters
    ----------
    customers : pandas.Series
        Whose each row is.
    count, seed : int
        Number of resamples; the same seed gives the same draws.
    """

    def __init__(self, customers: pd.Series, count: int = RESAMPLES, seed: int = 7) -> None:
        codes, names = pd.factorize(customers)
        generator, people = np.random.default_rng(seed), len(names)
        self.codes: npt.NDArray[np.int64] = codes
        # A customer's draws lie together: rows are gathered by customer, not by resample.
        self.drawn = np.zeros((people, count), dtype=np.float64)
        for place in range(count if people else 0):
            chosen = generator.integers(0, people, people)
            self.drawn[:, place] = np.bincount(chosen, minlength=people)

    def within(self, rows: Flags) -> "Resamples":
        """The same draws over some of the rows."""
        part = object.__new__(Resamples)
        people, part.codes = np.unique(self.codes[rows], return_inverse=True)
        part.drawn = self.drawn[people]
        return part

    def weights(self) -> Iterator[Array]:
        """The weight of each row, a resample at a time, each of shape (rows,)."""
        for drawn in self.drawn.T:
            yield drawn[self.codes]

    def sums(self, columns: Array) -> Array:
        """Weighted sums over the rows.

        Parameters
        ----------
        columns : numpy.ndarray
            Shape (rows, k).

        Returns
        -------
        numpy.ndarray
            Shape (resamples, k).
        """
        people = len(self.drawn)
        own = [np.bincount(self.codes, column, minlength=people) for column in columns.T]
        return np.asarray(self.drawn.T @ np.column_stack(own))

    def sums_by_group(self, groups: Places, codes: Places, values: Array) -> Array:
        """Sum rows by group, weighted, in every resample at once.

        Parameters
        ----------
        groups : numpy.ndarray of int
            Shape (rows,): the number of each row's group, from 0.
        codes : numpy.ndarray of int
            Shape (rows,): `self.codes` in the order of the rows given here.
        values : numpy.ndarray
            Shape (rows,): what is summed.

        Returns
        -------
        numpy.ndarray
            Shape (groups, resamples).
        """
        shape = (int(groups.max(initial=-1)) + 1, len(self.drawn))
        # A sparse product reads each row once for all resamples.
        return np.asarray(sparse.csr_array((values, (groups, codes)), shape) @ self.drawn)


def interval(samples: Array) -> Interval:
    """The 2.5 and 97.5 percentile of the resamples that have the figure; NaN where none has."""
    found = samples[np.isfinite(samples)]
    if not len(found):
        return float("nan"), float("nan")
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def centred_interval(figure: float, samples: Array) -> Interval:
    """The interval of a distance or a largest gap, never below 0.

    Resampling adds noise to the noise there is, and a distance grows by it; the resamples are
    moved so that their mean is the figure.
    """
    found = samples[np.isfinite(samples)]
    if not len(found):
        return float("nan"), float("nan")
    low, high = interval(found - found.mean() + figure)
    return max(0.0, low), max(0.0, high)
