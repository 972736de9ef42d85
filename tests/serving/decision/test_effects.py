"""Effect models while the service runs: new ones are taken up, damaged ones leave the old."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from features.lake import Lake
from features.settings import Settings
from serving.decision.worth.effects import Effects
from training.estimators.encoding import Encoding
from training.uplift.bundle import write_effect

TAGS = ["days_to_commercial_expiry", "tenure_years"]


def learned(home: Path, effect: float, treatment: str = "contact") -> Path:
    """A bundle that tells this effect of everybody, surely."""
    matrix = np.arange(40.0).reshape(20, 2)

    def constant(value: float) -> lgb.Booster:
        data = lgb.Dataset(matrix, np.full(20, value), feature_name=TAGS, params={"verbosity": -1})
        return lgb.train({"verbosity": -1, "min_data_in_leaf": 1}, data, 1)

    folder = home / "effects" / treatment
    about = {"treatment": treatment, "effect": effect}
    return write_effect(folder, about, Encoding(TAGS, {}), constant(effect), constant(0.0))


def told(effects: Effects) -> dict[str, float]:
    row = dict.fromkeys(TAGS, 30) | {"motor_cover": True}
    return {name: round(model.predict_one(row)[1], 6) for name, model in effects.models.items()}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path))


def test_what_has_not_changed_is_not_loaded_again(lake: Lake) -> None:
    none = Effects(lake)
    learned(lake.home, 0.02)
    some = Effects(lake, none)
    assert (told(some), none.models) == ({"contact": 0.02}, {})
    learned(lake.home, 0.02)  # the same model gives the same bytes
    assert Effects(lake, some).models["contact"] is some.models["contact"]


def test_a_new_version_is_taken_up_and_the_others_are_kept(lake: Lake) -> None:
    learned(lake.home, 0.02)
    learned(lake.home, 0.05, "service_pack")
    before = Effects(lake)
    learned(lake.home, 0.03)
    after = Effects(lake, before)
    assert told(after) == {"contact": 0.03, "service_pack": 0.05}
    assert after.models["service_pack"] is before.models["service_pack"]
    assert told(before)["contact"] == 0.02
    assert set(after.tags) == set(TAGS)


def test_a_damaged_one_leaves_the_old_and_is_said_once(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    learned(lake.home, 0.02)
    before = Effects(lake)
    folder = learned(lake.home, 0.03)
    sound = (folder / "effect.txt").read_text("utf-8")
    (folder / "effect.txt").write_text(sound[:-20], "utf-8")
    damaged = Effects(lake, before)
    assert told(damaged) == {"contact": 0.02}
    assert Effects(lake, damaged).refused == damaged.refused
    assert [one.getMessage() for one in caplog.records if "contact" in one.getMessage()] == [
        "the effect model of contact cannot be loaded; decisions use the effect model before: "
        f"effect model {folder}: effect.txt was altered. Run `guanjia uplift` again."
    ]
    learned(lake.home, 0.04)
    assert told(Effects(lake, damaged)) == {"contact": 0.04}


def test_a_damaged_one_at_the_start_is_left_out(lake: Lake) -> None:
    folder = learned(lake.home, 0.02)
    learned(lake.home, 0.05, "service_pack")
    (folder / "encoding.json").unlink()
    assert told(Effects(lake)) == {"service_pack": 0.05}
