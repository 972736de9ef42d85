"""A new tag and a new model are what CONTRIBUTING.md says: two files of the home, and no fork."""

import asyncio
import csv
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from shared import link_compiled

from features.lake import Lake
from features.settings import Settings, cutoff
from features.tags import extensions
from features.tags.catalogue import every_tag
from features.tags.groups import claims
from serving.api.app import create_app
from serving.api.door.request_limiter import RequestLimiter
from serving.auth.tokens import make_token
from serving.predictions.scores_file import scores_path
from serving.predictions.service import PredictionService
from training import models
from training.frames import fit
from training.model_spec import DEFAULTS, ModelSpec

ROOT = Path(__file__).parents[2]
JUNE = date(2026, 6, 30)
NAME, TAG = "claim_soon", "no_fault_claim_count_365d"
Command = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, compiled_once: Path) -> Path:
    """A home with the guide's two examples, as they stand there, in its folder of extensions."""
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL
    )
    folder = tmp_path_factory.mktemp("home")
    (folder / "extensions").mkdir(mode=0o700)
    for name, code in zip(("claims", "claim_soon"), blocks, strict=True):
        (folder / "extensions" / f"{name}.py").write_text(code, encoding="utf-8")
    link_compiled(folder, compiled_once)
    return folder


@pytest.fixture(scope="module")
def declared(home: Path) -> Iterator[ModelSpec]:
    """The model, and the tag it reads, for as long as this file's tests run."""
    before, tags = dict(models.MODELS), dict(claims.GROUP.tags)
    (_, tagged) = sorted(extensions.load_extensions(home), key=lambda one: len(one.tags))
    assert tagged.tags == (TAG,)
    yield models.MODELS[NAME]
    models.MODELS.clear()
    models.MODELS.update(before)
    claims.GROUP.tags.clear()
    claims.GROUP.tags.update(tags)
    extensions._loaded.clear()
    every_tag.cache_clear()


@pytest.fixture(scope="module")
def lake(home: Path, process: Command) -> Lake:
    """A small home in which the new model, and it alone, was trained and promoted, all by typing
    commands, each a process of its own."""
    for words in (
        "simulate --customers 600 --seed 2",
        "check",
        f"tags --as-of {JUNE}",
        "materialize",
        f"train {NAME} --known-by {JUNE}",
        f"promote {NAME} --who test --why test",
        "score",
    ):
        done = process(home, *words.split(), "--json")
        assert done.returncode == 0, (words, done.stderr[-3000:])
    return Lake(Settings(home=home, threads=1))


def test_its_tag_by_hand(lake: Lake, declared: ModelSpec) -> None:
    """Claims of the year before the evening of the date that were somebody else's fault."""
    tags = pd.read_parquet(lake.tags("claims") / f"as_of={JUNE}.parquet")
    counted = tags.set_index("customer_id")[TAG]
    recorded = lake.table("claims").to_pandas()
    end = pd.Timestamp(cutoff(JUNE, lake.settings.timezone))
    occurred, told = (
        pd.to_datetime(recorded[name], utc=True) for name in ("occurred_at", "recorded_at")
    )
    year = (occurred >= end - pd.Timedelta(days=365)) & (occurred < end) & (told < end)
    innocent = recorded[year & (recorded["at_fault"] == False)]  # noqa: E712
    by_hand = innocent.drop_duplicates("claim_id").groupby("customer_id").size()
    assert by_hand.sum() > 5
    assert counted[counted > 0].to_dict() == by_hand.reindex(counted.index).dropna().to_dict()


def test_its_label_by_hand(lake: Lake, declared: ModelSpec) -> None:
    """Claims reported in the 90 days after the evening of the date."""
    rows = declared.labels(lake, JUNE).to_pandas()
    recorded = lake.table("claims").to_pandas()
    wanted = rows[rows["as_of"] == rows["as_of"].max()].set_index("customer_id")
    begin = wanted["cutoff"].iloc[0]
    reported = pd.to_datetime(recorded["reported_at"], utc=True)
    within = (reported >= begin) & (reported < begin + pd.Timedelta(days=90))
    came = set(recorded.loc[within, "customer_id"])
    assert wanted["label"].to_dict() == {one: one in came for one in wanted.index}
    assert 0 < wanted["label"].mean() < 1


@pytest.mark.usefixtures("declared")
def test_it_is_trained_under_its_own_name() -> None:
    assert models.families()[NAME] == (NAME,)


@pytest.mark.usefixtures("declared")
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


def test_its_list_is_written(lake: Lake, tmp_path: Path, process: Command) -> None:
    path = tmp_path / "list.csv"
    done = process(lake.home, "list", "claim_care", "--top", "20", "--out", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"] == "出险关怀名单"
    with path.open(encoding="utf-8-sig", newline="") as file:
        heading, *rows = list(csv.reader(file))
    own = ["近36个月出险次数（次）", "距上次出险天数（天）", "原因（提高90天出险概率）"]
    assert heading[-4:] == [*own, "导出号"]
    told = np.array([float(row[heading.index("90天出险概率")]) for row in rows])
    assert len(rows) == 20
    assert (np.diff(told) <= 0).all()


@pytest.mark.usefixtures("declared")
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


def test_the_same_rows_as_a_frame_give_the_same_model(lake: Lake, declared: ModelSpec) -> None:
    """Byte for byte: a frame goes the way that rows of tables go."""
    rows = pd.read_parquet(lake.home / "training" / NAME / "frame.parquet")
    model = fit(
        rows.sample(frac=1, random_state=1),
        "label",
        home=lake.home,
        name="from_a_frame",
        time="as_of",
        matures="matures",
        groups="customer_id",
        features=declared.tag_set.tags,
        parameters=DEFAULTS,
        threads=lake.settings.threads,
    )
    trained = lake.home / "models" / NAME / "1"
    names = {path.name for path in trained.iterdir()} - {"spec.json"}
    assert {path.name for path in model.folder.iterdir()} - {"spec.json"} == names
    for name in names:
        assert (model.folder / name).read_bytes() == (trained / name).read_bytes(), name


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
