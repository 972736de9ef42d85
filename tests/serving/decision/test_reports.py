"""Reports on decisions: what was decided, counted; and whether choices depend on who one is."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.online.model_tags import SHARED_SETS
from serving.decision.decider import Decider
from serving.decision.replay import replay
from serving.decision.reports.fairness import OLD, YOUNG, compare_twins
from serving.decision.reports.summary import summarise
from serving.decision.reports.survey import survey
from serving.decision.schemas import DecideRequest, DecideResponse
from serving.decision.touchpoint_source import TouchpointSource
from serving.decision.worth.policy import PROTECTED, load_policy
from serving.predictions.service import PredictionService
from serving.records.database import Records

pytestmark = pytest.mark.slow
POINTS = ("daily_batch", "call_in", "win_back")


@pytest.fixture(scope="module")
def lake(contactable: Callable[..., Lake], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return contactable(tmp_path_factory.mktemp("reports") / "home")


@pytest.fixture(scope="module")
def records(lake: Lake) -> Iterator[Records]:
    found = Records(lake.settings)
    found.migrate()
    yield found
    found.close()


@pytest.fixture(scope="module")
def decider(lake: Lake, records: Records) -> Decider:
    return Decider(PredictionService(lake), records, TouchpointSource(lake))


def test_the_protected_tags_that_models_read_are_neutral(lake: Lake) -> None:
    read = {name for one in SHARED_SETS for name in one.tags} & set(PROTECTED)
    assert read == {"age_years", "licence_years"}
    assert read <= set(load_policy(lake.home).neutral or {})
    assert set(YOUNG) == set(OLD) == read


def test_age_and_years_of_licence_change_no_choice(
    lake: Lake, records: Records, decider: Decider
) -> None:
    customers, at = survey(lake, 60)
    counts = compare_twins(decider.gatherer, records, customers, POINTS, at)
    assert [count.pairs for count in counts] == [60] * len(POINTS)
    assert sum(count.contacted for count in counts) > 0
    assert not any(count.different for count in counts)
    # Not because the models would not see it: asked with their own age, twins differ.
    policy = decider.gatherer.policy
    predicted = []
    for neutral in (policy.neutral, None):
        decider.gatherer.policy = policy.model_copy(update={"neutral": neutral})
        request = DecideRequest(customer_id=customers[0], decision_point="call_in")
        young, old = (
            decider.gatherer.read_customer(request, at, changes=changes).predictions
            for changes in (YOUNG, OLD)
        )
        predicted.append(young == old)
    decider.gatherer.policy = policy
    assert predicted == [True, False]


def test_a_summary_counts_what_was_answered(
    lake: Lake, records: Records, decider: Decider, run: Callable[..., Any]
) -> None:
    with pytest.raises(GuanjiaError, match="were not made yet"):
        summarise(records, days=7)
    customers, at = survey(lake, 120)
    answers: list[DecideResponse] = [
        decider.decide(DecideRequest(customer_id=customer, decision_point=point), at)
        for point in POINTS
        for customer in customers
    ]
    found = summarise(records, days=1)
    for point in POINTS:
        place = found.places[point]
        here = [answer for answer in answers if answer.decision_point == point]
        kinds = Counter(answer.action.kind if answer.action else "silence" for answer in here)
        assert (place.decisions, place.service, place.marketing) == (
            len(customers), kinds["service"], kinds["marketing"],
        )  # fmt: skip
        held = Counter(answer.held_by[0] for answer in here if answer.held_by)
        assert place.silence == held
        assert held.total() == kinds["silence"]
        assert place.decisions - place.due == held["nothing_due"] + held["made"]
    acted = [answer.action for answer in answers if answer.action]
    counted = Counter((one.touchpoint, one.channel, one.offer or "") for one in acted)
    shown = Counter[tuple[str, ...]]()
    for (_, *key), values in found.actions.items():
        shown[tuple(key)] += len(values)
    assert shown == counted
    assert any(kind == "win_back" for kind in (one.touchpoint[:8] for one in acted))
    for answer in answers[:20]:
        assert replay(lake, records, answer.decision_id).same
    done = run(lake.home, "decisions", "--summary", "--days", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["decision_points"] == found.tables()["decision_points"]


def test_the_command_shows_that_twins_are_treated_alike(
    lake: Lake, run: Callable[..., Any]
) -> None:
    done = run(lake.home, "decisions", "--fairness", "--customers", "10")
    assert done.returncode == 0, done.stderr
    assert "All are treated alike." in done.stdout
    both = run(lake.home, "decisions", "--fairness", "--summary")
    assert both.returncode == 2
    assert "ask for one" in both.stderr
