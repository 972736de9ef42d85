"""The learned segmentation: planted clusters are found, kept as text, and told apart in words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from features.errors import GuanjiaError
from features.tags.catalogue import catalogue
from training.clusters.profile import TRAIT_WORDS, name_clusters, profile
from training.clusters.segmentation import (
    CLIP,
    INPUTS,
    FittedInput,
    Segmentation,
    learn,
    read_segmentation,
    write_segmentation,
)

TAGS = [one.tag for one in INPUTS]
# Median values of each input, by planted cluster: age, car age, price, premium, tenure, ...
USUAL = (40, 3, 120_000, 2_500, 3, 0, 0, 0, 0)
CENTRES = (
    (25, 1, 120_000, 2_500, 1, 0, 0, 0, 0),
    (60, 9, 120_000, 2_500, 9, 0, 0, 0, 0),
    (40, 1, 900_000, 9_000, 3, 0, 0, 0, 0),
    (40, 3, 120_000, 2_500, 3, 80_000, 0, 0, 0),
    (40, 3, 120_000, 700, 3, 0, 0, 5, 6),
    (40, 9, 40_000, 2_500, 1, 0, 3_000, 0, 0),
)


def planted(clusters: int, rows: int = 600) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Customers around the first planted centres, and which centre each belongs to."""
    random = np.random.default_rng(5)
    truth = np.arange(rows) % clusters
    noise = random.uniform(0.95, 1.05, (rows, len(TAGS)))
    values = np.asarray(CENTRES, dtype=float)[truth] * noise
    return dict(zip(TAGS, values.T, strict=True)), truth


def two_centres() -> Segmentation:
    """Two clusters by age and claims, with scales that are easy to reckon with."""
    return Segmentation(
        version="two",
        eligible="motor_policies_in_force > 0",
        inputs=(
            FittedInput("age_years", "plain", fill=40.0, median=40.0, spread=10.0),
            FittedInput("claims_incurred_36m", "log", fill=0.0, median=0.0, spread=2.0),
        ),
        centres=((-1.0, 0.0), (1.0, 3.0)),
        left_out=(),
        silhouette={4: 0.5},
        seeds_agree=(1.0,),
        customers=100,
        snapshot_id="s",
        names=(("甲", "first"), ("乙", "second")),
    )


@pytest.mark.parametrize("clusters", [4, 5, 6])
def test_planted_clusters_are_found_and_counted(clusters: int) -> None:
    columns, truth = planted(clusters)
    found = learn(columns, "s")
    assert len(found.centres) == clusters
    assert max(found.silhouette, key=lambda k: found.silhouette[k]) == clusters
    assert adjusted_rand_score(truth, found.assign(columns)) == 1
    assert found.seeds_agree == (1, 1, 1, 1)


def test_learning_again_gives_the_same_and_another_seed_may_not() -> None:
    random = np.random.default_rng(1)
    columns = {tag: random.lognormal(3, 1, 500) for tag in TAGS}
    assert learn(columns, "s") == learn(columns, "s")
    assert learn(columns, "s").version != learn(columns, "s", seed=3).version


def test_the_largest_cluster_comes_first() -> None:
    columns, _ = planted(4)
    many = {tag: np.concatenate([v, np.repeat(v[2::4], 3)]) for tag, v in columns.items()}
    found = learn(many, "s")
    sizes = np.bincount(found.assign(many))[1:]
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert many["vehicle_list_price"][found.assign(many) == 1].min() > 800_000


def test_one_absurd_amount_moves_no_centre_far() -> None:
    columns, truth = planted(4)
    absurd = {tag: values.copy() for tag, values in columns.items()}
    absurd["claims_incurred_36m"][0] = 1e12
    found = learn(absurd, "s")
    assert adjusted_rand_score(truth[1:], found.assign(absurd)[1:]) == 1
    assert np.abs(np.asarray(found.centres)).max() <= CLIP


def test_scaling_by_hand() -> None:
    claims = FittedInput("claims_incurred_36m", "log", fill=0.0, median=1.0, spread=2.0)
    values = np.array([np.e**3 - 1, 0.0, -50.0, np.nan, 1e300])
    assert claims.scaled(values) == pytest.approx([1.0, -0.5, -0.5, -0.5, CLIP])
    age = FittedInput("age_years", "plain", fill=40.0, median=40.0, spread=10.0)
    assert age.scaled(np.array([55.0, np.nan, -100.0])) == pytest.approx([1.5, 0.0, -CLIP])


def test_a_null_means_what_its_input_says() -> None:
    columns, _ = planted(4)
    columns["vehicle_list_price"][:60] = np.nan
    columns["tenure_years"][:60] = np.nan
    found = {one.tag: one for one in learn(columns, "s").inputs}
    known = columns["vehicle_list_price"][60:]
    price, tenure = found["vehicle_list_price"], found["tenure_years"]
    assert price.fill == pytest.approx(np.median(np.log1p(known)), abs=1e-6)
    assert tenure.fill == 0 < tenure.median
    assert {one.null for one in INPUTS} == {"zero", "median"}


def test_what_is_the_same_for_everyone_is_left_out() -> None:
    columns, truth = planted(6)
    columns["quote_viewed_count_365d"][:] = np.nan
    columns["entitlement_used_count_365d"][:] = 2.0
    found = learn(columns, "s")
    assert found.left_out == ("entitlement_used_count_365d", "quote_viewed_count_365d")
    assert len(found.inputs) == len(INPUTS) - 2
    assert adjusted_rand_score(truth, found.assign(columns)) == 1


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_too_few_customers_are_a_fault(rows: int) -> None:
    columns = {tag: np.linspace(0, 9, rows) for tag in TAGS}
    with pytest.raises(GuanjiaError, match=f"cannot be told apart: {rows} with motor cover"):
        learn(columns, "s")


