"""The sensitivity tags beside the latent traits of 4,000 simulated customers."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.traits import estimate
from features.checking.check import check_tables
from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.settings import Settings
from features.snapshots.compute import compute_group
from features.sources.simulation.simulate import simulate
from features.tags.groups.sensitivity import USUAL
from training.evaluation.truth import correlate_with_trait, rank_correlation

CUSTOMERS = 4_000
AS_OF = date(2026, 6, 30)
# The floors of benchmarks/sensitivity.py. At 20,000 customers .35 and .55; the standard error of a
# rank correlation of 2,500 customers is .02.
FLOORS = {"price_sensitivity": 0.28, "service_sensitivity": 0.48}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    found = Lake(Settings(home=tmp_path_factory.mktemp("traits")))
    simulate(found, CUSTOMERS, seed=3)
    check_tables(found)
    return found


@pytest.fixture(scope="module")
def tags(lake: Lake) -> pd.DataFrame:
    rows = compute_group(lake, spine_of_customers(lake, [AS_OF]), "behaviour")
    return rows.to_pandas().set_index("customer_id")


@pytest.mark.parametrize("trait", FLOORS)
def test_the_order_of_customers_is_that_of_the_truth(
    lake: Lake, tags: pd.DataFrame, trait: str
) -> None:
    score = tags[f"{trait}_score"]
    found = correlate_with_trait(lake, trait, score)
    assert found is not None
    assert found.customers == score.notna().sum() > 0.55 * CUSTOMERS
    print(f"{trait}: rank correlation {found.correlation:.3f} of {found.customers} customers")
    assert found.low <= found.correlation <= found.high
    assert found.correlation >= FLOORS[trait]


@pytest.mark.parametrize("trait", FLOORS)
def test_shuffled_scores_are_unrelated_to_the_trait(
    lake: Lake, tags: pd.DataFrame, trait: str
) -> None:
    """The test above could not fail if any order of customers passed it."""
    score = tags[f"{trait}_score"].dropna()
    shuffled = pd.Series(np.random.default_rng(1).permutation(score.to_numpy()), score.index)
    found = correlate_with_trait(lake, trait, shuffled)
    assert found is not None
    assert abs(found.correlation) < 4 / len(score) ** 0.5


@pytest.mark.parametrize(
    ("trait", "peer"),
    [("price_sensitivity", "further_quotes_asked"), ("service_sensitivity", "services_used_ever")],
)
def test_scores_order_customers_by_their_trait_better_than_a_count(
    lake: Lake, tags: pd.DataFrame, trait: str, peer: str
) -> None:
    score = tags[f"{trait}_score"]
    ours = correlate_with_trait(lake, trait, score)
    theirs = correlate_with_trait(lake, trait, tags[peer].where(score.notna()))
    assert ours is not None
    assert theirs is not None
    assert ours.correlation > theirs.correlation + 0.02


@pytest.mark.parametrize("trait", FLOORS)
def test_the_usual_customer_scores_zero(tags: pd.DataFrame, trait: str) -> None:
    score = tags[f"{trait}_score"].dropna()
    assert score.mean() == pytest.approx(0, abs=0.05)
    share = tags[trait].dropna().value_counts(normalize=True)
    assert set(share.index) == {"low", "medium", "high"}
    assert share.min() > 0.15


def test_the_constants_declared_are_those_of_the_simulation(lake: Lake) -> None:
    """Within what 4,000 customers can tell: spreads are the hardest to see."""
    here, declared = asdict(estimate(lake, AS_OF)), asdict(USUAL)
    loose = {"asked_spread": 0.15, "enquiries_spread": 0.25, "price_slope": 0.35}
    for name, value in declared.items():
        assert here[name] == pytest.approx(value, abs=loose.get(name, 0.07)), name
        assert here[name] != value or name == "slope_spread", f"{name} was not measured"


def test_with_too_little_to_go_by_the_constants_stay(
    lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.traits.FEWEST", 10**9)
    assert estimate(lake, AS_OF) == USUAL
    bare = Lake(Settings(home=home))
    for table in ("customers", "policies", "claims"):
        bare.checked(table).parent.mkdir(parents=True, exist_ok=True)
        bare.checked(table).symlink_to(lake.checked(table))
    assert estimate(bare, AS_OF) == USUAL


def test_rank_correlation_by_hand() -> None:
    told, true = np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 30.0, 20.0, 40.0])
    # Two neighbours are swapped: 1 - 6 * 2 / (4 * 15).
    assert rank_correlation(told, true).correlation == pytest.approx(0.8)
    assert np.isnan(rank_correlation(told, np.ones(4)).correlation)


def test_without_a_truth_there_is_no_comparison(home: Path) -> None:
    lake = Lake(Settings(home=home))
    assert correlate_with_trait(lake, "price_sensitivity", pd.Series({"C1": 1.0})) is None
