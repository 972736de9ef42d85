"""A new model is what CONTRIBUTING.md says it is: a label and a declaration, and nothing else."""

import asyncio
import csv
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from features.checking.check import check_tables
from features.lake import Lake
from features.online.feast_client import materialize
from features.settings import Settings
from features.snapshots.compute import write_snapshot
from features.sources.simulation.simulate import simulate
from serving.api.app import create_app
from serving.api.door.request_limiter import RequestLimiter
from serving.auth.tokens import make_token
from serving.lists.target_lists import write_list
from serving.predictions.scores_file import scores_path
from serving.predictions.scoring import score
from serving.predictions.service import PredictionService
from training import models
from training.fitting.train import train
from training.model_spec import ModelSpec
from training.promotion.promote import promote

ROOT = Path(__file__).parents[2]
JUNE = date(2026, 6, 30)
NOW = datetime(2026, 7, 1, 1, tzinfo=UTC)
NAME = "claim_soon"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def declared() -> Iterator[ModelSpec]:
    """The guide's example as it stands there, for as long as this file's tests run."""
    (code,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.S
    )
    before = dict(models.MODELS)
    exec(compile(code, "CONTRIBUTING.md", "exec"), {})
    yield models.MODELS[NAME]
    models.MODELS.clear()
    models.MODELS.update(before)


@pytest.fixture(scope="module")
def lake(declared: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A small home in which the new model, and it alone, was trained and promoted."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("home"), threads=1))
    simulate(lake, 600, seed=2)
    check_tables(lake)
    write_snapshot(lake, [JUNE])
    materialize(lake, JUNE, now=NOW)
    (done,) = train(lake, [declared.name], JUNE)
    assert (done.model, done.version, done.label) == (NAME, "1", "90天出险概率")
    decision = promote(lake, NAME, who="test", why="test", when=NOW)
    assert decision.done, [verdict for verdict in decision.verdicts if not verdict.passed]
    score(lake, JUNE)
    return lake


def test_its_label_by_hand(lake: Lake, declared: ModelSpec) -> None:
    """Claims reported in the 90 days after the evening of the date."""
    rows = declared.labels(lake, JUNE).to_pandas()
    claims = lake.table("claims").to_pandas()
    wanted = rows[rows["as_of"] == rows["as_of"].max()].set_index("customer_id")
    begin = wanted["cutoff"].iloc[0]
    reported = pd.to_datetime(claims["reported_at"], utc=True)
    within = (reported >= begin) & (reported < begin + pd.Timedelta(days=90))
    came = set(claims.loc[within, "customer_id"])
    assert wanted["label"].to_dict() == {one: one in came for one in wanted.index}
    assert 0 < wanted["label"].mean() < 1


def test_it_is_trained_under_its_own_name() -> None:
    assert models.families()[NAME] == (NAME,)


def test_scores_have_it_for_whom_it_asks(lake: Lake) -> None:
    scores = pd.read_parquet(scores_path(lake, JUNE)).set_index("customer_id")
    tags = pd.read_parquet(lake.tags("underwriting") / f"as_of={JUNE}.parquet")
    tags = tags.set_index("customer_id").loc[scores.index]
    asked = (tags["motor_policies_in_force"] > 0) & (tags["compulsory_only"] == False)  # noqa: E712
    assert scores[NAME].notna().tolist() == asked.tolist()
    assert 0 < asked.mean() < 1
    assert scores[NAME].dropna().between(0, 1).all()
    # No other model was trained here.
    assert scores["renewal"].isna().all()


def test_its_list_is_written(lake: Lake, tmp_path: Path) -> None:
    listed = write_list(lake, "claim_care", JUNE, top=20, out=tmp_path / "list.csv")
    assert listed.label == "出险关怀名单"
    assert len(listed.preview) == 5
    with listed.path.open(encoding="utf-8-sig", newline="") as file:
        heading, *rows = list(csv.reader(file))
    assert heading[-3:] == ["近36个月出险次数", "距上次出险天数", "原因(提高90天出险概率)"]
    told = np.array([float(row[heading.index("90天出险概率")]) for row in rows])
    assert len(rows) == 20
    assert (np.diff(told) <= 0).all()


def test_predict_answers_with_it(lake: Lake) -> None:
    scores = pd.read_parquet(scores_path(lake, JUNE)).set_index("customer_id")[NAME].dropna()
    ids = list(scores.index[:3])
    app = create_app()
    app.state.service = PredictionService(lake)
    body = {"customer_ids": ids, "models": [NAME], "explain": True}
    answer = asyncio.run(post(app, make_token(lake.settings, "test", datetime.now(UTC)), body))
    assert answer["model_versions"].keys() == {NAME}
    told = {one["customer_id"]: one["probabilities"][NAME] for one in answer["predictions"]}
    assert told == pytest.approx(scores[ids].to_dict())
    assert any(one["reasons"][NAME] for one in answer["predictions"])


async def post(app: Any, token: str, body: dict[str, Any]) -> dict[str, Any]:
    """`POST /predict`, in this process."""
    transport = httpx.ASGITransport(app=RequestLimiter(app, app))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        response = await client.post(
            "/predict", json=body, headers={"Authorization": f"Bearer {token}"}
        )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
