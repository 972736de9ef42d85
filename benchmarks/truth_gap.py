"""How far each model is from the truth on the simulated insurer, and whose fault it is.

The gap between the AUC of the true probabilities and the model's has two parts. *Tags*: the same
learner, shown besides the tags what the outcomes were drawn from (the customer's latent traits; of
a renewal also the intention of the year, and the price and the contact to come), does better by so
much; no model on tags can have that. *Learner*: the rest, what even that learner loses against the
truth: at most 0.01. The learner is the whole of `training.fitting.learn.learn`: candidates,
choice, fit.

The learner that sees learns the train rows that have a truth, and all AUC are of the test rows that
have one (churn: of customers with one car; renewal: of terms that were not cancelled). The expected
calibration error is that of the model as it is served, on all test rows: at most 0.01. Intervals
are 95%, by customer; differences are paired.

    python benchmarks/truth_gap.py --customers 100000
"""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import insurer, say

from features.lake import Lake
from training.dataset import Dataset
from training.evaluation.discrimination import Ranking
from training.evaluation.figures import probability_figures
from training.evaluation.intervals import Customers, Interval, student_interval
from training.evaluation.truth import read_truth
from training.fitting.datasets import build
from training.fitting.learn import fit, learn
from training.model_spec import ModelSpec
from training.models import MODELS, find

KNOWN_BY = date(2026, 6, 30)
MOST_LOSS, MOST_ECE = 0.01, 0.01
TRUE = [name for name, model in MODELS.items() if model.truth]


@dataclass(frozen=True)
class Gap:
    """One model: AUC of truth, model and the learner that sees the truth's parts, and the ECE.

    `rows` have a truth; `learned` is how many train rows the seeing learner had. `ece_by_chance` is
    what a model without any error shows on as many rows.
    """

    model: str
    candidate: str
    seeing_candidate: str
    rows: int
    learned: int
    true_auc: float
    auc: float
    seeing_auc: float
    tags: float
    tags_interval: Interval
    learner: float
    learner_interval: Interval
    ece: float
    ece_interval: Interval
    ece_by_chance: float

    @property
    def kept(self) -> bool:
        """Whether both bars hold."""
        return self.learner <= MOST_LOSS and self.ece <= MOST_ECE


def measure(lake: Lake, model: ModelSpec, data: Dataset, threads: int) -> Gap:
    """Train the model as it is served and the learner that sees; compare both with the truth."""
    say(f"{model.name}: the model")
    fitted, _ = fit(model, data, threads)
    test = data.frame[data.split.test]
    label = test["label"].to_numpy(bool)
    told = fitted.predict_proba(test)
    figures = probability_figures(label, told, Customers(test["customer_id"]))
    known = read_truth(lake, model, data.frame)
    if known is None:
        raise AssertionError("a simulated insurer has its truth")
    there = known["p"].notna().to_numpy()
    latent = [name for name in known if name.startswith("latent_")]
    frame = pd.concat([data.frame, known[latent]], axis=1)
    rows = frame[data.split.train & there]
    say(f"{model.name}: the learner that sees, {len(rows):,} rows")
    seeing, _ = learn(model, rows, [*data.features, *latent], threads=threads)
    asked = frame[data.split.test & there]
    within = there[data.split.test]
    seen = seeing.predict_proba(asked)
    true = known.loc[asked.index, "p"].to_numpy(np.float64)
    rankings = [Ranking(label[within], one) for one in (true, told[within], seen)]
    true_auc, auc, seeing_auc = (ranking.measure()[1] for ranking in rankings)
    true_noise, noise, seeing_noise = (ranking.noise()[:, 1] for ranking in rankings)
    tags_spread, learner_spread = Customers(asked["customer_id"]).spreads(
        np.column_stack([seeing_noise - noise, true_noise - seeing_noise])
    )
    return Gap(
        model=model.name,
        candidate=fitted.candidate.name,
        seeing_candidate=seeing.candidate.name,
        rows=len(asked),
        learned=len(rows),
        true_auc=true_auc,
        auc=auc,
        seeing_auc=seeing_auc,
        tags=seeing_auc - auc,
        tags_interval=student_interval(seeing_auc - auc, *tags_spread),
        learner=true_auc - seeing_auc,
        learner_interval=student_interval(true_auc - seeing_auc, *learner_spread),
        ece=figures.ece,
        ece_interval=(figures.ece_low, figures.ece_high),
        ece_by_chance=figures.ece_by_chance,
    )


def table(found: Sequence[Gap]) -> str:
    """Markdown tables of the gaps and of the calibration error, one row a model."""
    gaps = [
        "| model | candidate | test rows | AUC true | AUC ours | tags | learner (<= 0.01) |",
        "|---|---|---|---|---|---|---|",
    ]
    errors = ["| model | ECE (<= 0.01) | by chance | both limits |", "|---|---|---|---|"]
    for one in found:
        gaps.append(
            f"| {one.model} | {one.candidate} | {one.rows:,} | {one.true_auc:.3f} | {one.auc:.3f} "
            f"| {_within(one.tags, one.tags_interval)} "
            f"| {_within(one.learner, one.learner_interval)} |"
        )
        errors.append(
            f"| {one.model} | {_within(one.ece, one.ece_interval)} | {one.ece_by_chance:.4f} "
            f"| {'kept' if one.kept else '**BROKEN**'} |"
        )
    return "\n".join([*gaps, "", *errors])


def _within(value: float, bounds: Interval) -> str:
    return f"{value:.4f} ({bounds[0]:.4f} to {bounds[1]:.4f})"


def main() -> int:
    """Print the table; 1 if a bar broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=100_000, help="of the simulated insurer")
    parser.add_argument("--home", type=Path, help="keep the insurer here, in a folder by its size")
    parser.add_argument("--models", nargs="+", default=TRUE, choices=TRUE)
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
    models = [find(name) for name in asked.models]
    with insurer(asked) as lake:
        say("labels and tags")
        found = [
            measure(lake, model, data, lake.settings.threads)
            for model, data in zip(models, build(lake, models, KNOWN_BY), strict=True)
        ]
    print(f"benchmarks/truth_gap.py, {asked.customers:,} customers\n\n{table(found)}")
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in found], indent=1), "utf-8")
    return int(not all(one.kept for one in found))


if __name__ == "__main__":
    sys.exit(main())
