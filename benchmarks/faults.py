"""Random faults under random load, and days that are killed while they are published.

Runs `tests/serving/robustness/test_random_faults.py` for so many seconds: a real service whose
Redis and Postgres are behind a proxy, four callers who predict, decide, report outcomes and
withdraw consents, and every fault of `tests/support/random_faults.py` in an order that the seed
gives. Then it kills publications of a day at random points. In the end the records are held
against what was acknowledged. A violation is a promise that was broken; the share of operations
that break one is at most the upper end of the 95% interval (Clopper and Pearson), for 0 of n about
3 / n. There is no peer: the limit is no violation at all.

    python benchmarks/faults.py --seed 15 --seconds 300
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import Measured, finish, say
from scipy.stats import beta

ROOT = Path(__file__).parents[1]
RANDOM = "tests/serving/robustness/test_random_faults.py"
KILLED = "tests/publication/test_killed_publications.py"
LEVEL = 0.95
POINTS = 100


def main() -> int:
    """Run the tests, and print operations, faults and violations with their bound."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long faults are applied")
    parser.add_argument("--points", type=int, default=POINTS, help="publications that are killed")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1 << 32)
    say(f"seed {seed}; first of all a demo is made")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "figures.json"
        settings = {"FAULTS_SEED": str(seed), "FAULTS_SECONDS": str(asked.seconds)}
        ended = run(RANDOM, settings | {"FIGURES": str(path)})
        if not path.exists():
            raise SystemExit("the run did not come to its end, so nothing can be said")
        figures: dict[str, float] = json.loads(path.read_text("utf-8"))
    killed = 0
    if asked.points:
        # It fails where a reader sees a mixture of two days, or where it does not come to its end.
        settings = {"FAULTS_SEED": str(seed), "KILLED_POINTS": str(asked.points)}
        killed = run(KILLED, settings)
    operations = {
        name.partition(": ")[2]: int(number)
        for name, number in figures.items()
        if name.startswith("operations: ")
    }
    violations = int(figures["violations"])
    of_all = sum(operations.values())
    lines = [Measured(f"operations: {name}", "", number) for name, number in operations.items()]
    lines += [
        Measured(name, "", number)
        for name, number in figures.items()
        if name not in ("violations", "quiet again") and not name.startswith("operations: ")
    ]
    lines += [
        Measured("quiet again after the last fault", "s", figures["quiet again"]),
        Measured("violations", "", violations, at_most=0),
        Measured("violations of all operations, at most", "", upper_bound(violations, of_all)),
    ]
    if asked.points:
        lines += [
            Measured("publications killed", "", asked.points),
            Measured(
                "a mixture of two days was seen, or no end", "", float(killed != 0), at_most=0
            ),
            Measured("mixtures, at most", "", upper_bound(int(killed != 0), asked.points)),
        ]
    return finish("faults", of_all, lines, asked.json, of="operations") or ended


def upper_bound(violations: int, number: int) -> float:
    """Return the upper end of the one-sided 95% interval of a share (Clopper and Pearson)."""
    if violations >= number:
        return 1.0
    return float(beta.ppf(LEVEL, violations + 1, number - violations))


def run(file: str, settings: dict[str, str]) -> int:
    """Run a file of tests with settings; return how it ended."""
    line = [sys.executable, "-m", "pytest", "--quiet", "--capture=no", file]
    return subprocess.run(line, cwd=ROOT, env=os.environ | settings, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
