"""Training at 0.1 to 2 million rows: from a frame of tags to trees, against LightGBM alone.

The rows are those of the renewal model of a simulated insurer, repeated until there are as many as
asked for: the cost of a tree follows the number of rows and tags, not what they say. Ours is
`CalibratedModel.fit`: categories learned, the frame made a matrix, the trees grown; the peer is
`lightgbm.train` with the same parameters on the matrix ready made. Both grow 50 trees, none held
back. Before that, once and without a peer: `training.fitting.datasets.build`, labels and tags
included.

    python benchmarks/training_speed.py --rows 100000 500000 2000000
"""

import argparse
import sys
import warnings
from datetime import date
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from measuring import Measured, alternate, compared, finish, insurer, say, seconds

from features.lake import Lake
from training.dataset import Dataset
from training.estimators.candidates import CalibratedModel
from training.estimators.encoding import Encoding
from training.fitting.datasets import build
from training.models import find

KNOWN_BY = date(2026, 6, 30)
TREES = 50
AT_MOST = 1.5


def built(lake: Lake) -> tuple[Dataset, Measured]:
    """The renewal model's dataset, and its rows a second."""
    found: list[Dataset] = []
    took = seconds(lambda: found.extend(build(lake, [find("renewal")], KNOWN_BY)))
    rows = len(found[0].frame)
    return found[0], Measured(f"dataset of {rows:,} rows, labels and tags", "rows/s", rows / took)


def trained(data: Dataset, rows: int, repeats: int, threads: int) -> Measured:
    """Seconds of ours and of LightGBM on so many rows."""
    places = np.arange(rows) % len(data.frame)
    frame = data.frame.iloc[places].reset_index(drop=True)
    label = frame["label"].to_numpy(np.float64)
    kept = np.zeros(rows, bool)
    model = find("renewal")
    parameters = {**model.parameters, "rounds": TREES, "patience": 0}
    encoding = Encoding.learn(frame, data.features)
    matrix = encoding.matrix(frame)
    settings = {
        "objective": "binary",
        "seed": 7,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": threads,
        "verbosity": -1,
        "monotone_constraints": [model.monotone.get(name, 0) for name in data.features],
        **{k: v for k, v in parameters.items() if k not in ("rounds", "patience")},
    }
    text = [data.features.index(name) for name in encoding.categories]
    trees: dict[str, str] = {}

    def ours() -> float:
        fitted = CalibratedModel(parameters, monotone=model.monotone, threads=threads)
        took = seconds(lambda: fitted.fit(frame, label, kept, data.features))
        if fitted.scorer_.trees:
            trees["ours"] = _splits(fitted.scorer_.trees[0])
        return took

    def peer() -> float:
        grown: list[lgb.Booster] = []

        def train() -> None:
            own = lgb.Dataset(
                matrix,
                label,
                feature_name=data.features,
                categorical_feature=text,
                params={"verbosity": -1},
            )
            grown.append(lgb.train(settings, own, TREES))

        took = seconds(train)
        trees["peer"] = _splits(grown[0])
        return took

    measured = compared(
        f"{rows:,} rows, {len(data.features)} features, lightgbm.train", "s",
        *alternate(ours, peer, repeats), at_most=AT_MOST,
    )  # fmt: skip
    if trees["ours"] != trees["peer"]:
        raise AssertionError("ours and the peer grew other trees")
    return measured


def _splits(booster: lgb.Booster) -> str:
    """The trees as text, without the parameters."""
    return booster.model_to_string().split("end of trees")[0].split("Tree=0", 1)[1]


def main() -> int:
    """Print the table; 1 if a limit broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated insurer")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 500_000, 2_000_000])
    parser.add_argument("--home", type=Path, help="keep the insurer here, in a folder by its size")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of ours and peer")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
    with insurer(asked) as lake:
        say("labels and tags")
        data, line = built(lake)
        lines = [line]
        keep = [*data.features, "label"]
        data = Dataset(**{**vars(data), "frame": pd.DataFrame(data.frame[keep])})
        for rows in asked.rows:
            say(f"{rows:,} rows")
            lines.append(trained(data, rows, asked.repeats, lake.settings.threads))
    return finish("training_speed", asked.customers, lines, asked.json)


if __name__ == "__main__":
    sys.exit(main())
