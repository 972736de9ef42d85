"""What models predict of rows that come after all that they learned from, beside what happened."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from training.dataset import Dataset
from training.evaluation.truth import read_truth
from training.fitting.datasets import build, split_by_time
from training.fitting.learn import fit_both
from training.models import MODELS

LEARNED = {"renewal": pd.Timestamp("2025-09-30"), "churn": pd.Timestamp("2025-03-31")}
"""Rows that were ripe by then are learned from. Churn is asked about once a quarter and is ripe
after 210 days: three quarters follow."""
NAMES, CUSTOMERS, KNOWN_BY = tuple(LEARNED), 5_000, date(2026, 6, 30)
KEPT = ("customer_id", "lost", "true", "star_level", "branch", "channel", "lead_days")
SEEDS = (12, 13)


@dataclass(frozen=True)
class LaterRows:
    """Rows of one model and one simulated insurer.

    `learned` are those that were ripe by `LEARNED`, with `lost` (what happened to the cover) and
    the probability it was drawn with, `true` (null where the simulation has none); `asked` are
    those asked about later, with the probability that was `predicted`, too.
    """

    asked: pd.DataFrame
    learned: pd.DataFrame


def write_later_rows(folder: Path, seed: int) -> None:
    """Simulate an insurer, learn from what was ripe by `LEARNED`, and ask about what follows."""
    lake = Lake(Settings(home=folder, threads=1))
    simulate(lake, CUSTOMERS, seed)
    check_tables(lake)
    models = [MODELS[name] for name in NAMES]
    for model, data in zip(models, list(build(lake, models, KNOWN_BY)), strict=True):
        frame, by = data.frame, LEARNED[model.name]
        frame["lost"], known = frame["label"].astype(float), read_truth(lake, model, frame)
        assert known is not None
        frame["true"] = known["p"]
        if model.name == "renewal":  # what does not renew is lost
            frame["lost"], frame["true"] = 1 - frame["lost"], 1 - frame["true"]
        ripe, later = pd.to_datetime(frame["matures"]) <= by, pd.to_datetime(frame["as_of"]) > by
        learned, asked = (frame[part].reset_index(drop=True) for part in (ripe, later))
        split = split_by_time(learned)
        earlier = Dataset(learned, data.features, data.tags, split, folder, "", {}, len(learned))
        positive = fit_both(model, earlier, threads=1).registered.predict_proba(asked)
        asked["predicted"] = 1 - positive if model.name == "renewal" else positive
        columns = [name for name in KEPT if name in asked]
        learned[columns].to_parquet(folder / f"{model.name}-learned.parquet")
        asked[[*columns, "predicted"]].to_parquet(folder / f"{model.name}-asked.parquet")


def read_later_rows(folder: Path, model: str) -> LaterRows:
    """Read what `write_later_rows` wrote."""
    return LaterRows(
        *(pd.read_parquet(folder / f"{model}-{part}.parquet") for part in ("asked", "learned"))
    )
