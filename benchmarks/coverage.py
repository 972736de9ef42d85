"""How often the 95% intervals that are printed hold the truth.

Worlds of customers whose outcomes are drawn from known means (`drawn_world.py`): a common and a
rare outcome, a count and an amount. Of each, 500, 1,000 and 2,000 customers are drawn again and
again, with all their rows, and every interval is computed by the code that reports, model cards,
`compare`, `monitor` and `uplift` print from. Ours: the share of intervals that hold the figure of
the whole world. Where several parts, tenths or rules have the same figure, the line is of all of
them; intervals that are not printed do not count. Columns low and high: the shares that lie wholly
below and above the truth. Limits: 0.93 to 0.97, wider to either side by the margin (95%) to which
so many rounds know the share; those of a round are one draw.

    python benchmarks/coverage.py --rounds 500
"""

# Other benchmarks stand in this folder, and numba imports the package `coverage` where it can.
if __name__ != "__main__":
    raise ImportError("benchmarks/coverage.py is a program, not the package coverage")

import argparse
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from drawn_world import LEVELS, World, draw_world
from interval_sources import SOURCES, Shown, shown
from measuring import Measured, finish, say

from training.estimators.encoding import Array

LEAST, MOST = 0.93, 0.97
SIZES = (500, 1000, 2000)
POPULATION = 100_000
MANY, MANY_EVERY = ("slices",), 4
"""Parts are many in a round: every fourth round is enough of them."""


def main() -> int:
    """Print the table; 1 if a limit broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=500, help="samples of each size and world")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="customers of a sample")
    parser.add_argument("--worlds", nargs="+", default=list(LEVELS), choices=list(LEVELS))
    parser.add_argument("--sources", nargs="+", default=list(SOURCES), choices=list(SOURCES))
    parser.add_argument("--population", type=int, default=POPULATION, help="customers of a world")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    lines: list[Measured] = []
    for name in asked.worlds:
        world = draw_world(name, asked.population)
        say(f"{name}: the truth")
        truth = shown(world, world.mean, np.random.default_rng(0), asked.sources, exact=True)
        for size in asked.sizes:
            say(f"{name}: {size:,} customers")
            generator = np.random.default_rng(size)
            lines += list(covered(world, truth, size, asked.rounds, generator, asked.sources))
    return finish("coverage", list(asked.sizes), lines, asked.json)


def covered(
    world: World,
    truth: Shown,
    size: int,
    rounds: int,
    generator: np.random.Generator,
    sources: Sequence[str],
) -> Iterator[Measured]:
    """Draw samples of a size and count how often the intervals hold the truth."""
    below, above = (defaultdict(int) for _ in range(2))
    missed: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for turn in range(rounds):
        part = world.sample(size, generator)
        label = part.outcomes(generator)
        now = [name for name in sources if name not in MANY or turn % MANY_EVERY == 0]
        figures = shown(part, label, generator, now)
        turns: dict[str, list[bool]] = defaultdict(list)
        for (figure, place), (_, low, high) in figures.items():
            true = truth[figure, place][0]
            if not np.isfinite([true, low, high]).all():
                continue
            short, over = high < true - 1e-12, low > true + 1e-12
            turns[figure].append(short or over)
            below[figure] += int(short)
            above[figure] += int(over)
        for figure, outside in turns.items():
            missed[figure].append((sum(outside), len(outside)))
    for figure, counts in missed.items():
        share, margin = share_held(np.array(counts, dtype=np.float64))
        many = sum(number for _, number in counts)
        yield Measured(
            f"{world.name} {size:,}: {figure}", "share", share, 0.95, None,
            below[figure] / many, above[figure] / many,
            round(MOST + margin, 3), round(LEAST - margin, 3),
        )  # fmt: skip


def share_held(rounds: Array) -> tuple[float, float]:
    """Measure the share of intervals that hold the truth, and to what margin (95%) it is known.

    Parameters
    ----------
    rounds : numpy.ndarray
        Shape (rounds, 2): intervals that miss, and all of them. Those of a round have the same
        outcomes; the margin is at least that of as many intervals of their own outcomes, of which
        95% hold.
    """
    missed, many = rounds.sum(axis=0)
    spread = rounds[:, 0] - missed / many * rounds[:, 1]
    deviation = max(np.sqrt((spread**2).sum()) / many, np.sqrt(0.95 * 0.05 / many))
    return float(1 - missed / many), float(1.96 * deviation)


if __name__ == "__main__":
    sys.exit(main())
