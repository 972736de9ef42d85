"""Random numbers that are a pure function of seed, stream name and counters.

No generator carries state from one customer to the next, so the same customer draws the same
numbers whatever chunk they are simulated in. The mixer is splitmix64 (Steele, Lea, Flood 2014).
"""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Draws:
    """Uniform, normal and categorical draws for one seed."""

    seed: int

    def uniform(self, stream: str, *counters: Any) -> Floats:
        """Draw uniforms in (0, 1), one for each element of the counters (broadcast)."""
        state = _mix(np.full(1, (self.seed << 32 ^ zlib.crc32(stream.encode())) % 2**64, np.uint64))
        for counter in counters:
            state = _mix(state ^ (np.asarray(counter, np.int64).astype(np.uint64) * _GOLDEN))
        uniforms: Floats = ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        return uniforms

    def normal(self, stream: str, *counters: Any) -> Floats:
        """Draw standard normals, one for each element of the counters (broadcast)."""
        normals: Floats = ndtri(self.uniform(stream, *counters))
        return normals

    def pick(self, shares: Any, stream: str, *counters: Any) -> Ints:
        """Index of a category, chosen with the given shares (rescaled to sum to one)."""
        edges = np.cumsum(np.asarray(shares, np.float64))
        edges /= edges[-1]
        index = np.searchsorted(edges[:-1], self.uniform(stream, *counters), side="right")
        return index.astype(np.int64)

    def between(self, low: int, high: int, stream: str, *counters: Any) -> Ints:
        """Draw whole numbers from low to high, both included.

        Parameters
        ----------
        low, high : int
            Smallest and largest number.
        stream : str
            Name of the stream of random numbers.
        *counters : array_like of int
            Counters that the numbers are a function of, broadcast.
        """
        return (low + self.uniform(stream, *counters) * (high - low + 1)).astype(np.int64)


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = state + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