def test_customers_who_are_all_alike_are_a_fault() -> None:
    with pytest.raises(GuanjiaError, match="cannot be told apart: 500 with motor cover, by 0 tags"):
        learn({tag: np.full(500, 3.0) for tag in TAGS}, "s")


def test_assigning_by_hand() -> None:
    columns = {
        "age_years": np.array([30.0, 50.0, np.nan, np.nan]),
        "claims_incurred_36m": np.array([0.0, np.e**6 - 1, np.nan, np.e**6 - 1]),
    }
    # On the scale: (-1, 0) (1, 3) (0, 0) (0, 3): the third is nearer to the first centre.
    assert two_centres().assign(columns).tolist() == [1, 2, 1, 2]


Ages = st.lists(st.one_of(st.none(), st.floats(0, 120)), min_size=1, max_size=20)


@settings(max_examples=50, deadline=None)
@given(Ages, st.floats(-1e6, 1e9))
def test_others_do_not_matter_to_a_customers_cluster(ages: Any, claims: float) -> None:
    values = np.array([np.nan if age is None else age for age in ages])
    columns = {"age_years": values, "claims_incurred_36m": np.full(len(ages), claims)}
    together = two_centres().assign(columns).tolist()
    alone = [
        int(two_centres().assign({tag: v[[row]] for tag, v in columns.items()})[0])
        for row in range(len(ages))
    ]
    assert together == alone
    assert set(together) <= {1, 2}


def test_a_segmentation_is_kept_as_text_and_read_back(tmp_path: Path) -> None:
    columns, _ = planted(4)
    found = learn(columns, "s")
    path = tmp_path / "segmentation.json"
    write_segmentation(path, found)
    assert read_segmentation(path) == found
    assert json.loads(path.read_text("utf-8"))["version"] == found.version
    first = path.read_bytes()
    write_segmentation(path, learn(columns, "s"))
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text[:-20], "cannot be read"),
        (lambda text: text.replace('"centres"', '"center"'), "cannot be read"),
        (
            lambda text: text.replace("age_years", "age_in_years"),
            "reads the tag age_in_years, which is",
        ),
    ],
)
def test_a_damaged_file_is_a_fault(tmp_path: Path, change: Any, fault: str) -> None:
    path = tmp_path / "segmentation.json"
    with pytest.raises(GuanjiaError, match="is not there"):
        read_segmentation(path)
    write_segmentation(path, two_centres())
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    with pytest.raises(GuanjiaError, match=fault):
        read_segmentation(path)


def test_a_profile_by_hand() -> None:
    columns = {
        "age_years": np.array([30.0, 30.0, 50.0, np.nan]),
        "claims_incurred_36m": np.array([0.0, 0.0, np.e**6 - 1, np.nan]),
    }
    first, second = profile(two_centres(), columns, np.array([1, 1, 2, 2]))
    assert (first.customers, first.share, first.label, first.name) == (2, 0.5, "甲", "first")
    traits = {trait.tag: trait for trait in first.traits}
    # On the scale, ages are -1 -1 1 0 and claims 0 0 3 0: deviations 0.829 and 1.299.
    assert traits["age_years"].difference == pytest.approx(-1.5 / 0.829156, abs=0.01)
    assert traits["claims_incurred_36m"].difference == pytest.approx(-1.5 / 1.299038, abs=0.01)
    assert [trait.tag for trait in first.traits] == ["age_years", "claims_incurred_36m"]
    assert (traits["age_years"].mean, traits["age_years"].mean_rest) == (30, 50)
    assert traits["age_years"].label == "年龄"
    assert [(t.chinese, t.english) for t in first.traits] == [
        ("年轻", "younger"),
        ("无赔款", "no claims"),
    ]
    assert [t.english for t in second.traits] == ["older", "large claims"]


def test_names_say_what_sets_clusters_apart_and_are_unique() -> None:
    columns, truth = planted(6)
    found = learn(columns, "s")
    names = name_clusters(found, columns, found.assign(columns))
    assert len({english for _, english in names}) == len({c for c, _ in names}) == 6
    by_truth = {int(truth[found.assign(columns) == n + 1][0]): names[n] for n in range(6)}
    assert "younger" in by_truth[0][1]
    assert "older" in by_truth[1][1]
    assert "dearer cars" in by_truth[2][1]
    assert by_truth[3][1].startswith("large claims")
    assert by_truth[4][0].startswith(("常享权", "常看报价"))
    assert "持有非车险" in by_truth[5][0]


def test_a_cluster_nobody_is_in_is_described_as_such() -> None:
    columns = {"age_years": np.array([30.0, 31.0]), "claims_incurred_36m": np.zeros(2)}
    found = two_centres()
    _, empty = profile(found, columns, np.array([1, 1]))
    assert (empty.customers, empty.share, empty.traits) == (0, 0, [])
    assert name_clusters(found, columns, np.array([1, 1]))[1] == ("无客户", "nobody")


def test_every_input_is_a_tag_with_words() -> None:
    assert set(TAGS) == set(TRAIT_WORDS)
    assert all(catalogue()[tag].type in {"int64", "float64"} for tag in TAGS)
    words = [word for one in TRAIT_WORDS.values() for word in (one.more, one.less)]
    assert len(set(words)) == 2 * len(TAGS)
