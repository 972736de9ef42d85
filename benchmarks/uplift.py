"""How much of the best possible order by effect ours reaches, and why not more.

Ours: the expected Qini coefficient of the order that `guanjia uplift` tells on its test slice.
Peer: that of the true effects' own order, which only the simulation knows. The share must be at
least 0.60. Beside it, without a limit: the same learner given the latent traits too, which is what
the tags cannot see; the raw difference of contacts chosen by rule, beside the true effect, which is
why they are refused.
"""

import argparse
import dataclasses
import sys
import tempfile
import warnings
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import Measured, finish, insurer, say

from features.errors import GuanjiaError
from features.lake import Lake
from features.online.model_tags import UPLIFT_TAGS
from training.estimators.encoding import Encoding
from training.fitting.datasets import split_by_time
from training.uplift import learners
from training.uplift.fitting import HALVES, SEED
from training.uplift.measures import expected_qini
from training.uplift.randomised_trials import TREATMENTS, Treatment
from training.uplift.study import EffectResult, learn
from training.uplift.truth import TRAITS, traits, true_effects

KNOWN_BY = date(2026, 6, 30)
AT_LEAST = 0.60


def main() -> int:
    """Print the table; 1 if a limit broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated insurer")
    parser.add_argument("--home", type=Path, help="keep the insurer here, in a folder by its size")
    parser.add_argument("--treatments", nargs="+", default=["contact"], choices=list(TREATMENTS))
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
    lines: list[Measured] = []
    with insurer(asked) as lake:
        for name in asked.treatments:
            say(f"learning the effect of {name}")
            lines += shares(lake, TREATMENTS[name])
        confounded(lake)
    return finish("uplift", asked.customers, lines, asked.json)


def shares(lake: Lake, treatment: Treatment) -> list[Measured]:
    """Ours beside the oracle, and ours given the traits beside the oracle."""
    made = learn(lake, treatment, KNOWN_BY)
    truth = made.truth
    assert truth is not None, "this home has no truth"
    say(f"{made.learner}, {made.train_rows:,} rows taught, {truth.rows:,} told; seen: {made.qini}")
    say(f"average {made.average}, true {truth.average:.4f}; {made.sleeping_dogs}")
    say(f"{truth}")
    line = Measured(
        f"{treatment.name}, expected Qini", "renewals a customer", truth.qini, truth.oracle_qini,
        truth.share, truth.share_low, truth.share_high, at_least=AT_LEAST,
    )  # fmt: skip
    seeing = with_traits(lake, treatment, made)
    more = dataclasses.replace(
        line, what=f"{treatment.name}, given latent traits", ours=seeing * truth.oracle_qini,
        ratio=seeing, lowest=None, highest=None, at_least=None,
    )  # fmt: skip
    return [line, more]


def with_traits(lake: Lake, treatment: Treatment, made: EffectResult) -> float:
    """Share of the oracle's Qini that the same learner reaches with the latent traits added."""
    frame = pd.read_parquet(lake.home / "training" / treatment.model / "frame.parquet")
    known = traits(lake, frame["customer_id"])
    assert known is not None
    frame = frame.assign(**{name: known[name] for name in TRAITS})
    spec = made.randomisation.probabilities
    names = [*UPLIFT_TAGS.tags, *TRAITS]
    split = split_by_time(frame, treatment.model)
    earlier = (pd.to_datetime(frame["matures"]) < pd.Timestamp(split.test_from)).to_numpy()
    matrix = Encoding.learn(frame[earlier], names).matrix(frame)
    treated, label = (frame["arm"] == treatment.name).to_numpy(), frame["label"].to_numpy(bool)
    name = made.learner if made.learner != "average" else "x_60"
    customers, told = frame["customer_id"][earlier], []
    for turn, half in enumerate(learners.halves(customers, HALVES, SEED)):
        rows = np.flatnonzero(earlier)[half]
        effects = learners.fit(
            name, matrix[rows], label[rows], treated[rows],
            spec[treatment.name] / sum(spec.values()), SEED + turn,
        )  # fmt: skip
        told.append(effects(matrix[split.test]))
    true = true_effects(lake, treatment.name, frame["policy_id"][split.test])
    assert true is not None
    kept = np.isfinite(true)
    true, mean = true[kept], np.mean(told, axis=0)[kept]
    return expected_qini(true, mean) / expected_qini(true, true)


def confounded(lake: Lake) -> None:
    """Contacts chosen by rule, called a trial: what their raw difference says, and the refusal."""
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as scratch:
        home = Path(scratch)
        (home / "checked").mkdir()
        for path in lake.checked("policies").parent.glob("*.parquet"):
            (home / "checked" / path.name).symlink_to(path.resolve())
        other = Lake(lake.settings.model_copy(update={"home": home}))
        other.checked("assignments").unlink()
        pq.write_table(chosen_by_rule(lake), other.checked("assignments"))
        try:
            learn(other, TREATMENTS["contact"], KNOWN_BY)
            say("contacts chosen by rule: NOT REFUSED")
        except GuanjiaError as fault:
            say(f"refused: {fault}")
        frame = pd.read_parquet(home / "training" / "uplift_contact" / "frame.parquet")
    took = frame["arm"] == "contact"
    raw = frame["label"][took].mean() - frame["label"][~took].mean()
    error = np.sqrt(frame["label"].var() * (1 / took.sum() + 1 / (~took).sum()))
    true = true_effects(lake, "contact", frame["policy_id"])
    assert true is not None
    say(
        f"by rule, {len(frame):,} rows: raw difference {raw:+.4f} (standard error {error:.4f}), "
        f"true mean effect {np.nanmean(true):+.4f}"
    )


def chosen_by_rule(lake: Lake) -> pa.Table:
    """Contacts that no lot decided, as draws that state the share they make up."""
    drawn = pq.read_table(lake.checked("assignments"))
    truth = pd.read_parquet(lake.truth("renewals"), columns=["policy_id", "customer_id", "expiry",
                                                             "contacted"])  # fmt: skip
    truth = truth[~truth["policy_id"].isin(drawn["policy_id"].to_pandas())]
    # The day of the earliest contacts: the evening before, no tag knows of any.
    day = pd.to_datetime(truth["expiry"]) - pd.Timedelta(days=58)
    at = day.dt.tz_localize("UTC") + pd.Timedelta(hours=1)
    frame = pd.DataFrame(
        {
            "assignment_id": "R" + truth["policy_id"],
            "customer_id": truth["customer_id"],
            "policy_id": truth["policy_id"],
            "trial": "renewal_contact",
            "arm": np.where(truth["contacted"], "contact", "control"),
            "probability": np.nan,
            "assigned_at": at,
            "recorded_at": at,
            "assigned_on": day.dt.date,
            "superseded_at": pd.Series(pd.NaT, truth.index, "datetime64[us, UTC]"),
        }
    )
    frame = frame[frame["assigned_at"] < pd.Timestamp(KNOWN_BY, tz="UTC")]
    frame["probability"] = frame.groupby("arm")["arm"].transform("count") / len(frame)
    return pa.Table.from_pandas(frame[drawn.column_names], drawn.schema, preserve_index=False)


if __name__ == "__main__":
    sys.exit(main())
