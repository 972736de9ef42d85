"""A champion is watched on what it never saw; the command says what to do and exits with 1."""

import json
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from features.errors import GuanjiaError
from features.lake import Lake
from features.progress import quiet
from features.settings import Settings
from guanjia.cli import app
from training.estimators.bundle import Predictor
from training.models import MODELS
from training.monitoring import drift, training_run, watch
from training.monitoring.bounds import Bounds, load_bounds
from training.promotion.cohort import Cohort, TooFewError
from training.registry import versions as registry
from training.registry.mlflow_client import RegistryAwayError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
MODEL = "renewal"
STORED = Path(__file__).parents[2] / "golden" / "e1ac05b" / "models"
LEARNED, RIPE = date(2026, 6, 30), date(2026, 7, 31)  # as the fixture `register` states


def questions(predictor: Predictor, seed: int, asked: date) -> pd.DataFrame:
    """Rows whose outcome hangs on their tenure, as the bundles learned it."""
    draw, size = np.random.default_rng(seed), 1500
    texts = {"branch": "B01", "channel": "agent", "business_type": "new", "gender": "F",
             "city_tier": "1", "vehicle_garage_area": "urban"}  # fmt: skip
    columns = {name: draw.normal(size=size) for name in predictor.features}
    columns |= {name: np.full(size, text, dtype=object) for name, text in texts.items()}
    columns |= {
        "customer_id": [f"C{one:05d}" for one in range(size)],
        "star_level": draw.integers(1, 6, size).astype(float),
        "age_years": draw.integers(20, 70, size).astype(float),
        "lead_days": draw.choice([60.0, 30.0, 15.0, 7.0], size),
        "as_of": asked,
        "matures": asked + timedelta(days=60),
        "label": draw.random(size) < 1 / (1 + np.exp(-1.5 * columns["tenure_years"])),
    }
    return pd.DataFrame(columns)


@pytest.fixture
def champion(lake, bundle, register, monkeypatch):
    """A champion of one kind, tested on literal rows, and later rows of the same law."""

    def make(kind: str, later: pd.DataFrame | None = None) -> Lake:
        folder = bundle(kind)
        predictor = Predictor.load(folder)
        tested = questions(predictor, 8, date(2026, 4, 1))
        ripe = questions(predictor, 9, date(2026, 5, 10)) if later is None else later

        def read(_lake, _model, first, known_by, *_, **__):
            frame = tested if known_by == LEARNED else ripe
            if frame.empty:
                raise TooFewError(MODEL, "has too few", "wait")
            day = frame["as_of"].iloc[0]
            return Cohort(frame, known_by, day, day)

        monkeypatch.setattr(watch, "read_cohort", read)
        registry.set_champion(lake, MODEL, register(lake, folder))
        monkeypatch.setenv("GUANJIA_HOME", str(lake.home))
        return lake

    return make


def monitor(*words: str):
    return CliRunner().invoke(app, ["monitor", "--model", MODEL, "--as-of", str(RIPE), *words])


def test_a_quiet_month_exits_with_0_and_writes_what_it_saw(champion):
    lake = champion("good")
    done = monitor()
    assert done.exit_code == 0, done.output
    assert "renewal 续保概率: champion 1, learned by 2026-06-30" in done.output
    assert "2026-07" in done.output
    assert "No alert." in done.output
    assert "Alerts: 0. Written:" in done.output
    written = json.loads((lake.home / "monitoring" / f"as_of={RIPE}.json").read_text("utf-8"))
    assert written["passed"] is True
    (model,) = written["models"]
    assert model["reference"]["order"] == 0.7  # as the run states it
    assert [one["name"] for one in model["cohorts"]] == ["2026-07"]
    assert model["cohorts"][0]["rows"] == 1500
    assert [path.name for path in (lake.home / "monitoring").iterdir()] == [f"as_of={RIPE}.json"]


def test_a_breach_exits_with_1_names_whom_and_says_what_to_do(champion):
    champion("harms")  # the customers of five stars
    done = monitor()
    assert done.exit_code == 1
    assert "ALERT renewal, 2026-07: " in done.output
    assert "guanjia train renewal --known-by 2026-07-31" in done.output
    assert "Next: do what the first alert says." in done.output


def test_json_is_the_file_and_nothing_else(champion):
    lake = champion("good")
    done = monitor("--json")
    assert json.loads(done.stdout) == json.loads(
        (lake.home / "monitoring" / f"as_of={RIPE}.json").read_text("utf-8")
    )


def test_where_nothing_has_ripened_it_says_when(champion):
    champion("good", pd.DataFrame())
    done = CliRunner().invoke(app, ["monitor", "--model", MODEL, "--as-of", "2026-07-30"])
    assert done.exit_code == 0, done.output
    assert "No cohort has ripened since" in done.output
    assert "the first is whole on 2026-07-31" in done.output
    assert "no snapshot is later than its test questions" in done.output


def test_without_a_champion_it_says_how_to_get_one(lake, monkeypatch):
    monkeypatch.setenv("GUANJIA_HOME", str(lake.home))
    with pytest.raises(GuanjiaError, match="has no champion"):
        raise monitor().exception


def test_away_from_the_registry_what_was_read_before_holds(champion, monkeypatch):
    lake = champion("good")

    def away(*_):
        raise RegistryAwayError("the registry", "does not answer", "start it")

    assert monitor().exit_code == 0
    monkeypatch.setattr(training_run, "read_version", away)
    monkeypatch.setattr(registry, "version_by_alias", away)
    done = monitor()
    assert done.exit_code == 0, done.output
    assert "The registry is away" in done.output
    (lake.home / "monitoring" / f"as_of={RIPE}.json").unlink()
    with pytest.raises(RegistryAwayError):
        raise monitor().exception


