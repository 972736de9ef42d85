"""How long failures are felt: stores frozen, dead and moved away, and ten times too many requests.

Runs the tests of `tests/serving/robustness` that freeze, kill and move what a real service needs,
and holds the seconds that they measured against limits. The peer, where there is one, is the same
service when all is well, or what its clients must wait for in any case; a limit without a peer is
in seconds, and has room for a busy machine. What must hold whatever it takes, the tests assert.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Measured, finish, say

ROOT = Path(__file__).parents[1]
FILES = ("test_stores_away.py", "test_files_away.py", "test_overload.py")
AT_ONCE = 8  # what the service of these tests works on
DEGRADED, LOCKED, BACK = 0.3, 2.5, 10.0
SECONDS = {
    "redis frozen, the first request": DEGRADED + 0.2,
    "redis frozen, the next ones": DEGRADED,
    "redis frozen, after the pause": DEGRADED,
    "redis frozen, four at once": DEGRADED,
    "redis thawed, whole again": BACK,
    "redis dead": DEGRADED,
    "redis back but empty": DEGRADED,
    "redis filled, whole again": BACK,
    "online.db away": DEGRADED,
    "online.db back, whole again": BACK,
    "postgres frozen, 20 decisions at once": LOCKED,
    "postgres frozen, the next decisions": DEGRADED,
    "postgres frozen, predictions": LOCKED,
    "postgres thawed, deciding again": BACK,
    "postgres dead, decisions": DEGRADED,
    "postgres dead, predictions": LOCKED,
    "postgres started, deciding again": BACK,
    "records.db away, decisions": LOCKED,
    "records.db back, deciding again": BACK,
    "records.db locked, a decision": LOCKED,
}
"""The figures of the tests, in their words, and the seconds that each may be at most."""
RATIOS = {
    # Whoever is let in shares the machine with seven others, and with eighty who are sent away.
    "ten times over capacity, served": 4.0 * AT_ONCE,
    "ten times over capacity, sent away": 4.0 * AT_ONCE,
    "alone after the load": 3.0,
}
"""Figures that are held against the slowest kind of request while nobody else asks."""


def main() -> int:
    """Run the tests, and print what they measured beside the limits."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = measured(Path(scratch) / "figures.json")
    lines = [
        Measured(what, "s", figures.pop(what), at_most=limit) for what, limit in SECONDS.items()
    ]
    alone = figures.pop("alone")
    for what, limit in RATIOS.items():
        ours = figures.pop(what)
        lines.append(Measured(what, "s", ours, alone, ours / alone, at_most=limit))
    lines += [Measured(what, "s", seconds) for what, seconds in figures.items()]
    return finish("robustness", AT_ONCE, lines, asked.json, of="requests at once")


def measured(path: Path) -> dict[str, float]:
    """What the tests measured, by its name."""
    say("running tests/serving/robustness; first of all they make a demo")
    places = [f"tests/serving/robustness/{name}" for name in FILES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--numprocesses", "0", *places],
        cwd=ROOT,
        env=os.environ | {"FIGURES": str(path)},
        check=False,
    )
    if done.returncode:
        raise SystemExit("the tests failed, so nothing can be said of their figures")
    figures: dict[str, float] = json.loads(path.read_text("utf-8"))
    return figures


if __name__ == "__main__":
    sys.exit(main())
