"""How often the 95% intervals that are printed hold the truth.

Worlds of customers whose outcomes are drawn from known means (`drawn_world.py`): a common and a
rare outcome, a count and an amount. Of each, 500, 1,000 and 2,000 customers are drawn again and
again, with all their rows, and every interval is computed by the code that reports, model cards,
`compare`, `monitor` and `uplift` print from. Ours: the share of intervals that hold the figure of
the whole world. Limits: 0.93 to 0.97. Where several parts, tenths or rules have the same figure,
the line is of all of them. Columns low and high: the shares that lie wholly above and below the
truth.

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
    below, above, count = (defaultdict(int) for _ in range(3))
    for turn in range(rounds):
        part = world.sample(size, generator)
        label = part.outcomes(generator)
        now = [name for name in sources if name not in MANY or turn % MANY_EVERY == 0]
        figures = shown(part, label, generator, now)
        for (figure, place), (_, low, high) in figures.items():
            true = truth[figure, place][0]
            if not np.isfinite([true, low, high]).all():
                continue
            count[figure] += 1
            below[figure] += int(high < true - 1e-12)
            above[figure] += int(low > true + 1e-12)
    for figure, many in count.items():
        share = 1 - (below[figure] + above[figure]) / many
        yield Measured(
            f"{world.name} {size:,}: {figure}", "share", share, 0.95, None,
            below[figure] / many, above[figure] / many, MOST, LEAST,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
