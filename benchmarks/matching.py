"""Match the exports of core systems at first sight: right columns, and what "sure" is worth.

The simulated insurer is exported as each system would (`tests/support/exports`), and planned
without a hint. A column is right if it is taken for what it is, with its codes, unit and order of
days. Six systems are those that the matcher was made with. Nine were put aside; the bars are
theirs: 90% of columns right, 99% of what is "sure".
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from exports.planning import ALL, ASIDE, judged
from exports.scoring import Score

from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate

LEAST_RIGHT, LEAST_SURE = 0.90, 0.99


def main() -> int:
    """Print the shares by system; 1 if a bar is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=60)
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = Lake(Settings(home=folder / "insurer"))
        simulate(lake, asked.customers, 1)
        lake.con.close()
        scores = judged(folder / "insurer", folder, ALL)
    aside = Score()
    for system in ASIDE:
        aside.add(scores[system.name])
    for label, score in [*scores.items(), ("put aside, together", aside)]:
        print(line(label, score))
    if asked.json:
        shares = {label: vars(score) for label, score in scores.items()}
        asked.json.write_text(json.dumps(shares, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0 if aside.share() >= LEAST_RIGHT and aside.sure_share() >= LEAST_SURE else 1


def line(label: str, score: Score) -> str:
    """Write the shares of a system."""
    return (
        f"{label:40} right {score.right:3} of {score.columns:3} ({score.share():5.1%})"
        f"   sure {score.sure_correct:3} of {score.sure:3} ({score.sure_share():6.1%})"
        f"   of no use and left alone {score.others_unused:2} of {score.others:2}"
    )


if __name__ == "__main__":
    sys.exit(main())
