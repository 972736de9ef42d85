"""Bulk scoring (`serving.predictions.scoring`) against bare `Booster.predict` of the same models.

Ours is the whole step: tag files hashed, read and joined, rows chosen, matrices made, probabilities
calibrated, stars and values joined, the scores published. The peer has its matrices ready, of the
rows the models are actually asked about and no others, and is timed for `predict` alone, with the
threads the settings allow. Both in customers a second: the ratio is the share of the bare
throughput that is left. Before anything is timed, the scores must equal the peer's, calibrated.

A home with champions is scored with them. Otherwise stand-ins are made: 100 trees with the declared
parameters, grown on the snapshot for an invented outcome, for speed does not depend on what was
learnt (what `guanjia train` grows on 20,000 customers has 50 to 120 trees).
"""

import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from measuring import alternate, arguments, compared, finish, insurer, say, seconds, snapshot

from features.lake import Lake
from features.snapshots.snapshots import read_snapshot
from features.snapshots.tag_columns import snapshot_tags
from serving.predictions import probabilities, scoring
from serving.predictions.probabilities import ServedModel, model_columns
from training.estimators.candidates import CalibratedModel
from training.fitting.bundle_writer import write_bundle
from training.model_spec import ModelSpec
from training.models import MODELS, find
from training.registry import local_models

AS_OF = date(2026, 6, 30)
LIMIT = 0.6
TREES = 100
SEED = 7


def main() -> int:
    """Verify that both agree, then measure."""
    asked = arguments(__doc__ or "", customers=100_000, repeats=5)
    with insurer(asked) as lake:
        snapshot(lake, AS_OF)
        if not (lake.home / "models").exists():
            stand_in(lake)
        models = probabilities.load_models(lake)
        frame = tags(lake, probabilities.needed_tags(models))
        ready = matrices(models, frame)
        agree(lake, models, frame, ready)
        customers, threads = len(frame), lake.settings.threads
        del frame

        def bare() -> None:
            for name, matrix in ready.items():
                models[name].predictor.scorer.trees[0].predict(matrix, num_threads=threads)

        ours, peer = alternate(
            lambda: customers / seconds(lambda: scoring.score(lake, AS_OF)),
            lambda: customers / seconds(bare),
            asked.repeats,
        )
    rows = sum(len(matrix) for matrix in ready.values())
    say(f"{len(models)} models, {rows / customers:.2f} predictions a customer, {threads} threads")
    line = compared("score, Booster.predict", "customers/s", ours, peer, at_least=LIMIT)
    return finish("scoring", customers, [line], asked.json)


def tags(lake: Lake, names: list[str]) -> pd.DataFrame:
    """These tags of the snapshot, one row a customer."""
    rows = snapshot_tags(lake, read_snapshot(lake, AS_OF), names)
    found: pd.DataFrame = lake.con.sql(lake.sql(rows.order_by("customer_id"))).df()
    return found


def matrices(models: dict[str, ServedModel], frame: pd.DataFrame) -> dict[str, Any]:
    """What each booster reads, of the rows its model is asked about."""
    return {
        name: served.predictor.matrix(model_columns(served, frame[find(name).asks(frame)]))
        for name, served in models.items()
    }


def agree(
    lake: Lake, models: dict[str, ServedModel], frame: pd.DataFrame, ready: dict[str, Any]
) -> None:
    """The published scores are the peer's predictions, calibrated, and null elsewhere."""
    scores = pq.read_table(scoring.score(lake, AS_OF).path, partitioning=None).to_pandas()
    assert scores["customer_id"].equals(frame["customer_id"]), "other customers"
    for name, served in models.items():
        expected = np.full(len(frame), np.nan)
        raw = served.predictor.scorer.raw(ready[name])
        expected[find(name).asks(frame)] = served.predictor.calibration.apply(raw)
        assert len(ready[name]), f"nobody is asked about {name}"
        np.testing.assert_array_equal(scores[name], expected, err_msg=name)
    say(f"the scores of {len(frame):,} customers are the peer's")


def stand_in(lake: Lake) -> None:
    """Champions that cost what real ones do, made in seconds and known to no registry."""
    rules = [name for spec in MODELS.values() for name in spec.rule_tags]
    wanted = [name for spec in MODELS.values() for name in spec.tag_set.tags]
    frame = tags(lake, list(dict.fromkeys([*wanted, *rules])))
    for name, spec in MODELS.items():
        say(f"growing a stand-in for {name}")
        with tempfile.TemporaryDirectory() as scratch:
            bundle = write_bundle(Path(scratch), spec, grown(lake, spec, frame), spec.tag_set.tags)
            local_models.save_bundle(lake, name, "1", bundle)
        local_models.set_champion(lake, name, "1")


def grown(lake: Lake, spec: ModelSpec, frame: pd.DataFrame) -> CalibratedModel:
    """A model for an outcome that is half chance and half days since registration."""
    rows = frame[spec.asks(frame)].reset_index(drop=True)
    for feature in spec.extra:
        rows[feature.name] = feature.derive(rows)
    chance = np.random.default_rng(SEED).random(len(rows))
    label = np.asarray(chance < 0.5 * rows["days_since_registration"].rank(pct=True))
    if spec.kind != "probability":
        label = label + (0.0 if spec.kind == "count" else 0.1)
    parameters = {**spec.parameters, "rounds": TREES, "patience": 0}
    fitted = CalibratedModel(parameters, kind=spec.kind, seed=SEED, threads=lake.settings.threads)
    nobody = np.zeros(len(rows), dtype=bool)
    return fitted.fit(rows, label, nobody, spec.features).calibrate(rows, label)


if __name__ == "__main__":
    sys.exit(main())
