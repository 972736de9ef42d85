"""Structures of conditions: nested groups as a page builds them, paths of parts, codes."""

from typing import Any

import pytest
from condition_words import WORDS

from features.condition_forms.codes import CODES
from features.condition_forms.condition import all_of, read_condition
from features.condition_forms.structure import Group, Negation, parts_of
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError
from features.tags.catalogue import catalogue


def plain(written: dict[str, Any]) -> str:
    return read_condition(written, WORDS).plain


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ([], "condition: is no object"),
        ({"all": []}, "condition.all: is no list of parts"),
        ({"all": [{"any": [3]}]}, "condition.all[0].any[0]: is no object"),
        ({"column": "renewal"}, "condition: has the fields column"),
        ({"column": "renewal", "operator": "like", "value": "x"}, "has the unknown operator like"),
        ({"column": "renewal", "operator": "between", "value": [1]}, "has no value that between"),
        ({"column": "renewal", "operator": "=", "value": [1]}, "has no value that = can take"),
        ({"column": "renewal", "operator": "=", "value": float("nan")}, "asks for 续保概率 = nan"),
        ({"column": "renewal", "operator": "is true"}, "asks whether renewal (number) is true"),
        ({"column": "渠道", "operator": "=", "value": "代里"}, "Did you mean 代理?"),
        ({"column": "loyal", "operator": "=", "value": 1}, "which is no column"),
        ({"segment": "星级"}, "names star_level, which is no segment"),
        ({"not": {"column": "x", "operator": "=", "value": 1}}, "column x: is not known"),
    ],
)
def test_a_faulty_structure_is_refused(written: Any, sentence: str) -> None:
    with pytest.raises(GuanjiaError) as refused:
        read_condition(written, WORDS)
    assert sentence in str(refused.value)


def test_a_structure_may_use_labels() -> None:
    test = {"column": "渠道", "operator": "<>", "value": "代理"}
    assert plain({"not": {"all": [test]}}) == "not (channel <> 'agent')"


def test_deep_and_long_structures_are_refused() -> None:
    deep: dict[str, Any] = {"segment": "loyal"}
    for _ in range(40):
        deep = {"not": deep}
    for written in (deep, {"all": [{"segment": "loyal"}] * 600}):
        with pytest.raises(GuanjiaError, match="has more than 500 parts, or more than 30 levels"):
            read_condition(written, WORDS)


def test_parts_have_paths() -> None:
    condition = read_condition("star = 1 and not (star = 2 or new_energy)", WORDS)
    assert [path for path, _ in parts_of(condition.structure)] == [
        (), (0,), (1,), (1, 0), (1, 0, 0), (1, 0, 1),
    ]  # fmt: skip
    assert isinstance(condition.structure, Group)
    assert isinstance(condition.structure.members[1], Negation)
    joined = all_of([condition, read_condition("loyal", WORDS)])
    assert joined.plain == "star_level = 1 and not (star_level = 2 or new_energy) and loyal"
    assert joined.columns == ["new_energy", "star_level"]


def test_joined_conditions_are_one_line_without_repetition() -> None:
    known, low, either = (
        read_condition(text, WORDS)
        for text in (
            "renewal is not null",
            "renewal is not null and renewal < 0.6",
            "loyal or star > 3",
        )
    )
    assert all_of([known, low, either]).chinese == (
        "续保概率 不为空 且 续保概率 < 0.6 且 (忠诚客户 或 星级 > 3)"
    )
    assert all_of([known, known]).plain == "renewal is not null"


OPEN = {"branch", "previous_insurer", "preferred_service", "touchpoints_contacted",
        "customer_value_exact", "latest_consents"}  # fmt: skip
"""Tags of texts whose values are no closed set."""


def test_every_tag_of_texts_has_its_codes_or_is_open() -> None:
    texts = {tag.name for tag in catalogue().values() if tag.type == "string"}
    assert texts == {*CODES} | OPEN
    assert not OPEN & {*CODES}


def test_codes_are_those_the_contracts_allow() -> None:
    for tag, (table, column) in {
        "gender": ("customers", "gender"),
        "city_tier": ("customers", "city_tier"),
        "channel": ("policies", "channel"),
        "business_type": ("policies", "business_type"),
        "vehicle_energy": ("vehicles", "energy"),
        "vehicle_kind": ("vehicles", "kind"),
        "vehicle_garage_area": ("vehicles", "garage_area"),
        "last_contact_channel": ("interactions", "channel"),
        "last_contact_result": ("interactions", "result"),
    }.items():
        assert {*CODES[tag]} == {*(CONTRACTS[table].declared[column].allowed or ())}, tag


def test_a_code_has_one_label() -> None:
    labels = [(code, label) for codes in CODES.values() for code, label in codes.items()]
    assert len({code for code, _ in labels}) == len({*labels})
