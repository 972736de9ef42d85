"""Who becomes champion, who does not, and how back; nothing half done whoever is killed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from features.errors import GuanjiaError
from training.estimators.bundle import Predictor
from training.promotion import integrity
from training.promotion import promote as promotion
from training.promotion.promote import history, promote, rollback
from training.registry import local_models, mlflow_client
from training.registry import versions as registry
from training.registry.champions import champion

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.usefixtures("cohort"),
]
MODEL = "renewal"


@pytest.fixture(autouse=True)
def _trial_here(request, monkeypatch):
    """Bundles that are whole are loaded here, which saves seconds; one test loads them for real."""
    if "truncated" not in request.fixturenames:
        monkeypatch.setattr(integrity, "try_loading", lambda folder: Predictor.load(folder).version)


def alias(lake: Any, name: str) -> str | None:
    return registry.version_by_alias(lake, MODEL, name)


def failed(decision: Any) -> list[str]:
    return [one.gate for one in decision.verdicts if not one.passed]


def test_what_is_registered_is_challenger_and_serves_nobody(lake, bundle, register):
    with pytest.raises(GuanjiaError, match="has no champion"):
        champion(lake, MODEL)
    assert register(lake, bundle("good")) == "1"
    assert (alias(lake, "challenger"), alias(lake, "champion")) == ("1", None)
    with pytest.raises(GuanjiaError, match=r"guanjia train renewal.*guanjia promote renewal"):
        champion(lake, MODEL)


def test_a_promotion_moves_the_alias_and_writes_down_who_why_when_and_the_evidence(
    lake, bundle, register, signed
):
    register(lake, bundle("good"))
    done = promote(lake, MODEL, **signed)
    assert (done.done, done.already, done.replaced) == (True, False, None)
    assert [one.gate for one in done.verdicts] == [
        "file hashes", "trial load", "signature", "log loss", "calibration", "segments", "fairness",
    ]  # fmt: skip
    assert champion(lake, MODEL).name == alias(lake, "champion") == "1"

    (act,) = history(lake, MODEL)
    said = {"who": "Wang", "why": "quarterly retraining", "when": "2026-07-01T09:00:00+00:00"}
    assert act.items() >= {**said, "act": "promote", "version": "1", "replaced": None}.items()
    assert local_models.read_acts(lake, MODEL) == [act]
    with mlflow_client.client_session(lake) as client:
        tags = client.get_model_version(MODEL, "1").tags
        run = registry.read_version(lake, MODEL, "1").run
        path = client.download_artifacts(run, act["evidence"])
    assert tags.items() >= {**said, "gates": "passed"}.items()
    assert "of the base rate's" in tags["gate log loss"]
    evidence = json.loads(Path(path).read_text("utf-8"))
    assert evidence["comparison"]["overall"]["rows"] == 1500
    assert evidence["gates"]["loss"] == 0.005

    again = promote(lake, MODEL, **signed)
    assert (again.done, again.already) == (True, True)
    assert len(history(lake, MODEL)) == len(local_models.read_acts(lake, MODEL)) == 1


@pytest.mark.parametrize(("kind", "gates"), [("noise", {"log loss"}), ("harms", {"segments"})])
def test_a_worse_challenger_is_refused_by_name_and_the_champion_stays(
    kind, gates, lake, bundle, register, signed
):
    register(lake, bundle("good"))
    promote(lake, MODEL, **signed)
    register(lake, bundle(kind))
    refused = promote(lake, MODEL, **signed)
    assert not refused.done
    assert gates <= set(failed(refused))
    assert all(one.cure for one in refused.verdicts if not one.passed)
    assert alias(lake, "champion") == champion(lake, MODEL).name == "1"
    assert len(history(lake, MODEL)) == 1
    with mlflow_client.client_session(lake) as client:
        assert client.get_model_version(MODEL, "2").tags["gates"].startswith("failed: ")
    if kind == "harms":
        (told,) = [one.sentence for one in refused.verdicts if one.gate == "segments"]
        assert "largest" in told.split("harmed: ")[0]
        assert "star 5" in told.split("harmed: ")[1]


def test_a_rollback_goes_one_back_once_and_farther_only_by_name(lake, bundle, register, signed):
    with pytest.raises(GuanjiaError, match="never promoted"):
        rollback(lake, MODEL, **signed)
    for kind in ("good", "again"):
        register(lake, bundle(kind))
        assert promote(lake, MODEL, **signed).done
    back = rollback(lake, MODEL, **signed)
    assert (back.version, back.replaced, back.done, back.already) == ("1", "2", True, False)
    assert champion(lake, MODEL).name == "1"
    again = rollback(lake, MODEL, **signed)
    assert (again.version, again.already) == ("1", True)
    assert [one["act"] for one in history(lake, MODEL)] == ["promote", "promote", "rollback"]
    assert rollback(lake, MODEL, **signed, to="2").version == "2"
    assert champion(lake, MODEL).name == "2"
    register(lake, bundle("noise"))
    with pytest.raises(GuanjiaError, match=r"version 3 of renewal.*never champion.*'1', '2'"):
        rollback(lake, MODEL, **signed, to="3")
    assert local_models.read_acts(lake, MODEL) == history(lake, MODEL)


def test_the_first_champion_has_nothing_to_go_back_to(lake, bundle, register, signed):
    register(lake, bundle("good"))
    promote(lake, MODEL, **signed)
    with pytest.raises(GuanjiaError, match="is the first champion"):
        rollback(lake, MODEL, **signed)


@pytest.mark.parametrize("step", ["set_champion", "attach_evidence"])
def test_a_promotion_cut_short_is_finished_or_never_began(
    step, lake, bundle, register, signed, monkeypatch
):
    register(lake, bundle("good"))
    promote(lake, MODEL, **signed)
    register(lake, bundle("again"))

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(promotion.versions, step, die)
        with pytest.raises(KeyboardInterrupt):
            promote(lake, MODEL, **signed)
    assert champion(lake, MODEL).name == "1"
    assert len(history(lake, MODEL)) == 1
    done = promote(lake, MODEL, **signed)
    # Begun, it is finished; not begun, it is done from the start.
    assert (done.version, done.already) == ("2", step == "set_champion")
    assert champion(lake, MODEL).name == "2"
    assert [one["number"] for one in history(lake, MODEL)] == [1, 2]
    assert local_models.read_acts(lake, MODEL) == history(lake, MODEL)


def test_an_altered_file_a_damaged_one_and_other_columns_are_refused(
    lake, bundle, register, signed, truncated, tmp_path
):
    register(lake, truncated(bundle("good"), tmp_path / "cut"))
    refused = promote(lake, MODEL, **signed)
    # LightGBM ends the process that reads such a file; this one goes on to say so.
    assert failed(refused) == ["trial load"]
    assert (
        "ends the process" in refused.verdicts[-1].sentence
        or "load" in refused.verdicts[-1].sentence
    )
    register(lake, bundle("good", without="tenure_years"))
    refused = promote(lake, MODEL, **signed)
    assert "signature" in failed(refused)
    assert "tag set renewal: tenure_years" in refused.verdicts[2].sentence
    register(lake, bundle("good"))
    assert promote(lake, MODEL, **signed).done
    (local_models.bundle_path(lake, MODEL, "3") / "booster.txt").write_text("tree")
    with pytest.raises(GuanjiaError, match="altered"):
        champion(lake, MODEL)


def test_a_registry_that_was_tampered_with_is_not_believed(lake, bundle, register, signed):
    register(lake, bundle("good"))
    register(lake, bundle("noise"))
    runs = [registry.read_version(lake, MODEL, number).run for number in ("1", "2")]
    with mlflow_client.client_session(lake) as client:
        # The artifacts of one run in the place of another's: whole, and not what was registered.
        client.log_artifacts(runs[1], str(bundle("good")), "bundle")
    refused = promote(lake, MODEL, **signed)
    assert failed(refused) == ["file hashes"]
    assert alias(lake, "champion") is None


def test_a_torn_line_of_the_journal_swallows_none(lake):
    local_models.append_act(lake, MODEL, {"number": 1})
    path = lake.home / "models" / MODEL / "promotions.jsonl"
    with path.open("a") as journal:
        journal.write('{"numb')
    local_models.append_act(lake, MODEL, {"number": 2})
    local_models.append_act(lake, MODEL, {"number": 2})
    assert local_models.read_acts(lake, MODEL) == [{"number": 1}, {"number": 2}]


@pytest.mark.parametrize(("who", "why"), [(" ", "x"), ("Wang", "")])
def test_nobody_promotes_for_no_reason(who, why, lake, signed):
    with pytest.raises(GuanjiaError, match="is empty"):
        promote(lake, MODEL, who=who, why=why, when=signed["when"])


def asked_otherwise(bundle: Path, folder: Path) -> Path:
    """The bundle of a release in which the model took another's "yes" for granted."""
    shutil.copytree(bundle, folder)
    spec = json.loads((folder / "spec.json").read_text("utf-8"))
    (folder / "spec.json").write_text(json.dumps(spec | {"given": "churn"}), "utf-8")
    return folder


def test_a_challenger_that_was_asked_another_question_is_refused(
    lake, bundle, register, signed, tmp_path
):
    register(lake, asked_otherwise(bundle("good"), tmp_path / "otherwise"))
    refused = promote(lake, MODEL, **signed)
    assert (refused.done, failed(refused)) == (False, ["signature"])
    (verdict,) = [one for one in refused.verdicts if not one.passed]
    assert "its question is that of an earlier release" in verdict.sentence


def test_a_champion_that_was_asked_another_question_is_no_measure(
    lake, bundle, register, signed, tmp_path
):
    register(lake, asked_otherwise(bundle("good"), tmp_path / "otherwise"))
    registry.set_champion(lake, MODEL, "1")
    register(lake, bundle("good"))
    done = promote(lake, MODEL, **signed)
    assert (done.done, done.replaced) == (True, "1")
    assert done.comparison is not None
    assert done.comparison.champion is None
    assert any("of the base rate's" in one.sentence for one in done.verdicts)
    # The way back stays open.
    assert rollback(lake, MODEL, **signed).version == "1"
