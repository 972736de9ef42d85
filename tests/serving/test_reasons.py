"""Reasons: which tags are given, in which order, and how their values read."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contracts.tables import CONTRACTS
from features.tags.catalogue import catalogue
from serving.predictions.reasons import Direction, Reason, strongest_reasons
from serving.tag_words import CATEGORIES, UNITS, words_of

FEATURES = ["claim_count_36m", "gender", "channel", "age_years", "lead_days", "ncd_level"]
VALUES = {
    "claim_count_36m": 2.0,
    "gender": "F",
    "channel": "agent",
    "age_years": 41.0,
    "lead_days": 30.0,
    "ncd_level": -3.0,
}
# One a feature in the same order, and the base, which is none.
WEIGHTS = [-0.50, 2.0, 0.40, -3.0, 0.30, 0.009, 9.0]


def names(weights: list[float], **options: Any) -> list[str]:
    return [reason.tag for reason in strongest_reasons(FEATURES, VALUES, weights, **options)]


def test_the_strongest_come_first_in_words() -> None:
    assert strongest_reasons(FEATURES, VALUES, WEIGHTS) == [
        Reason(
            "claim_count_36m",
            "claims",
            "lowers",
            "近36个月出险次数：2次",
            "claim count 36m: 2 claims",
        ),
        Reason("channel", "channel", "raises", "渠道：代理", "channel: agent"),
        Reason("lead_days", "expiry", "raises", "距到期天数：30天", "lead days: 30 days"),
    ]


def test_protected_traits_are_never_given_however_strong(
    protected_tags: frozenset[str],
) -> None:
    assert {"gender", "age_years"} <= protected_tags <= set(catalogue())
    assert not protected_tags & set(names(WEIGHTS, top=len(FEATURES)))
    assert names([0, 5.0, 0, -5.0, 0, 0, 0]) == []


def test_what_hardly_moved_it_is_no_reason() -> None:
    assert names([0.0099, 0, -0.0101, 0, 0.01, 0, 0]) == ["channel", "lead_days"]
    assert names([0.0] * 7) == []


def test_the_base_is_no_reason() -> None:
    assert names([0, 0, 0, 0, 0, 0, 99.0]) == []


@pytest.mark.parametrize(
    ("effect", "tags"),
    [("raises", ["channel", "lead_days"]), ("lowers", ["claim_count_36m"])],
)
def test_one_direction_can_be_asked_for(effect: Direction, tags: list[str]) -> None:
    assert names(WEIGHTS, effect=effect) == tags


def test_at_most_so_many_are_given() -> None:
    assert names(WEIGHTS, top=1) == ["claim_count_36m"]
    assert names(WEIGHTS, top=2) == ["claim_count_36m", "channel"]


def test_equal_weights_are_ordered_by_name() -> None:
    assert names([0.3, 0, 0.3, 0, -0.3, 0.3, 0]) == ["channel", "claim_count_36m", "lead_days"]


def test_numpy_rows_give_the_same() -> None:
    frame = pd.DataFrame([VALUES]).astype(object)
    given = strongest_reasons(FEATURES, frame.to_dict("records")[0], np.array(WEIGHTS))
    assert given == strongest_reasons(FEATURES, VALUES, WEIGHTS)


def test_a_value_that_is_not_there_says_what_that_means() -> None:
    name = "days_since_last_response"
    tag = catalogue()[name]
    for value in (None, float("nan"), np.float64("nan"), pd.NA):
        (reason,) = strongest_reasons([name], {name: value}, [1.0])
        assert reason.chinese == f"{tag.label}：从未"
        assert reason.english == f"days since last response: {tag.null}"
    (absent,) = strongest_reasons([name], {}, [1.0])
    assert absent.chinese.endswith("：从未")


def test_times_are_counted_in_times() -> None:
    name = "renewals_in_chain"
    (reason,) = strongest_reasons([name], {name: 0}, [1.0])
    assert reason.chinese == "连续投保续保次数：0次"


@pytest.mark.parametrize(
    ("value", "unit", "chinese", "english"),
    [
        (2779.0, "yuan", "2,779元", "2,779 yuan"),
        (99.456, "yuan", "99.46元", "99.46 yuan"),
        (123456.78, "yuan", "123,457元", "123,457 yuan"),
        (-350, "yuan", "-350元", "-350 yuan"),
        (0, "claims", "0次", "0 claims"),
        (np.int64(3), "days", "3天", "3 days"),
        (2.5, "years", "2.50年", "2.50 years"),
        (5.6, "days", "6天", "6 days"),
        (0.4, "days", "0天", "0 days"),
        (6, "month", "6月", "6 (month)"),
        (-2, "level", "-2级", "-2"),
        (4, "stars", "4星", "4 stars"),
        (2, "vehicles", "2辆", "2 vehicles"),
        (1, "policies", "1张", "1 policy"),
        (4.5, "score of 1 to 5", "4.50分", "4.50 of 5"),
        (0.85, "factor", "0.85", "0.85"),
        (1.5, "ratio", "1.50", "1.50"),
        (3, "terms", "3个年度", "3 terms"),
        (110.0, "kW", "110千瓦", "110 kW"),
        (1499, "cm3", "1,499毫升", "1,499 cm3"),
        (2, "channels", "2个", "2 channels"),
        (0.375, "share", "38%", "38%"),
        (0.0, "share", "0%", "0%"),
        (0.155, "change", "+16%", "+16%"),
        (-0.08, "change", "-8%", "-8%"),
        (True, "yes or no", "是", "yes"),
        (False, "yes or no", "否", "no"),
        (np.True_, "yes or no", "是", "yes"),
        (np.False_, "yes or no", "否", "no"),
        ("agent", "channel", "代理", "agent"),
        ("3_and_below", "tier", "三线及以下", "3_and_below"),
        ("B07", "branch", "B07", "B07"),
        (None, "days", "无记录", "none on record"),
        (float("nan"), "yuan", "无记录", "none on record"),
        (pd.NA, "claims", "无记录", "none on record"),
    ],
)
def test_values_read_as_people_write_them(
    value: Any, unit: str, chinese: str, english: str
) -> None:
    assert words_of(value, unit) == (chinese, english)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("policies", "channel"),
        ("policies", "business_type"),
        ("customers", "city_tier"),
        ("vehicles", "kind"),
        ("vehicles", "energy"),
        ("vehicles", "garage_area"),
        ("interactions", "channel"),
        ("interactions", "result"),
    ],
)
def test_every_category_a_contract_allows_has_its_chinese_word(table: str, column: str) -> None:
    allowed = CONTRACTS[table].declared[column].allowed
    assert allowed
    for value in allowed:
        chinese, _ = words_of(value, "kind")
        assert chinese == CATEGORIES[value]
        assert all("一" <= letter <= "鿿" for letter in chinese)


def test_every_number_has_a_unit_in_words() -> None:
    tags = [tag for tag in catalogue().values() if tag.type in {"int64", "float64"}]
    assert sorted({tag.unit for tag in tags} - {"share", "change", *UNITS}) == []


def test_every_code_a_definition_lists_has_the_word_it_lists() -> None:
    """Definitions of coded tags read `morning 上午, afternoon 下午 or ...`."""
    checked = set()
    for tag in catalogue().values():
        if tag.type == "string":
            for code, word in re.findall(r"([a-z_]+) ([\u4e00-\u9fff]+)", tag.definition):
                assert CATEGORIES[code] == word, tag.name
                checked.add(tag.name)
    assert {"life_cycle_stage", "last_contact_result", "preferred_purchase_channel"} <= checked


def test_a_category_nobody_declared_is_given_as_it_is() -> None:
    assert words_of("drone", "kind") == ("drone", "drone")
