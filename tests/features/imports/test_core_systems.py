"""Exports of fifteen core systems are understood at first sight; nine of them were put aside."""

import pytest
from exports.core_systems import SYSTEMS
from exports.planning import ALL, ASIDE, judged
from exports.scoring import Score
from exports.systems import System

from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate

LEAST_RIGHT, LEAST_SURE = 0.90, 0.99
LEAST_OF_EACH = 0.85
"""No system is understood badly because others are understood well."""


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Score]:
    folder = tmp_path_factory.mktemp("systems")
    lake = Lake(Settings(home=folder / "insurer"))
    simulate(lake, 60, 1)
    lake.con.close()
    return judged(folder / "insurer", folder, ALL)


def test_nine_in_ten_columns_of_unknown_systems_are_right(scores: dict[str, Score]) -> None:
    aside = Score()
    for system in ASIDE:
        assert scores[system.name].share() >= LEAST_OF_EACH, scores[system.name].wrong
        aside.add(scores[system.name])
    assert aside.columns > 250
    assert aside.share() >= LEAST_RIGHT
    assert aside.sure > 150
    assert aside.sure_share() >= LEAST_SURE


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_known_systems_are_right_to_the_last_column(
    system: System, scores: dict[str, Score]
) -> None:
    score = scores[system.name]
    assert score.right == score.columns > 20, score.wrong
    assert score.sure_correct == score.sure
    assert score.others_unused == score.others
