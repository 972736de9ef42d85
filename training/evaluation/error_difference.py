"""Bound by how much one calibration error is larger than another, on the same outcomes.

In the same bins two models err against the same outcomes, so that only their predictions set them
apart, by a length that is nearly known. What is not known is how far the first model errs in the
direction in which the predictions differ, `along`, and how far in all others, `across`. The errors
of both are the distances of that point from two fixed ones, so that all points of one difference
lie on a branch of a hyperbola.

The interval inverts a test, as in `training.evaluation.distances`: it holds every difference at
which one like the observed is no surprise, at the point of its branch that fits best (Chuang and
Lai 2000, "Hybrid resampling methods for confidence intervals").
"""

import numpy as np

from training.estimators.encoding import Array
from training.evaluation.distances import STEPS, noise
from training.evaluation.intervals import CONFIDENCE

POINTS = 60
"""Points of a branch among which the best is sought."""
SIDE = (1 - CONFIDENCE) / 2


class ErrorDifference:
    """Root mean square gaps of two models in the same bins, and their difference.

    Parameters
    ----------
    first, second : numpy.ndarray
        Shape (bins,): observed gaps of both models.
    weights : numpy.ndarray
        Shape (bins,): weights of the bins, of sum 1.
    covariance : numpy.ndarray
        Shape (2 * bins, 2 * bins): of the gaps of the first and then of the second.
    customers : float
        Customers that a gap rests on.

    Attributes
    ----------
    errors : tuple of float
        Errors of both models, without what noise adds.
    interval : tuple of float
        95% interval of the second error less the first.
    deviation : float
        Standard deviation of that difference.
    """

    def __init__(
        self, first: Array, second: Array, weights: Array, covariance: Array, customers: float
    ) -> None:
        variances = np.diag(covariance)
        self._added = weights @ variances[: len(weights)], weights @ variances[len(weights) :]
        squares = weights @ first**2, weights @ second**2
        self.errors = tuple(self._without_noise(*squares).tolist())
        self._length = float(np.sqrt(weights @ (second - first) ** 2))
        self.interval, self.deviation = (0.0, 0.0), 0.0
        if self._length:
            self._project(first, second, weights, noise(covariance, customers))
            self._invert(weights, covariance, (second - first) / self._length)

    def _without_noise(self, first: Array | float, second: Array | float) -> Array:
        """Compute both errors from squares that hold the noise, shape (2, ...)."""
        pairs = zip((first, second), self._added, strict=True)
        return np.sqrt([np.maximum(square - added, 0.0) for square, added in pairs])

    def _project(self, first: Array, second: Array, weights: Array, drawn: Array) -> None:
        """Project gaps and their noise on the direction of the difference, and across it."""
        axis = (second - first) / self._length
        self._along = float(weights @ (first * axis))
        rest = first - self._along * axis
        square = float(weights @ rest**2)
        other = rest / np.sqrt(square) if square else np.zeros_like(rest)
        # Of each model: noise along, across, and its square.
        self._noises = [
            (part @ (weights * axis), part @ (weights * other), part**2 @ weights)
            for part in np.hsplit(drawn, 2)
        ]
        along, across, squares = self._noises[0]
        self._across = square - float((squares - along**2).mean())
        spread = np.var(squares - along**2) + 4 * max(self._across, 0.0) * np.var(across)
        self._spread = float(along.std()), float(np.sqrt(spread))

    def _invert(self, weights: Array, covariance: Array, axis: Array) -> None:
        difference = self.errors[1] - self.errors[0]
        turn = np.r_[-weights * axis, weights * axis]
        most = self._length + 2 * float(np.sqrt(max(turn @ covariance @ turn, 0.0)))

        def crossing(level: float) -> float:
            # The 5% of error are spent on both sides alike at 0, and on one side at either end.
            low, high = -most, most
            for _ in range(STEPS):
                middle = (low + high) / 2
                share = float((self._drawn(middle) <= difference).mean())
                at_end = middle / most
                limit = SIDE * (1 + at_end) if level < 0.5 else 1 - SIDE * (1 - at_end)
                low, high = (middle, high) if share > limit else (low, middle)
            return (low + high) / 2

        low, high = crossing(1 - SIDE), crossing(SIDE)
        self.interval = min(low, difference), max(high, difference)
        self.deviation = float(self._drawn(difference).std())

    def _drawn(self, difference: float) -> Array:
        """Draw differences as they would be observed if one were true, shape (draws,)."""
        length = max(self._length, abs(difference))
        reach = length + abs(self._along) + np.sqrt(max(self._across, 0.0)) + 3 * self._spread[0]
        turn = np.linspace(0.0, np.arcsinh(4 * reach / length), POINTS)
        along = (difference * np.cosh(turn) - length) / 2
        across = (length**2 - difference**2) / 4 * np.sinh(turn) ** 2
        away = ((along - self._along) / max(self._spread[0], 1e-12)) ** 2
        away += ((across - self._across) / max(self._spread[1], 1e-12)) ** 2
        best = int(np.argmin(away))
        aside = np.sqrt(across[best])
        squares = []
        for ahead, (noise_along, noise_across, square) in zip(
            (along[best], along[best] + length), self._noises, strict=True
        ):
            inner = ahead * noise_along + aside * noise_across
            squares.append(ahead**2 + aside**2 + 2 * inner + square)
        before, after = self._without_noise(*squares)
        return np.asarray(after - before)
