"""How often the lower bound of an effect holds, and who the sleeping dogs are, over many trials.

The terms of a simulated insurer's trial are drawn for again: by each seed a new lot, and new
outcomes from the true probabilities with and without the contact. Each trial is learned by the
product's own code, the choice of the learner included, and what it tells of the test slice is held
against the true effects. Ours: the share of tenths by predicted effect whose mean true effect is at
least the mean lower bound. Limit: 0.95, less two standard errors over the seeds. Beside it, without
a limit: the same of single customers, whom no bound of a group covers; and of customers told an
effect below zero their number, the share truly below zero (in all customers as the peer), their
mean true effect, and the share of all sleeping dogs among them.

    python benchmarks/uplift_bounds.py --customers 20000 --seeds 20
"""

import argparse
import sys
import tempfile
import warnings
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import Measured, finish, insurer, say

from features.lake import Lake
from training.estimators.encoding import Array, Encoding
from training.fitting.datasets import build, split_by_time
from training.uplift.fitting import Rows, choose, fit
from training.uplift.randomised_trials import TREATMENTS, TRIAL, effect_model_spec

KNOWN_BY = date(2026, 6, 30)
PROPENSITY = 1 / 3


def main() -> int:
    """Print the table; 1 if the bound holds less often than it says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated insurer")
    parser.add_argument("--home", type=Path, help="keep the insurer here, in a folder by its size")
    parser.add_argument("--seeds", type=int, default=20, help="how many trials")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--learner", help="learn with this one; default: chosen in each trial")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    with insurer(asked) as lake:
        frame, without, effect = drawn_terms(lake)
    seeds = range(asked.first, asked.first + asked.seeds)
    trials = pd.DataFrame([trial(frame, without, effect, seed, asked.learner) for seed in seeds])
    return finish("uplift_bounds", asked.customers, summary(trials), asked.json)


def drawn_terms(lake: Lake) -> tuple[pd.DataFrame, Array, Array]:
    """The terms of the contact's trial, their true probability without it, and its true effect."""
    path = lake.home / "training" / "uplift_contact" / "frame.parquet"
    if path.exists():
        frame = pd.read_parquet(path)
    else:
        frame = build(lake, [effect_model_spec(TREATMENTS["contact"])], KNOWN_BY)[0].frame
    columns = ["policy_id", "p_renew", "p_renew_contacted"]
    truth = pd.read_parquet(lake.truth("renewals"), columns=columns).set_index("policy_id")
    truth = truth.reindex(frame["policy_id"])
    known = truth["p_renew"].notna().to_numpy()
    without, with_it = truth[known].to_numpy(np.float64).T
    return frame[known].reset_index(drop=True), without, with_it - without


def trial(
    frame: pd.DataFrame, without: Array, effect: Array, seed: int, learner: str | None
) -> dict[str, float]:
    """Draw a lot and outcomes, learn, and hold what is told against the true effects."""
    draw = np.random.default_rng(seed)
    treated = draw.random(len(frame)) < PROPENSITY
    label = draw.random(len(frame)) < without + treated * effect
    split = split_by_time(frame, "uplift_contact")
    features = list(effect_model_spec(TREATMENTS["contact"]).tag_set.tags)
    earlier = (pd.to_datetime(frame["matures"]) < pd.Timestamp(split.test_from)).to_numpy()
    encoding = Encoding.learn(frame[earlier], features)
    rows = Rows(frame, encoding, encoding.matrix(frame), label, treated, PROPENSITY)
    name = learner or choose(rows, split)[0]
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
        contact = TREATMENTS["contact"]
        spec, folder = effect_model_spec(contact), Path(scratch) / "effect"
        model = fit(rows[earlier], contact, spec, TRIAL, name, folder)
        predicted, lower = model.predict(frame[split.test])
    true = effect[split.test]
    tenths = np.array_split(np.argsort(predicted, kind="stable"), 10)
    dogs = predicted < 0
    say(f"seed {seed}: {name}, stretched {model.spec['stretch']:.2f}, {dogs.mean():.1%} below zero")
    return {
        "tenths": float(np.mean([true[part].mean() >= lower[part].mean() for part in tenths])),
        "customers": float((true >= lower).mean()),
        "told": float(dogs.mean()),
        "dogs": float((true < 0).mean()),
        "precision": float((true[dogs] < 0).mean()) if dogs.any() else float("nan"),
        "effect": float(true[dogs].mean()) if dogs.any() else float("nan"),
        "recall": float((dogs & (true < 0)).sum() / (true < 0).sum()),
    }


def summary(trials: pd.DataFrame) -> list[Measured]:
    """Means over the trials, with the least and the most of one trial."""
    error = 2 * float(np.sqrt(0.95 * 0.05 / len(trials) / 10))
    names = {
        "tenths": "tenths whose bound holds",
        "customers": "customers whose bound holds",
        "told": "told an effect below zero",
        "precision": "truly below zero among them",
        "effect": "mean true effect of them",
        "recall": "sleeping dogs among them",
    }
    return [
        Measured(
            what,
            "share" if key != "effect" else "probability",
            float(trials[key].mean()),
            peer=float(trials["dogs"].mean()) if key == "precision" else None,
            lowest=float(trials[key].min()),
            highest=float(trials[key].max()),
            at_least=0.95 - error if key == "tenths" else None,
        )
        for key, what in names.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
