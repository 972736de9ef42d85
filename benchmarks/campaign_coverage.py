"""How often what is said of campaigns and of service is false, on campaigns whose truth is known.

Of each line, 2,000 campaigns are drawn (`drawn_campaigns.py`) and judged by the code that
`guanjia measure` and `guanjia service-effect` judge by. Columns low and high: the 95% bounds of the
share itself (Clopper and Pearson 1934); a limit "at most" is of the upper one.

    python benchmarks/campaign_coverage.py --rounds 2000
"""

import argparse
import sys
from pathlib import Path

from campaign_claims import claims, policies, service
from campaign_looks import always, fixed, looks
from measuring import Measured, finish, say

PARTS = {
    "fixed": fixed,
    "looks": looks,
    "always": always,
    "service": service,
    "claims": claims,
    "policies": policies,
}


def main() -> int:
    """Print the table; 1 if a limit broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2000, help="campaigns of each line")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    lines: list[Measured] = []
    for name in asked.parts:
        say(name)
        lines += PARTS[name](asked.rounds)
    return finish("campaign_coverage", asked.rounds, lines, asked.json, "campaigns")


if __name__ == "__main__":
    sys.exit(main())
