"""What the running service answers: the scores' own numbers, in the order asked, and why."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Protocol

import httpx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.tags.catalogue import catalogue
from serving.predictions.reasons import question_words
from serving.schemas import PredictResponse

Ask = Callable[..., httpx.Response]
Row = dict[str, Any]
pytestmark = pytest.mark.slow

MODELS = [
    "renewal",
    "churn",
    "churn_hazard",
    "cross_sell_accident",
    "cross_sell_health",
    "cross_sell_household",
]
SERVED = [*MODELS[:3], "claim_frequency", "claim_severity", *MODELS[3:]]
CLAIMS = {"claim_frequency": "frequency", "claim_severity": "severity"}
# Level: name, English name, services of class A, B and C (docs/star.md).
STARS = {
    5: ("钻石", "diamond", 4, 6, 1),
    4: ("铂金", "platinum", 4, 6, 1),
    3: ("黄金", "gold", 3, 3, 0),
    2: ("白银", "silver", 3, 1, 0),
    1: ("青铜", "bronze", 2, 0, 0),
}


class Running(Protocol):
    """What the fixture `service` gives."""

    home: Any
    as_of: str


@pytest.fixture(scope="module")
def scores(service: Running) -> dict[str, Row]:
    """What `guanjia score` wrote for the date, by customer."""
    path = service.home / "scores" / f"as_of={service.as_of}.parquet"
    rows = pq.read_table(path, partitioning=None).to_pylist()
    return {row["customer_id"]: row for row in rows}


@pytest.fixture(scope="module")
def tags(service: Running) -> pd.DataFrame:
    """Tags of the date that decide who is asked what, by customer."""
    read = [
        pd.read_parquet(service.home / "tags" / group / f"as_of={service.as_of}.parquet")
        for group in ("underwriting", "loyalty")
    ]
    return read[0].merge(read[1].drop(columns=["as_of"]), on="customer_id").set_index("customer_id")


@pytest.fixture(scope="module")
def asked(scores: dict[str, Row]) -> list[str]:
    """A thousand customers: every one, in no order, and two hundred of them again."""
    ids = np.random.default_rng(5).permutation(sorted(scores)).tolist()
    return (ids + ids[::4])[:1000]


@pytest.fixture(scope="module")
def answer(ask: Ask, asked: list[str]) -> Row:
    """The answer to all of them."""
    response = ask(asked, explain=True)
    assert response.status_code == 200, response.text[:500]
    found: Row = response.json()
    return found


def test_one_customer_is_answered(ask: Ask, service: Running, scores: dict[str, Row]) -> None:
    customer = min(scores)
    response = ask([customer])
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    PredictResponse.model_validate_json(response.text)
    (found,) = response.json()["predictions"]
    assert list(found) == [
        "customer_id", "probabilities", "claims", "churn_by_month", "star", "tags", "reasons",
        "explanations",
    ]  # fmt: skip
    assert (found["customer_id"], list(found["probabilities"])) == (customer, MODELS)


def test_a_thousand_are_answered_in_the_order_asked(answer: Row, asked: list[str]) -> None:
    assert len(asked) == 1000
    assert [one["customer_id"] for one in answer["predictions"]] == asked


def test_who_is_asked_for_twice_is_answered_twice_alike(answer: Row) -> None:
    first: dict[str, Row] = {}
    repeated = 0
    for one in answer["predictions"]:
        repeated += one["customer_id"] in first
        assert first.setdefault(one["customer_id"], one) == one
    assert repeated == 100


@pytest.mark.parametrize("model", MODELS)
def test_probabilities_are_those_of_the_scores(
    model: str, answer: Row, scores: dict[str, Row]
) -> None:
    served = {one["customer_id"]: one["probabilities"][model] for one in answer["predictions"]}
    assert served == {customer: row[model] for customer, row in scores.items()}
    known = [value for value in served.values() if value is not None]
    assert 0 < len(known) < len(served)
    assert all(0 < value < 1 for value in known)


def test_claims_and_margin_are_those_of_the_scores(
    answer: Row, scores: dict[str, Row], ask: Ask
) -> None:
    seen = 0
    for one in answer["predictions"]:
        row, told = scores[one["customer_id"]], one["claims"]
        assert told == {
            "frequency": row["claim_frequency"],
            "severity": row["claim_severity"],
            "cost": row["expected_claims_cost"],
            "margin": row["expected_margin"],
        }
        if told["cost"] is not None:
            seen += 1
            assert told["cost"] == pytest.approx(told["frequency"] * told["severity"])
    assert seen > 100
    # Half of the product says nothing of it; no model of claims, nothing at all.
    customer = next(iter(scores))
    (half,) = ask([customer], models=["claim_frequency"]).json()["predictions"]
    assert half["claims"]["cost"] is half["claims"]["margin"] is half["claims"]["severity"] is None
    (none,) = ask([customer], models=["churn"]).json()["predictions"]
    assert none["claims"] is None


def test_when_cover_ends_is_told_by_month(answer: Row, ask: Ask) -> None:
    seen = 0
    for one in answer["predictions"]:
        months, hazard = one["churn_by_month"], one["probabilities"]["churn_hazard"]
        assert (months is None) == (hazard is None)
        if months is not None:
            seen += 1
            assert (months[0], months[-1]) == (hazard, one["probabilities"]["churn"])
            assert len(months) == 6
            assert sorted(months) == months
            assert 0 < months[0] <= months[-1] < 1
    assert seen > 100
    customer = answer["predictions"][0]["customer_id"]
    (none,) = ask([customer], models=["churn"]).json()["predictions"]
    assert none["churn_by_month"] is None
    (alone,) = ask([customer], models=["churn_hazard"]).json()["predictions"]
    assert alone["churn_by_month"] == answer["predictions"][0]["churn_by_month"]


def test_null_is_where_the_question_does_not_arise(answer: Row, tags: pd.DataFrame) -> None:
    for one in answer["predictions"]:
        tag, served = tags.loc[one["customer_id"]], one["probabilities"]
        insured = tag["motor_policies_in_force"] > 0
        assert (served["churn"] is not None) == insured
        for line in ("accident", "health", "household"):
            arises = insured and not tag[f"holds_{line}"]
            assert (served[f"cross_sell_{line}"] is not None) == arises
        renewable = (
            not pd.isna(tag["days_to_commercial_expiry"])
            and tag["days_to_commercial_expiry"] >= 0
            and not tag["commercial_renewal_signed"]
            and not tag["commercial_cancellation_known"]
        )
        assert (served["renewal"] is not None) == renewable


def test_star_and_value_are_those_of_the_scores(answer: Row, scores: dict[str, Row]) -> None:
    for one in answer["predictions"]:
        row, star = scores[one["customer_id"]], one["star"]
        assert (star["level"], star["name"]) == (row["star_level"], row["star_name"])
        assert Decimal(star["value"]) == row["customer_value"]
        assert star["lapsed"] == row["lapsed"]


def test_a_star_grants_what_the_rule_says(answer: Row) -> None:
    seen = {one["star"]["level"]: one["star"] for one in answer["predictions"]}
    assert len(seen) >= 3
    for level, star in seen.items():
        name, english, a, b, c = STARS[level]
        assert (star["name"], star["name_english"]) == (name, english)
        assert star["entitlements"] == {
            "steward": True,
            "online_claims": True,
            "a_services": a,
            "b_services": b,
            "c_services": c,
        }


def test_tags_say_how_fresh_they_are(answer: Row, service: Running) -> None:
    manifest = json.loads((service.home / "snapshots" / f"{service.as_of}.json").read_text())
    for one in answer["predictions"]:
        assert one["tags"] == {
            "as_of": "2026-06-30",
            "known_until": "2026-06-30T16:00:00Z",
            "age_days": 1,
            "snapshot_id": manifest["snapshot_id"],
        }


def test_versions_are_those_of_the_scores(answer: Row, scores: dict[str, Row]) -> None:
    assert {row["model_versions"] for row in scores.values()} == {
        json.dumps(answer["model_versions"], sort_keys=True)
    }
    assert list(answer["model_versions"]) == SERVED


def test_reasons_are_words_and_none_without_asking(ask: Ask, answer: Row, asked: list[str]) -> None:
    plain = ask(asked[:20]).json()
    assert [one["reasons"] for one in plain["predictions"]] == [None] * 20
    with_reasons = [
        one | {"reasons": None, "explanations": None} for one in answer["predictions"][:20]
    ]
    assert plain["predictions"] == with_reasons


def test_reasons_are_of_the_questions_that_arose(answer: Row) -> None:
    given = 0
    for one in answer["predictions"]:
        told = one["probabilities"] | {name: one["claims"][of] for name, of in CLAIMS.items()}
        arose = {name for name, value in told.items() if value is not None}
        assert set(one["reasons"]) == arose
        assert all(len(why) <= 3 for why in one["reasons"].values())
        given += sum(len(why) for why in one["reasons"].values())
    assert given > 1000


def test_every_reason_is_a_tag_in_two_languages(answer: Row) -> None:
    known = catalogue()
    directions = set()
    for one in answer["predictions"]:
        for reason in (reason for why in one["reasons"].values() for reason in why):
            tag = known.get(reason["tag"])
            label = tag.label if tag else question_words(reason["tag"])[0]
            name = reason["tag"].replace("_", " ")
            for text, start in (
                (reason["chinese"], f"{label}："),
                (reason["english"], f"{name}: "),
            ):
                assert text.startswith(start)
                assert len(text) > len(start)
            directions.add(reason["effect"])
    assert directions == {"raises", "lowers"}


def test_no_reason_is_a_protected_trait(answer: Row, protected_tags: frozenset[str]) -> None:
    assert {"gender", "age_years"} <= protected_tags
    given = {
        reason["tag"]
        for one in answer["predictions"]
        for why in one["reasons"].values()
        for reason in why
    }
    assert given
    assert not given & protected_tags


def test_explanations_add_up_to_the_probability(
    answer: Row, protected_tags: frozenset[str]
) -> None:
    themes = set()
    for one in answer["predictions"]:
        assert set(one["explanations"]) == set(one["reasons"])
        for name, told in one["explanations"].items():
            shares = sum(share["score"] for share in told["shares"])
            assert abs(told["base"] + shares + told["rest"] - told["score"]) < 1e-9
            score = told["score"]
            raw = np.exp(score) if name in CLAIMS else 1 / (1 + np.exp(-score))
            assert told["raw"] == pytest.approx(raw, rel=1e-12)
            given = one["claims"][CLAIMS[name]] if name in CLAIMS else one["probabilities"][name]
            assert told["prediction"] == given
            # Reasons are the strongest shares, and a theme is said once.
            strongest = [share["strongest"] for share in told["shares"]]
            assert one["reasons"][name] == strongest[:3]
            names = [share["theme"] for share in told["shares"]]
            assert len(names) == len(set(names))
            themes |= set(names)
            assert not {share["tag"] for share in strongest} & protected_tags
    assert "person" not in themes
    assert len(themes) > 5


def test_models_can_be_chosen(ask: Ask, answer: Row, asked: list[str]) -> None:
    few = ask(asked[:5], models=["churn", "renewal"]).json()
    assert set(few["model_versions"]) == {"churn", "renewal"}
    for one, whole in zip(few["predictions"], answer["predictions"], strict=False):
        assert one["probabilities"] == {
            name: whole["probabilities"][name] for name in ("churn", "renewal")
        }


def test_lead_days_touch_renewal_alone(
    ask: Ask, tags: pd.DataFrame, scores: dict[str, Row]
) -> None:
    renewable = [customer for customer, row in scores.items() if row["renewal"] is not None]
    days = tags.loc[renewable, "days_to_commercial_expiry"]
    customers = days[days.between(8, 59)].index.tolist()[:50]
    default, later = (ask(customers, context=given).json() for given in ({}, {"lead_days": 60}))
    for one, other in zip(default["predictions"], later["predictions"], strict=True):
        assert one | {"probabilities": None} == other | {"probabilities": None}
        for model in MODELS[1:]:
            assert one["probabilities"][model] == other["probabilities"][model]
    # Said aloud, the default lead time changes nothing.
    same = ask(customers[:1], context={"lead_days": int(days[customers[0]])}).json()
    assert same["predictions"] == default["predictions"][:1]


def test_many_ask_at_once_and_none_gets_anothers_answer(ask: Ask, answer: Row) -> None:
    expected = {
        one["customer_id"]: one | {"reasons": None, "explanations": None}
        for one in answer["predictions"]
    }
    groups = np.array_split(sorted(expected)[:160], 16)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda group: ask(group.tolist()).json(), groups))
    for group, found in zip(groups, answers, strict=True):
        assert found["predictions"] == [expected[customer] for customer in group]