def drifted(lake: Lake, bundle, folder: Path, **moved: float) -> drift.Drift:
    predictor = Predictor.load(bundle("good"))
    before, now = (questions(predictor, seed, date(2026, 4, 1)) for seed in (11, 12))
    for name, by in moved.items():
        now[name] += by
    return drift.drift_of(lake, predictor, before, now, date(2026, 5, 1), Bounds(), folder)


def test_a_tag_that_moves_scores_is_an_alert_when_it_drifts(lake, bundle, tmp_path):
    found = drifted(lake, bundle, tmp_path, tenure_years=2.0)
    assert {one.subject for one in found.alerts if one.figure == "tag_drift"} == {"tenure_years"}
    assert {one.figure for one in found.alerts} >= {"score_drift", "score_shift"}
    (tag,) = [one for one in found.tags if one.tag == "tenure_years"]
    assert tag.score > 0.5
    assert found.predicted > found.predicted_before + 0.1


def test_a_tag_that_moves_nothing_is_none_however_it_drifts(lake, bundle, tmp_path):
    predictor = Predictor.load(bundle("good"))
    shares = drift.importance(predictor, questions(predictor, 11, date(2026, 4, 1))).features
    numbers = set(predictor.tags) - set(predictor.scorer.encoding.categories)
    idle = min(sorted(numbers), key=lambda name: shares[name])
    assert shares[idle] < Bounds().importance
    assert drifted(lake, bundle, tmp_path, **{idle: 50.0}).alerts == []


def test_who_expires_within_the_lead_times_is_asked(home, snapshot):
    lake = Lake(Settings(home=home))
    whole = {"commercial_renewal_signed": False, "commercial_cancellation_known": False}
    days = {"C1": 63, "C2": 57, "C3": 56, "C4": 31, "C5": 4, "C6": 3, "C7": 200}
    customers = {one: whole | {"days_to_commercial_expiry": day} for one, day in days.items()}
    customers["C8"] = customers["C4"] | {"commercial_renewal_signed": True}
    snapshot(home, date(2026, 7, 31), customers)
    reader = SimpleNamespace(tags=["tenure_years"], extra=["lead_days"])
    found = drift.snapshot_questions(lake, MODELS[MODEL], reader, date(2026, 7, 31))
    assert dict(zip(found["customer_id"], found["lead_days"], strict=True)) == {
        "C2": 57, "C3": 56, "C4": 31, "C5": 4, "C6": 3,
    }  # fmt: skip


def test_what_takes_an_outcome_for_granted_is_held_against_no_snapshot(home, snapshot):
    """Of a snapshot nobody knows yet who will leave; the drift is that of churn."""
    lake, day = Lake(Settings(home=home)), date(2026, 7, 31)
    snapshot(home, day, {"C1": {"motor_policies_in_force": 1}})
    predictor = Predictor.load(STORED / "churn_hazard" / "1")
    tested = pd.DataFrame({"customer_id": ["C1"], "as_of": [date(2026, 1, 1)]})
    asked = lake, MODELS["churn_hazard"], predictor, tested, day, Bounds(), quiet
    assert watch._drift(*asked) is None


def test_a_champion_that_was_asked_another_question_is_not_measured_by_this_one(home, monkeypatch):
    """The monthly hazard of an earlier release: its outcomes are not those of today's labels."""
    monkeypatch.setattr(watch, "champion", lambda *_: STORED / "churn_hazard" / "1")
    with pytest.raises(GuanjiaError, match="version 1 of churn_hazard: answers the question of an"):
        watch.watch(Lake(Settings(home=home)), "churn_hazard", date(2026, 7, 31))


def test_renewals_are_held_against_as_many_of_each_day():
    days = np.repeat([0, 4, 10, 20, 45], 2_000)
    customers = [f"C{n % 2_000}-{day}" for n, day in enumerate(days)]
    tested = pd.DataFrame({"customer_id": customers, "lead_days": days})
    left = drift.comparable_test_rows(SimpleNamespace(extra=["lead_days"]), tested)
    # One day of 3, 4, 8, 15 and 31 was drawn: of the last all rows stay, of the first 3 in 31.
    counts = left["lead_days"].value_counts().sort_index().tolist()
    assert counts == pytest.approx([194, 258, 516, 968, 2_000], abs=90)
    assert counts[-1] == 2_000


def test_bounds_of_a_company_come_over_the_declared_ones(tmp_path):
    path = tmp_path / "monitoring.toml"
    path.write_text("[defaults]\ngap = 0.2\n[models.churn]\nauc = 0.05\n", "utf-8")
    found = load_bounds(tmp_path)
    assert (found.bounds_for("churn").gap, found.bounds_for("churn").auc) == (0.2, 0.05)
    assert found.bounds_for("renewal") == Bounds(gap=0.2)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[models.renewl]\ngap = 0.2\n",
            r"models.renewl: renewl is not known\. Did you mean renewal",
        ),
        ("[defaults]\ngapp = 0.2\n", r"defaults.gapp: is not known\. Did you mean gap"),
        ("[defaults]\ngap = 0\n", "monitoring.toml, field defaults.gap: "),
        ("[defaults\n", "TOML"),
    ],
)
def test_a_fault_in_the_bounds_is_named(tmp_path, text, fault):
    (tmp_path / "monitoring.toml").write_text(text, "utf-8")
    with pytest.raises(GuanjiaError, match=fault):
        load_bounds(tmp_path)


def test_looks_of_a_year_spend_no_more_than_is_stated():
    looks = [Bounds().error(look) for look in ("cohort", "together", "snapshot")]
    assert 12 * sum(looks) == pytest.approx(Bounds().false_alarms)
