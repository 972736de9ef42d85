"""Cases of lists and events: what a spreadsheet, a branch manager and the claims desk meet."""

import asyncio
import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import httpx
import pandas as pd
import pytest
from case_files import NOW

from features.lake import Lake
from features.online import feast_client
from features.settings import Settings
from serving.api.app import create_app
from serving.auth.tokens import make_token
from serving.decision.lots import in_holdout
from serving.decision.worth.policy import load_policy
from serving.events.service import EventService
from serving.spreadsheet import write_csv

Demo = tuple[Path, dict[str, Any]]
Run = Callable[..., "CompletedProcess[str]"]
DAY = "2026-06-30"
NINE = datetime(2026, 7, 1, 1, tzinfo=UTC)
CASES = Path(__file__).parent


def test_a24_ids_stay_texts_in_a_spreadsheet(tmp_path: Path) -> None:
    rows = [["440106198001011234", "13800000001"], ["00123", "13800000002"],
            ["1E5", "13800000003"], ["3-1", "13800000004"]]  # fmt: skip
    write_csv(tmp_path / "list.csv", ["客户号", "手机号"], rows)
    # A reader that guesses types, as a spreadsheet does, keeps each id whole.
    read = pd.read_csv(tmp_path / "list.csv")
    assert [text.removeprefix("'") for text in read["客户号"]] == [row[0] for row in rows]
    assert read["手机号"].tolist() == [13800000001, 13800000002, 13800000003, 13800000004]


@pytest.mark.slow
def test_a27_numbers_of_a_list_sort_and_add(demo: Demo, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    done = run(demo[0], "list", "renewal_risk", "--as-of", DAY, "--out", str(out))
    assert done.returncode == 0, done.stderr
    read = pd.read_csv(out)
    units = [name for name in read if name.endswith(("（元）", "（天）"))]
    assert len(units) >= 3, list(read)
    for heading in ("星级", *units):
        assert pd.api.types.is_numeric_dtype(read[heading].dropna()), heading


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("手机号 is not null", "column 手机号: cannot be asked for"),
        ("channel = 'Agent'", "which 渠道 cannot be. Did you mean agent?"),
        ("渠道 = 代里", "which 渠道 cannot be. Did you mean 代理?"),
        ("机构 = “B99”", "asks for branch = 'B99', which no customer has"),
    ],
)
def test_a43_a_condition_that_cannot_be_met_is_refused(
    demo: Demo, run: Run, tmp_path: Path, where: str, words: str
) -> None:
    out = tmp_path / "list.csv"
    done = run(demo[0], "list", "renewal_risk", "--where", where, "--as-of", DAY,
               "--out", str(out))  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()


@pytest.mark.slow
def test_a43_a_condition_of_a_chinese_input_method(demo: Demo, run: Run) -> None:
    counts = {}
    for where in ("channel = 'agent' and star >= 2", "渠道 ＝ “代理” 且 星级 ≥ ２星"):
        done = run(demo[0], "lists", "count", "churn_risk", "--where", where, "--json")
        assert done.returncode == 0, done.stderr
        counts[where] = json.loads(done.stdout)["customers"]
    assert len({*counts.values()}) == 1
    assert min(counts.values()) > 0


@pytest.mark.slow
def test_c03_the_holdout_is_not_on_a_list(demo: Demo, run: Run, tmp_path: Path) -> None:
    def customers(*words: str) -> list[str]:
        out = tmp_path / "list.csv"
        done = run(demo[0], "list", "renewal_risk", "--top", "1000", "--as-of", DAY,
                   "--out", str(out), *words)  # fmt: skip
        assert done.returncode == 0, done.stderr
        with out.open(encoding="utf-8-sig", newline="") as file:
            return [row["客户号"] for row in csv.DictReader(file)]

    policy = load_policy(demo[0])
    cycle = policy.cycle(NINE.date())
    held = {
        customer
        for customer in customers("--with-holdout")
        if in_holdout(policy.salt, customer, cycle, policy.holdout_share)
    }
    assert held
    assert not held & set(customers())


@pytest.mark.slow
def test_b09_a_claim_on_a_policy_nobody_has(delivered: Callable[[str], Path], run: Run) -> None:
    home = delivered("base")
    for words in (("check",), ("tags", "--as-of", DAY), ("materialize", "--as-of", DAY)):
        done = run(home, *words, *(() if words[0] == "materialize" else ("--now", NOW)))
        assert done.returncode == 0, done.stderr
    ahead = (NINE - datetime.now(tz=UTC)).total_seconds()
    settings = Settings(home=home, clock_ahead_seconds=ahead)
    lake = Lake(settings)
    events = EventService(lake)
    events.start()
    app = create_app()
    app.state.service, app.state.events = SimpleNamespace(lake=lake), events
    token = make_token(settings, "tests", datetime.now(tz=UTC), timedelta(days=1))
    body = (CASES / "B09" / "event.json").read_bytes()

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            return await client.post("/v1/events", content=body, headers=headers)

    response = asyncio.run(post())
    feast_client.forget(lake)
    assert response.status_code == 422, response.text
    (fault,) = json.loads(response.text)["faults"]
    assert fault["fault"] == "policy_id NOPE is not a known policy"
