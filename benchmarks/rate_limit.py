"""What the rate limit adds to every request, against a bare dictionary of the same numbers.

Ours: `serving.api.door.rate_limit.RateLimit.wait`, with one caller and with ten thousand in turns.
The peer keeps the same instant for each caller and neither refuses nor forgets. Ours may take 5 x:
it must stay far below what a request takes, however many callers there are.
"""

import argparse
import sys
from itertools import cycle, islice
from pathlib import Path

from measuring import alternate, compared, finish, seconds

from serving.api.door.rate_limit import MOST_SUBJECTS, RateLimit

REQUESTS = 100_000
LIMIT = 5.0


def main() -> int:
    """Measure with one caller and with as many as are remembered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    lines = []
    for callers in (1, MOST_SUBJECTS):
        names = list(islice(cycle(f"caller {number}" for number in range(callers)), REQUESTS))
        ours, peer = alternate(lambda: limited(names), lambda: remembered(names), asked.repeats)  # noqa: B023
        lines.append(compared(f"callers: {callers:,}", "s", ours, peer, at_most=LIMIT))
    return finish("rate_limit", REQUESTS, lines, asked.json, of="requests")


def limited(names: list[str]) -> float:
    """Seconds that the rate limit takes for requests of these callers, none of which waits."""
    limit = RateLimit(per_second=1e9, burst=1_000_000)

    def ask() -> None:
        for number, name in enumerate(names):
            limit.wait(name, float(number))

    return seconds(ask)


def remembered(names: list[str]) -> float:
    """Seconds that a dictionary takes for the same."""
    full_at: dict[str, float] = {}

    def ask() -> None:
        for number, name in enumerate(names):
            full_at[name] = max(full_at.get(name, number), number) + 1e-9

    return seconds(ask)


if __name__ == "__main__":
    sys.exit(main())
