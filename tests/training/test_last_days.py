"""What is predicted of renewals is what happens, on each of the last sixty days before expiry."""

from datetime import date
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from training.dataset import Dataset
from training.evaluation.slices import lead_bands
from training.evaluation.truth import read_truth
from training.fitting.datasets import build, split_by_time
from training.fitting.learn import fit_both
from training.models import MODELS

MODEL, KNOWN_BY = MODELS["renewal"], date(2026, 6, 30)
LEARNED = pd.Timestamp("2025-09-30")
BANDS = ("0-2", "3-6", "7-14", "15-29", "30-60")
SEEDS = (12, 13)
Z = NormalDist().inv_cdf(1 - 0.025 / (len(SEEDS) * len(BANDS)))
"""Of ten bands all lie within it in 95 of 100 runs; each alone within 1.96 would do so in 60."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_as_many_are_lost_as_predicted_in_every_band_of_days(seed: int, tmp_path: Path) -> None:
    """Learned by September 2025, asked about the eight months that followed."""
    lake = Lake(Settings(home=tmp_path, threads=1))
    simulate(lake, 5_000, seed)
    check_tables(lake)
    (data,) = build(lake, [MODEL], KNOWN_BY)
    ripe = pd.to_datetime(data.frame["matures"]) <= LEARNED
    later = pd.to_datetime(data.frame["as_of"]) > LEARNED
    rows, test = (data.frame[part].reset_index(drop=True) for part in (ripe, later))
    split = split_by_time(rows)
    earlier = Dataset(rows, data.features, data.tags, split, tmp_path, "", {}, len(rows))
    predicted = fit_both(MODEL, earlier, threads=1).registered.predict_proba(test)

    lost = 1 - test["label"].to_numpy(np.float64)
    table = pd.DataFrame({"band": lead_bands(test["lead_days"]), "customer": test["customer_id"],
                          "gap": (1 - predicted) - lost, "lost": lost})  # fmt: skip
    for band in BANDS:
        part = table[table["band"] == band]
        # Rows of one customer stay together.
        gaps = part.groupby("customer")["gap"].sum()
        assert part["lost"].sum() >= 25, band
        assert abs(gaps.sum()) <= Z * np.sqrt((gaps**2).sum()), band
    # Against the true probabilities; the level that was learned has chance in it, too.
    known = read_truth(lake, MODEL, test)
    assert known is not None
    assert (1 - predicted).sum() == pytest.approx((1 - known["p"]).sum(), rel=0.09)
