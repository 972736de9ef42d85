"""Of whom a model's question is asked, on literal rows; in training as in serving."""

import itertools
from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from features.condition_rows import rows_where
from features.condition_truth import compile_test
from features.conditions import mentioned, predicate
from features.errors import GuanjiaError
from features.tags.catalogue import catalogue, every_tag
from training.model_spec import ModelSpec
from training.models import MODELS, families, find

Rule = Callable[..., bool]
WHO_IS_ASKED: dict[str, Rule] = {
    "renewal": lambda days, signed, cancelled: days >= 0 and not signed and not cancelled,
    "churn": lambda policies: policies > 0,
    "churn_hazard": lambda policies: policies > 0,
    "claim_frequency": lambda days: days >= 0,
    "claim_severity": lambda days: days >= 0,
    "cross_sell_accident": lambda policies, holds_line: policies > 0 and not holds_line,
    "cross_sell_health": lambda policies, holds_line: policies > 0 and not holds_line,
    "cross_sell_household": lambda policies, holds_line: policies > 0 and not holds_line,
}
"""Each model's rule in plain Python, its tags in the order of mention; null is never asked."""

OF_EARLIER_BUNDLES = (
    "days_to_commercial_expiry >= 0 and commercial_renewal_signed == 0 "
    "and commercial_cancellation_known == 0",
    "motor_policies_in_force > 0",
    "days_to_commercial_expiry >= 0",
    "motor_policies_in_force > 0 and holds_accident == 0",
)
"""`eligible` as spec.json of bundles has it that were trained when it was evaluated as Python."""


def combinations(spec: ModelSpec) -> pd.DataFrame:
    """Every combination of values of the rule's tags, unknown ones among them."""
    flags = {True: (None, True, False), False: (None, -1, 0, 1, 30)}
    values = [flags[catalogue()[name].type == "boolean"] for name in spec.rule_tags]
    return pd.DataFrame(list(itertools.product(*values)), columns=spec.rule_tags, dtype=object)


def expected(name: str, rows: pd.DataFrame) -> list[bool]:
    rule = WHO_IS_ASKED[name]
    return [
        not any(pd.isna(value) for value in row) and bool(rule(*row))
        for row in rows.itertuples(index=False)
    ]


@pytest.mark.parametrize("name", list(MODELS))
def test_all_engines_ask_the_same_customers(name: str) -> None:
    spec = MODELS[name]
    rows = combinations(spec)
    wanted = expected(name, rows)
    assert True in wanted
    assert False in wanted
    # As the API has them, and as training and bulk scoring do: yes is 1.0, unknown is NaN.
    assert spec.asks(rows).tolist() == wanted
    assert spec.asks(rows.astype("float64")).tolist() == wanted
    plain: list[dict[str, Any]] = rows.to_dict("records")
    assert [spec.asks_one(values) for values in plain] == wanted
    types = {tag: catalogue()[tag].type for tag in spec.rule_tags}
    typed = rows.astype({tag: {"int64": "Int64"}.get(one, one) for tag, one in types.items()})
    table = ibis.memtable(typed.assign(number=range(len(typed))))
    asked = table.filter(predicate(spec.eligible, table)).number.execute()
    assert sorted(asked) == np.flatnonzero(wanted).tolist()


def test_every_model_states_its_rule_here() -> None:
    assert WHO_IS_ASKED.keys() == MODELS.keys()


@pytest.mark.parametrize("where", OF_EARLIER_BUNDLES)
def test_rules_of_earlier_bundles_are_conditions_as_they_stand(where: str) -> None:
    tags = mentioned(where, every_tag().columns)
    rows = pd.DataFrame([dict.fromkeys(tags, 1.0), dict.fromkeys(tags, np.nan)])
    rows.loc[0, [tag for tag in tags if catalogue()[tag].type == "boolean"]] = 0.0
    assert rows_where(where, rows).tolist() == [True, False]
    assert compile_test(where, frozenset(tags))(rows.iloc[0].to_dict())
    assert predicate(where, every_tag()).type().is_boolean()


def test_renewal_learns_from_rows_whose_tags_describe_their_term() -> None:
    frame = pd.DataFrame(
        {
            "days_to_commercial_expiry": [30.0, 12.0, 30.0, np.nan],
            "commercial_renewal_signed": [0.0, 0.0, 1.0, 0.0],
            "commercial_cancellation_known": [0.0, 0.0, 0.0, 0.0],
            "lead_days": [30, 30, 30, 30],
        }
    )
    assert MODELS["renewal"].learns(frame).tolist() == [True, False, False, False]


def test_a_rule_needs_its_tags() -> None:
    with pytest.raises(KeyError, match="holds_health"):
        MODELS["cross_sell_health"].asks_one({"motor_policies_in_force": 1})
    with pytest.raises(GuanjiaError, match="column holds_health: is not known"):
        MODELS["cross_sell_health"].asks(pd.DataFrame({"motor_policies_in_force": [1]}))


def test_families_hold_every_model_once_in_the_order_of_declaration() -> None:
    assert dict(families()) == {
        "renewal": ("renewal",),
        "churn": ("churn", "churn_hazard"),
        "claims": ("claim_frequency", "claim_severity"),
        "cross-sell": ("cross_sell_accident", "cross_sell_health", "cross_sell_household"),
    }


def test_lists_have_names_of_their_own() -> None:
    names = [target.name for spec in MODELS.values() for target in spec.lists]
    assert names == [
        "renewal_risk",
        "churn_risk",
        "cross_sell_accident",
        "cross_sell_health",
        "cross_sell_household",
    ]


def test_an_unknown_model_is_answered_with_those_there_are() -> None:
    with pytest.raises(GuanjiaError, match=r"model renewl: is not declared.*renewal"):
        find("renewl")
