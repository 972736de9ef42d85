"""What a treatment adds, from a frame: by lot or not at all."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from training.frames import fit_uplift
from training.registry import mlflow_client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
ROWS = 4000


@pytest.fixture
def home(database: Path, tmp_path: Path) -> Path:
    """A folder for effect models and a registry: no tables."""
    place = mlflow_client.database(Lake(Settings(home=tmp_path)))
    place.parent.mkdir(parents=True)
    shutil.copyfile(database, place)
    return tmp_path


def trial(by_lot: bool = True) -> pd.DataFrame:
    """Customers of whom the young renew 25 points more often if called, and the old 5 less."""
    draw = np.random.default_rng(6)
    age, premium = draw.integers(20, 70, ROWS), draw.gamma(9, 330, ROWS).round(2)
    chance = 0.5 if by_lot else np.where(premium > 3000, 0.65, 0.35)
    called = draw.random(ROWS) < chance
    effect = np.where(age < 45, 0.25, -0.05)
    renewed = draw.random(ROWS) < 0.5 + called * effect
    return pd.DataFrame({"age": age, "premium": premium, "called": called, "renewed": renewed})


def test_the_effect_is_found_where_it_is(home: Path) -> None:
    rows = trial()
    effect = fit_uplift(rows, "renewed", "called", home=home, probability=0.5, worth="premium",
                        cost=5, threads=1)  # fmt: skip
    true = np.where(rows["age"] < 45, 0.25, -0.05)
    average = effect.study.average
    assert average.low < true.mean() < average.high
    assert effect.study.qini.low > 0
    predicted, lower = effect.predict(pd.DataFrame({"age": [25, 65], "premium": [3000.0, 3000.0]}))
    assert predicted[0] > 0.15
    assert predicted[1] < 0.05
    assert (lower < predicted).all()
    assert effect.folder == home / "effects" / "called"
    assert effect.study.known_by is None
    assert effect.run


def test_who_was_chosen_was_not_drawn(home: Path) -> None:
    with pytest.raises(GuanjiaError, match=r"column called: were not drawn by lot.*Draw by lot"):
        fit_uplift(trial(by_lot=False), "renewed", "called", home=home, threads=1)


def test_another_share_than_the_lot_had_is_refused(home: Path) -> None:
    with pytest.raises(GuanjiaError, match="otherwise than stated"):
        fit_uplift(trial(), "renewed", "called", home=home, probability=0.3, threads=1)
