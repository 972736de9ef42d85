"""What a frame may hold: every refusal names the column, the fault and the cure."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import GuanjiaError
from training.frames.columns import Roles, read_rows
from training.frames.datasets import dataset_of, declare_frame, refuse_leaks

ROWS = 200


def frame(**columns: Any) -> pd.DataFrame:
    """Rows with an outcome, two features and whatever a test is about."""
    draw = np.random.default_rng(1)
    base = {
        "churned": np.arange(ROWS) % 2,
        "premium": draw.normal(3000, 500, ROWS),
        "branch": draw.choice(["B01", "B02"], ROWS),
    }
    return pd.DataFrame({**base, **columns})


REFUSED: dict[str, tuple[pd.DataFrame, dict[str, Any], str]] = {
    "an outcome of three values": (
        frame(churned=np.arange(ROWS) % 3), {}, r"churned: has 3 values \(0, 1, 2\).*Give kind=",
    ),
    "an outcome in words": (
        frame(churned=["yes", "no"] * 100), {}, r'churned: holds texts.*\["churned"\] == "no"',
    ),
    "one outcome": (frame(churned=1), {}, "churned: is 1 in every row.*another outcome"),
    "no outcome": (
        frame(churned=[None, 1.0, 0.0, 1.0] * 50), {}, "no outcome in 50 of 200 rows.*Leave those",
    ),
    "an unknown column": (frame(), {"groups": "custmer"}, "column custmer: is not known"),
    "one column in two roles": (frame(), {"groups": "churned"}, "is both outcome and groups"),
    "a role as a feature": (
        frame(who="a"), {"groups": "who", "features": ("who",)}, "is the groups and a feature",
    ),
    "a row that no group holds": (
        frame(who=["a", None] * 100), {"groups": "who"}, "names no group in 100 of 200 rows",
    ),
    "negative weights": (
        frame(w=[1, -1] * 100), {"weights": "w"}, "100 weights that are negative.*0 leaves it out",
    ),
    "parts of weights": (frame(w=0.5), {"weights": "w"}, "no whole numbers.*stand there in part"),
    "weights of too many rows": (frame(w=10**6), {"weights": "w"}, "stand for 200,000,000"),
    "dates without outcomes' days": (
        frame(day="2026-01-01"), {"time": "day"}, "without `matures`.*days until then",
    ),
    "outcomes' days without dates": (frame(), {"matures": 30}, "matures: is given and `time` is"),
    "an outcome before its question": (
        frame(day="2026-01-02", known="2026-01-01"), {"time": "day", "matures": "known"},
        "lies before day in 200 rows",
    ),
    "no date": (
        frame(day="spring"), {"time": "day", "matures": 1}, "day: holds values that are no dates",
    ),
    "a date as a feature": (
        frame(born=pd.Timestamp("1980-01-01")), {}, "born: holds dates.*days before the question",
    ),
    "texts that name rows": (
        frame(policy=[f"P{n}" for n in range(ROWS)]), {}, "200 different texts in 200 rows",
    ),
    "ages in words": (frame(age_years="young"), {}, "age_years: holds texts.*another name"),
    "an infinite value": (frame(premium=np.inf), {}, "premium: holds 200 infinite values"),
    "a name of training's own": (frame(label=1.0), {}, "label: has a name that training gives"),
    "a category that is no feature": (
        frame(who="a"), {"groups": "who", "categories": ("who",)}, "named a category and is no",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_learned_from_is_refused(case: str) -> None:
    rows, roles, words = REFUSED[case]
    with pytest.raises(GuanjiaError, match=words):
        read_rows(rows, Roles(outcome="churned", **roles), "probability")


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("count", [0, 1.5], "no counts"),
        ("count", [0, -1], "no counts"),
        ("amount", [0, 100.0], "100 amounts that are not above 0"),
    ],
)
def test_an_outcome_is_of_its_kind(kind: Any, values: list[float], words: str) -> None:
    with pytest.raises(GuanjiaError, match=words):
        read_rows(frame(churned=values * 100), Roles(outcome="churned"), kind)


def test_columns_become_numbers_and_texts() -> None:
    given = frame(
        postcode=pd.array([200000, None] * 100, dtype="Int64"),
        insured=pd.array([True, None] * 100, dtype="boolean"),
        energy=pd.Categorical(["petrol", None] * 100),
        who=[7, 3] * 100,
    )
    roles = Roles(outcome="churned", groups="who", categories=("postcode",))
    read = read_rows(given, roles, "probability")
    assert read.features == ["premium", "branch", "postcode", "insured", "energy"]
    row = read.frame[read.frame["customer_id"] == "7"].iloc[0]
    assert (row["postcode"], row["insured"], row["energy"]) == ("200000", 1.0, "petrol")
    other = read.frame[read.frame["customer_id"] == "3"].iloc[0]
    assert other["postcode"] is None
    assert np.isnan(other["insured"])
    assert read.frame["label"].dtype == bool


def test_gender_is_measured_and_never_learned_from() -> None:
    read = read_rows(frame(gender=["F", "M"] * 100), Roles(outcome="churned"), "probability")
    assert read.left_out == ["gender"]
    assert "gender" not in read.features
    assert read.frame["gender"].value_counts().to_dict() == {"F": 100, "M": 100}


def test_a_weight_is_so_many_rows() -> None:
    given = frame(w=[2, 0] * 100, who=[f"C{n}" for n in range(ROWS)], churned=[0, 0, 1, 1] * 50)
    roles = Roles(outcome="churned", weights="w", groups="who", features=("premium",))
    read = read_rows(given, roles, "probability").frame
    twice = pd.concat([given[given["w"] == 2]] * 2)
    plain = read_rows(twice, Roles(outcome="churned", groups="who", features=("premium",)),
                      "probability").frame  # fmt: skip
    assert len(read) == 200
    pd.testing.assert_frame_equal(read, plain)


@pytest.mark.parametrize("leak", ["the outcome", "its opposite", "in words", "a consequence"])
def test_a_column_that_holds_the_outcome_is_refused(leak: str) -> None:
    outcome = np.arange(ROWS) % 2
    columns = {
        "the outcome": outcome,
        "its opposite": 1 - outcome,
        "in words": np.where(outcome == 1, "left", "stayed"),
        "a consequence": np.where(outcome == 1, np.nan, np.arange(ROWS) + 1.0),
    }
    read = read_rows(frame(leak=columns[leak]), Roles(outcome="churned"), "probability")
    model = declare_frame("churned_soon", "", "probability", read.features, ROWS)
    with pytest.raises(GuanjiaError, match="column leak: alone ranks the outcomes without a fault"):
        refuse_leaks(dataset_of(read, model), "probability")


def test_a_good_column_is_no_leak() -> None:
    strong = np.arange(ROWS) % 2 + np.random.default_rng(2).normal(0, 0.4, ROWS)
    read = read_rows(frame(strong=strong), Roles(outcome="churned"), "probability")
    model = declare_frame("churned_soon", "", "probability", read.features, ROWS)
    refuse_leaks(dataset_of(read, model), "probability")


def test_a_count_that_holds_the_outcome_is_refused() -> None:
    counts = np.random.default_rng(3).poisson(0.8, ROWS)
    read = read_rows(frame(churned=counts, leak=counts * 7.0), Roles(outcome="churned"), "count")
    model = declare_frame("claims", "", "count", read.features, ROWS)
    with pytest.raises(GuanjiaError, match="column leak"):
        refuse_leaks(dataset_of(read, model), "count")


def test_too_few_rows_are_refused() -> None:
    read = read_rows(frame().head(40), Roles(outcome="churned"), "probability")
    model = declare_frame("churned_soon", "", "probability", read.features, 40)
    with pytest.raises(GuanjiaError, match="too few to learn from"):
        dataset_of(read, model)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "renewal"}, "is a declared model"),
        ({"name": "my model"}, "files and addresses"),
        ({"candidates": ("forest",)}, "candidate forest: is not known"),
        ({"candidates": ("blend",)}, "candidates blend: name no part to blend"),
        ({"monotone": {"price": 1}}, "names no feature"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(given: dict[str, Any], words: str) -> None:
    named = {"name": "mine", **given}
    with pytest.raises(GuanjiaError, match=words):
        declare_frame(named.pop("name"), "", "probability", ["premium"], ROWS, **named)


def test_groups_lie_in_one_slice() -> None:
    read = read_rows(
        frame(who=[f"C{n // 4}" for n in range(ROWS)]),
        Roles(outcome="churned", groups="who"),
        "probability",
    )
    split = dataset_of(read, declare_frame("mine", "", "probability", read.features, ROWS)).split
    groups = read.frame["customer_id"]
    slices = [set(groups[rows]) for rows in (split.train, split.calibration, split.test)]
    assert sum(map(len, slices)) == len(set.union(*slices)) == 50
    assert not split.by_time
    assert (split.before_test == ~split.test).all()
