"""What the benchmarks on real data read, and what they say where there is none."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training.evaluation.discrimination import auc
from training.evaluation.peers import PeerDifference

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
from fremotor_addon import CLAIMS, OPTIONAL, features_of, renewed_policies  # noqa: E402
from honest import by_customer  # noqa: E402
from strong_learners import logistic_splines, tuned_lightgbm  # noqa: E402
from strong_peers import Result  # noqa: E402

# Policy, its covers in 2003 and in 2004 (None: not there), and whether one was added. Out of order.
POLICIES = [
    ("9.a", {"Fire"}, {"Fire", "Theft"}, True),
    ("1.b", {"Fire"}, {"Theft"}, True),
    ("1.a", {"Fire", "Theft"}, {"Fire"}, False),
    ("5.a", set(), set(), False),
    ("7.a", {"Acc1"}, None, None),
    ("8.a", None, {"Acc1"}, None),
]


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    premiums, counts = [], []
    for policy, before, after, _ in POLICIES:
        for year, covers in ((2003.0, before), (2004.0, after)):
            if covers is None:
                continue
            paid = {f"Prem{cover}": 10.0 * (cover in covers) for cover in OPTIONAL}
            premiums.append({"IDpol": policy, "Year": year, "VehGas": "Diesel", **paid})
            claims = dict.fromkeys(CLAIMS, year - 2003)
            counts.append({"IDpol": policy, "Year": year, **claims})
    return pd.DataFrame(premiums).astype({"VehGas": "category"}), pd.DataFrame(counts)


def test_a_cover_is_added_where_only_the_later_year_pays_for_it() -> None:
    frame = renewed_policies(*tables())
    assert dict(zip(frame["IDpol"], frame["label"], strict=True)) == {
        policy: added for policy, _, _, added in POLICIES if added is not None
    }
    assert frame.set_index("IDpol")["policies"].to_dict() == {
        "1.a": 2,
        "1.b": 2,
        "5.a": 1,
        "9.a": 1,
    }


def test_no_feature_is_of_the_later_year() -> None:
    premiums, counts = tables()
    frame = renewed_policies(premiums, counts)
    features = features_of(frame)
    numbers = premiums.select_dtypes("number").columns.drop("Year")
    premiums.loc[premiums["Year"] == 2004, numbers] = 99.0
    counts.loc[counts["Year"] == 2004, CLAIMS] = 99.0
    pd.testing.assert_frame_equal(renewed_policies(premiums, counts)[features], frame[features])
    assert (frame[CLAIMS] == 0).all(axis=None)


def test_a_customer_is_in_one_fold() -> None:
    frame = pd.DataFrame({"customer_id": [f"C{i % 50}" for i in range(400)]})
    fold = pd.Series(by_customer(frame, 5, seed=1))
    assert fold.groupby(frame["customer_id"]).nunique().eq(1).all()
    assert fold.value_counts().tolist() == [80] * 5


@pytest.mark.parametrize("name", ["lledo_pavia", "fremotor_addon"])
def test_without_the_data_it_says_what_is_missing(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "has no file" in done.stderr
    assert "docs/model-cards/README.md" in done.stderr


def curve(seed: int, rows: int = 3_000) -> pd.DataFrame:
    """A rare yes where x is near 0, rarer for one of two categories: no straight line finds it."""
    draw = np.random.default_rng(seed)
    x, kind = draw.normal(size=rows), draw.choice(["a", "b"], rows)
    odds = np.where(abs(x) < 0.6, 1.0, -2.0) - (kind == "b")
    return pd.DataFrame(
        {
            "customer_id": [f"C{n}" for n in range(rows)],
            "x": np.where(draw.random(rows) < 0.05, np.nan, x),
            "kind": kind,
            "label": draw.random(rows) < 1 / (1 + np.exp(-odds)),
        }
    )


@pytest.mark.parametrize("learner", [tuned_lightgbm, logistic_splines])
def test_a_strong_peer_finds_a_curve_and_does_not_see_the_answers(
    learner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strong_learners.TRIALS", 2)
    rows, asked = curve(1), curve(2)
    told = learner(rows, asked.drop(columns="label"), ["x", "kind"], {})
    assert auc(asked["label"].to_numpy(), told) > 0.75
    assert told.mean() == pytest.approx(asked["label"].mean(), abs=0.04)


def test_behind_is_who_orders_or_prices_worse_than_the_limits() -> None:
    def gap(peer: str, order: float, loss: float) -> PeerDifference:
        return PeerDifference(peer, 0.7, order, 0.0, 0.0, 0.5, loss, 0.0, 0.0)

    gaps = [
        gap("ahead", 0.01, 0.01),
        gap("level", -0.0019, -0.0009),
        gap("orders better", -0.0021, 0.01),
        gap("prices better", 0.01, -0.0011),
    ]
    assert Result("a", "", {}, gaps, {}).behind == ["orders better", "prices better"]
