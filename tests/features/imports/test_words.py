"""Headings are read word by word: languages, abbreviations, pinyin; and cells confirm them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contracts.tables import CONTRACTS
from features.imports.matching.pinyin import spell, spellings
from features.imports.matching.vocabulary import score_heading, vocabulary
from features.imports.matching.word_scores import FULL, score_words
from features.imports.matching.words import CHINESE, known_words, readings_of
from features.imports.plan import Plan

Planned = Callable[..., Plan]


def columns_of(plan: Plan, name: str) -> dict[str, tuple[str | None, str]]:
    """Column -> heading and confidence, of the only table of a name."""
    (only,) = [table for table in plan.mapping.tables if table.name == name]
    return {column: (way.heading, way.confidence) for column, way in only.columns.items()}


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("保险责任生效日期", "inception"),
        ("POLICY_EXPIRATION_DT", "expiry"),
        ("T_INSRNC_BGN_TM", "inception"),
        ("startDate", "inception"),
        ("plcyno", "policy_id"),
        ("baodanhao", "policy_id"),
        ("ZBRQ", "expiry"),
        ("Versicherungsbeginn", "inception"),
        ("Fecha de vencimiento", "expiry"),
        ("Date d'effet", "inception"),
        ("NET_PREM_AMT", "written_premium"),
        ("Prämie (netto)", "written_premium"),
    ],
)
def test_the_best_column_of_a_heading(heading: str, column: str) -> None:
    scores = {name: score_heading(heading, "policies", name)
              for name in CONTRACTS["policies"].columns}  # fmt: skip
    assert max(scores, key=lambda name: scores[name]) == column
    assert scores[column] >= 0.8


@pytest.mark.parametrize(
    "heading",
    [
        "投保单号",
        "发动机号",
        "驾驶员姓名",
        "报案人电话",
        "ENGINE_NO",
        "手续费",
        "PROPOSAL_NO",
        "Provision",
    ],
)
def test_what_is_of_another_thing_is_no_column(heading: str) -> None:
    tables = ("customers", "vehicles", "policies")
    assert [
        f"{table}.{column}" for table in tables for column in CONTRACTS[table].columns
        if score_heading(heading, table, column) >= 0.7
    ] == []  # fmt: skip


def test_every_wording_is_of_known_meanings_and_columns() -> None:
    words = known_words()
    meanings = set(words.words)
    for table, columns in words.columns.items():
        assert set(columns) <= set(CONTRACTS[table].columns)
        for wordings in columns.values():
            assert {word for wording in wordings for word in wording.split()} <= meanings
    assert {word for listed in words.neutral.values() for word in listed} <= meanings
    assert set(words.never["words"]) <= meanings


def test_every_chinese_word_can_be_spelled() -> None:
    listed = [word for words in known_words().words.values() for word in words.split()]
    for table in vocabulary().tables.values():
        listed += [heading for headings in table.columns.values() for heading in headings]
    chinese = [run for word in listed for run in CHINESE.findall(word)]
    assert len(chinese) > 500
    assert [word for word in chinese if not spell(word)] == []


@given(st.sampled_from(sorted(known_words().columns["policies"])), st.data())
def test_every_wording_is_found_in_pinyin_too(column: str, data: st.DataObject) -> None:
    """A heading of one word each, Chinese or spelled, names its column fully or nearly so."""
    wording = data.draw(st.sampled_from(known_words().columns["policies"][column]))
    chinese = [
        [word for word in known_words().words[meaning].split() if CHINESE.fullmatch(word)]
        for meaning in wording.split()
    ]
    heading = "".join(data.draw(st.sampled_from(words)) for words in chinese)
    meanings = {meaning for reading in readings_of(heading) for meaning in reading.meanings}
    if set(wording.split()) <= meanings:
        assert score_words(heading, "policies", column) >= FULL - 0.3
        assert re.fullmatch("[a-z]+", spellings(heading)[0])


def test_a_number_that_another_table_knows_is_found_by_its_cells(
    exports: Path, planned: Planned
) -> None:
    numbers = [f"P{number}" for number in range(20)]
    policies = "".join(
        f"{number},C{number},V{number},商业险,家用,2024-07-01 09:00:00,2024-07-01,2025-07-01,1\n"
        for number in numbers
    )
    (exports / "保单.csv").write_text(
        "保单号,客户编号,车架号,险种名称,使用性质,签单时间,甲,乙,签单保费\n" + policies,
        encoding="gb18030",
    )
    claims = "".join(
        f"K{place},{number},2024-09-01 08:00:00,2024-09-01 09:00:00\n"
        for place, number in enumerate(numbers)
    )
    (exports / "理赔.csv").write_text("报案号,丙,出险时间,报案时间\n" + claims, encoding="gb18030")
    plan = planned(exports)
    assert columns_of(plan, "claims")["policy_id"] == ("丙", "look")
    terms = columns_of(plan, "policies")
    assert (terms["inception"], terms["expiry"]) == (("甲", "look"), ("乙", "look"))


def test_days_that_are_not_a_year_apart_are_no_cover(exports: Path, planned: Planned) -> None:
    path = exports / "保单.csv"
    text = path.read_text("gb18030").replace("保险起期,保险止期", "甲,乙")
    path.write_text(text.replace("2025-0", "2024-1"), encoding="gb18030")
    assert not {"inception", "expiry"} & columns_of(planned(exports), "policies").keys()


def test_a_premium_with_tax_is_not_taken_for_one_without(exports: Path, planned: Planned) -> None:
    path = exports / "保单.csv"
    path.write_text(path.read_text("gb18030").replace("签单保费", "含税保费"), encoding="gb18030")
    assert columns_of(planned(exports), "policies")["written_premium"] == ("含税保费", "look")


def test_decimal_commas_are_noticed(exports: Path, planned: Planned) -> None:
    path = exports / "保单.csv"
    text = path.read_text("gb18030").replace(",", ";")
    path.write_text(text.replace("3000.00", "3.000,50").replace("950.00", "950,00"), "gb18030")
    plan = planned(exports)
    (policies,) = [table for table in plan.mapping.tables if table.name == "policies"]
    assert policies.columns["written_premium"].decimal == ","
    assert plan.described.sources["保单"].delimiter == ";"
