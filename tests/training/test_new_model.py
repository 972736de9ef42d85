"""A new model is what CONTRIBUTING.md says it is: a label and a declaration."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from training import models
from training.estimators.bundle import Predictor
from training.fitting.train import train

ROOT = Path(__file__).parents[2]
KNOWN_BY = date(2026, 6, 30)


@pytest.mark.slow
def test_the_model_of_the_guide_is_trained_and_registered(tmp_path, monkeypatch):
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    lake = Lake(Settings(home=tmp_path, threads=1))
    simulate(lake, 200, seed=2)
    check_tables(lake)
    monkeypatch.setattr(models, "MODELS", dict(models.MODELS))
    declared: dict = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), declared)
    spec = models.MODELS["claim_soon"]
    monkeypatch.setitem(models.MODELS, "claim_soon", replace(spec, candidates=("linear",)))

    # The label, by hand: claims reported in the 90 days after the evening of the date.
    rows = spec.labels(lake, KNOWN_BY).to_pandas()
    claims = lake.table("claims").to_pandas()
    day = rows["as_of"].max()
    wanted = rows[rows["as_of"] == day].set_index("customer_id")
    begin = wanted["cutoff"].iloc[0]
    end = begin + pd.Timedelta(days=90)
    reported = pd.to_datetime(claims["reported_at"], utc=True)
    came = set(claims.loc[(reported >= begin) & (reported < end), "customer_id"])
    assert wanted["label"].to_dict() == {one: one in came for one in wanted.index}
    assert 0 < wanted["label"].mean() < 1

    (done,) = train(lake, ["claim_soon"], KNOWN_BY)
    assert (done.model, done.version, done.label) == ("claim_soon", "1", "90天出险概率")
    told = Predictor.load(done.folder).predict(
        pd.read_parquet(lake.home / "training" / "claim_soon" / "frame.parquet")
    )
    assert 0 < told.min() <= told.max() < 1
