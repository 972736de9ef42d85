"""Simulate months of offices: how often chance alone is flagged, and what a forecast holds.

    python -m benchmarks.office_coverage [MONTHS]

The lines go into the coverage table (docs/reports.md).
"""

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from training.experiments.month_end import estimate_shift, forecast_renewals
from training.experiments.offices import compare_offices

Array = npt.NDArray[np.float64]
MONTHS = 2_000
OFFICES = 30
PAST = 6
COMMON = 0.2
"""What moves all offices alike, in log-odds; it must not flag anybody."""


@dataclass(frozen=True)
class Line:
    """A line of the coverage table.

    Attributes
    ----------
    name : str
        What was simulated.
    share, error : float
        What it came to, and its standard error.
    low, high : float
        Where it must lie.
    """

    name: str
    share: float
    error: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the share lies where it must."""
        return self.low <= self.share <= self.high


def office_lines(months: int = MONTHS, seed: int = 1) -> list[Line]:
    """Simulate offices and forecasts, and return the lines of the coverage table.

    Parameters
    ----------
    months : int
        Months of each line.
    seed : int
        Seed of the draws.
    """
    draw = np.random.default_rng(seed)
    lines = []
    for size in (10, 30, 200):
        alone, flagged = zip(*(_month(draw, size, 0.0) for _ in range(months)), strict=True)
        lines.append(_line(f"no difference, {size} terms an office: flagged", flagged, 0.035, 0.06))
    alone, flagged = zip(*(_month(draw, 200, 0.3) for _ in range(months)), strict=True)
    lines.append(_line("offices differ, 200 terms: flagged by chance alone", alone, 0.2, 0.5))
    lines.append(_line("offices differ, 200 terms: flagged", flagged, 0.035, 0.08))
    for terms, spread in ((100, 0.0), (100, 0.1), (800, 0.1), (800, 0.3)):
        held = [_forecast(draw, terms, spread) for _ in range(months)]
        name = f"forecast, {terms} open terms, months differ by {spread}: interval holds"
        lines.append(_line(name, held, 0.935, 1.0))
    return lines


def _line(name: str, shares: "tuple[float, ...] | list[float]", low: float, high: float) -> Line:
    values = np.asarray(shares, np.float64)
    return Line(name, float(values.mean()), float(values.std() / len(values) ** 0.5), low, high)


def _month(draw: np.random.Generator, size: int, spread: float) -> tuple[float, float]:
    """Return the shares of offices flagged by chance alone, and by the bounds."""
    sizes = np.maximum(3, draw.lognormal(np.log(size), 0.6, OFFICES)).astype(int)
    office = np.repeat(np.arange(OFFICES), sizes)
    odds = draw.normal(1.2, 0.8, len(office))
    own = draw.normal(0, spread, OFFICES)[office]
    renewed = draw.random(len(odds)) < expit(odds + COMMON + own)
    p = expit(odds)
    sums = (
        np.bincount(office, values, OFFICES)
        for values in (renewed, p, p * (1 - p), p * (1 - p) * (1 - 2 * p))
    )
    done = compare_offices(*sums)
    return float((np.abs(done.score) > 1.96).mean()), float(done.outside.mean())


def _forecast(draw: np.random.Generator, terms: int, spread: float) -> float:
    def month(count: int) -> tuple[Array, int]:
        odds = draw.normal(1.2, 0.8, count)
        renewed = draw.random(count) < expit(odds + draw.normal(0.1, spread))
        return expit(odds), int(renewed.sum())

    past = [month(800) for _ in range(PAST)]
    rows = [(renewed, p.sum(), (p * (1 - p)).sum()) for p, renewed in past]
    p, renewed = month(terms)
    done = forecast_renewals(0, p, estimate_shift(*zip(*rows, strict=True)))
    return float(done.low <= renewed <= done.high)


def main() -> None:
    """Print the lines; exit with 1 if one does not hold."""
    months = int(sys.argv[1]) if len(sys.argv) > 1 else MONTHS
    lines = office_lines(months)
    for line in lines:
        mark = "" if line.holds else "  <- does not hold"
        sys.stdout.write(f"{line.name}: {line.share:.1%} ± {1.96 * line.error:.1%}{mark}\n")
    sys.exit(0 if all(line.holds for line in lines) else 1)


if __name__ == "__main__":
    main()
