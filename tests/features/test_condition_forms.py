"""Conditions as people type them: every form means the same, and nothing else gets through."""

from typing import Any

import duckdb
import pytest
import sqlglot
from condition_structures import STRUCTURES
from condition_words import WORDS
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from features.condition_forms.condition import Condition, read_condition
from features.conditions import ALLOWED, compile_condition
from features.errors import GuanjiaError


def plain(text: str | dict[str, Any]) -> str:
    return read_condition(text, WORDS).plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("渠道 = 代理", "channel = 'agent'"),
        ("星级 ≥ 3 且 续保概率 < 0.6", "star_level >= 3 and renewal < 0.6"),
        ("星级≥３且续保概率＜６０％", "star_level >= 3 and renewal < 0.6"),
        ("客户星级　大于等于 黄金", "star_level >= 3"),
        ("STAR <> 3 AND NOT new_energy", "star_level <> 3 and not new_energy"),
        ("机构 = 广州分公司", "branch = '广州分公司'"),
        ("机构=广州分公司且星级≠5星", "branch = '广州分公司' and star_level <> 5"),
        ("机构=和平或且支公司或新能源车", "branch = '和平或且支公司' or new_energy"),
        ("机构 = China Life P&C", "branch = 'China Life P&C'"),
        ("机构 ＝ “B01”", "branch = 'B01'"),
        ("机构 = ‘B01’ 或者 机构 = 「广州分公司」", "branch = 'B01' or branch = '广州分公司'"),
        ("非 忠诚客户", "not loyal"),
        ("忠诚客户 = 否 或 loyal is true", "not loyal or loyal"),
        ("非车险保单数 > 0张", "non_motor > 0"),
        ("非 非车险保单数 > 0", "not (non_motor > 0)"),
        ("非（星级 = 黄金 或 星级 = 5星）", "not (star_level = 3 or star_level = 5)"),
        ("近365天赔款（已决＋未决） ≥ 10万元", "claims_365d >= 100000"),
        ("客户价值 不低于 1.5万", "customer_value >= 15000"),
        ("age_years >= 40岁", "age_years >= 40"),
        ("功率 > 100千瓦", "power > 100"),
        ("星级 3 以上", "star_level >= 3"),
        ("星级 3 星以上 或 age_years 为空", "star_level >= 3 or age_years is null"),
        ("星级3星及以下且渠道属于（代理、经纪）",
         "star_level <= 3 and channel in ('agent', 'broker')"),
        ("渠道 = 代理、经纪", "channel in ('agent', 'broker')"),
        ("渠道 属于 代理、经纪", "channel in ('agent', 'broker')"),
        ("渠道 不在 (代理) 中", "channel not in ('agent')"),
        ("渠道 不是 代理", "channel <> 'agent'"),
        ("续保概率 介于 0.2 和 0.6 之间", "renewal between 0.2 and 0.6"),
        ("续保概率 在 20% 到 60% 之间 且 星级 = 3",
         "renewal between 0.2 and 0.6 and star_level = 3"),
        ("续保概率 不介于 0.2 与 0.6", "renewal not between 0.2 and 0.6"),
        ("续保概率 为空 或 机构 不为空", "renewal is null or branch is not null"),
        ("180天流失概率 > -1 || churn<=.5", "churn > -1 or churn <= 0.5"),
        ("新能源车 是 是 && 新能源车 != 0", "new_energy and new_energy"),
        ("not (not new_energy)", "new_energy"),
        ("not (star in (1, 2))", "star_level not in (1, 2)"),
        ("新能源车 is not false", "new_energy is not false"),
        ("0.5 < renewal", "renewal > 0.5"),
        ("60%≥续保概率", "renewal <= 0.6"),
        ("续保概率 < churn", "renewal < churn"),
        ("((star=1) and (star=2 and star=3))",
         "star_level = 1 and (star_level = 2 and star_level = 3)"),
        ("star = 1 and star = 2 or star = 3",
         "(star_level = 1 and star_level = 2) or star_level = 3"),
        ("old = '它''s (“好”)'", "old = '它''s (“好”)'"),
        ("旧标签 = ''", "old = ''"),
        ("renewal < 1e-7", "renewal < 0.0000001"),
    ],
)  # fmt: skip
def test_what_people_type_is_read(text: str, expected: str) -> None:
    assert plain(text) == expected
    compile_condition(expected, WORDS.columns, WORDS.rules)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("渠道 = 代里", "asks for channel = '代里', which 渠道 cannot be. Did you mean 代理?"),
        ("渠道 = 代理商", "which 渠道 cannot be. Did you mean 代理?"),
        ("channel = 'Agent'", "Did you mean agent"),
        ("渠道 = 高", "Use one of 代理 (agent), 网销 (online), 经纪 (broker)"),
        ("star in (1, 7)", "asks for star_level = '7', which 星级 cannot be"),
        ("机构 = B02", "asks for branch = 'B02', which no customer has. Did you mean B01?"),
        ("年龄 >= 60", "names 年龄, which several are called. Write the one that is meant: "
                       "age_years (年龄), aged (年龄)"),
        ("赔款 > 3", "column 赔款: is not known. Did you mean claims_365d "
                     "(近365天赔款（已决+未决）), claims_36m"),
        ("流失概率 > 0.5", "Did you mean churn (180天流失概率)?"),
        ("chanel = 'agent'", "Did you mean channel (渠道)"),
        ("功率 > 30天", "writes 功率 in 天. Write it in 千瓦"),
        ("客户价值 > 60%", "writes 客户价值 in per cent"),
        ("客户价值 > 10,000", "writes a number with commas, 10,000. Write 10000"),
        ("续保概率 < 高", "where a number of 续保概率 is due, at '高'"),
        ("续保概率 < '0.6'", "compares renewal (number) with '0.6' (text)"),
        ("新能源车 = 2", "compares new_energy (yes or no) with 2"),
        ("新能源车 = 也许", "which is yes or no. Write 是 or 否"),
        ("渠道 > 代理", "asks for an order of 渠道"),
        ("机构 = 星级", "compares branch (text) with star_level (number)"),
        ("renewal", "is no comparison: 续保概率 (renewal) is number"),
        ("renewal = null", "compares 续保概率 with null, which is never true"),
        ("忠诚客户 为空", "asks whether loyal is null. It never is"),
        ("星级 ≥", "where a value of 星级 (star_level) is due, at its end"),
        ("“渠道” = 代理", "has a name in quotes"),
        ("机构 = '广州", "has a quote that is not closed"),
        ("(" * 40 + "star = 1" + ")" * 40, "has more than 30 levels"),
        ("星级 = 1 且 " * 300 + "星级 = 1", "is longer than 2,000 characters"),
        ("", "cannot be read at its end"),
    ],
)  # fmt: skip
def test_the_rest_is_refused_with_its_cure(text: str, sentence: str) -> None:
    with pytest.raises(GuanjiaError) as refused:
        plain(text)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "star = 3; drop table x", "star = 3 -- a comment", "star = 3 /* x */", "star = 1 or 1=1",
        "star in (select 1)", "exists (select 1)", "read_text('/etc/passwd') = ''",
        "star + 1 > 3", "star::varchar = '3'", "t.star = 3", "channel like 'a%'", "star >= $1",
        "channel = 'agent' union select 1", "branch = B01' or '1'='1", "star = 3)", "(star = 3",
        "star = getenv('HOME')", "columns('.*') = 3", "[1] = star", "星级 = 3；删除", "null",
        "true",
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(GuanjiaError):
        plain(text)


def test_what_holds_for_nobody_or_everybody_is_hinted() -> None:
    condition = read_condition("续保概率 < 60 或 star >= 6 或 续保概率 < 60", WORDS)
    assert [(hint.english, hint.chinese) for hint in condition.hints] == [
        (
            "续保概率 (renewal) is between 0 and 1 (60% is 0.6), and never 60",
            "续保概率在 0 与 1 之间（60% 即 0.6），不会是 60",
        ),
        (
            "星级 (star_level) is between 1 and 5, and never 6",
            "星级在 1 与 5 之间，不会是 6",
        ),
    ]
    assert read_condition("续保概率 < 0.6", WORDS).hints == []


@settings(max_examples=300, deadline=None)
@given(STRUCTURES)
def test_all_forms_read_back_as_the_same_structure(structure: Any) -> None:
    condition = Condition(structure, WORDS)
    if len(condition.plain) > 2_000 or len(condition.chinese) > 2_000:
        return
    for form in (condition.plain, condition.chinese, condition.json):
        again = read_condition(form, WORDS)
        assert again.structure == structure, form
        assert again.plain == condition.plain
        assert again.chinese == condition.chinese
    tree = sqlglot.parse_one(condition.sql, read="duckdb")
    assert {type(node) for node in tree.walk()} <= ALLOWED
    assert {column.name for column in tree.find_all(exp.Column)} == {*condition.columns}
    assert {*condition.columns} <= {*WORDS.columns}


ROWS = """
    SELECT * FROM (VALUES
        (5, 0.5, 'agent', true, 30), (3, 0.7, 'online', false, 70), (1, NULL, NULL, NULL, NULL),
        (NULL, 0.2, 'broker', true, 60), (3, 0.1, 'agent', NULL, 59)
    ) t(star_level, renewal, channel, new_energy, age_years)
"""
PLAIN_TESTS = st.sampled_from(
    ["star >= 3", "star not in (1, 2)", "renewal between 0.2 and 0.6", "not new_energy", "loyal",
     "channel in ('agent', 'online')", "renewal is null", "1 <> new_energy", "0.5 > renewal",
     "new_energy is not false", "new_energy == 0", "not (channel = 'agent')", "renewal < star",
     "aged = false", "not (renewal not between 0 and 0.5)"]
)  # fmt: skip
PLAIN = st.recursive(
    PLAIN_TESTS,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({})".format, inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(PLAIN)
def test_the_typed_language_means_what_the_plain_one_means(where: str) -> None:
    """What both read holds, fails and is unknown for the same customers, in Chinese too."""
    condition = read_condition(where, WORDS)
    in_chinese = read_condition(condition.chinese, WORDS)
    given = compile_condition(where, WORDS.columns, WORDS.rules)
    truths = [
        duckdb.sql(f"SELECT ({sql}) FROM ({ROWS})").fetchall()
        for sql in (given, condition.sql, in_chinese.sql)
    ]
    assert truths[0] == truths[1] == truths[2]


PIECES = st.sampled_from(
    ["星级", "渠道", "代理", "续保概率", "忠诚客户", "≥", "=", "且", "或", "非", "不", "为空", "3",
     "60%", "10万元", "(", "（", ")", "、", "，", "'", "“", "”", "in", "between", "和", "之间",
     "以上", " ", ";", "--", "/*", "select", "from", "::", "$1", "\\", '"', "x",
     "或者", "null", "是", "old", "\x00"]
)  # fmt: skip


def test_what_is_accepted_holds_known_columns_and_literals_alone() -> None:
    accepted = set()

    @settings(max_examples=600, deadline=None)
    @given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=30) | PLAIN)
    def accept(text: str) -> None:
        try:
            condition = read_condition(text, WORDS)
        except GuanjiaError:
            return
        accepted.add(text)
        (tree,) = sqlglot.parse(condition.sql, read="duckdb")
        assert tree is not None
        assert {type(node) for node in tree.walk()} <= ALLOWED
        assert {column.name for column in tree.find_all(exp.Column)} <= {*WORDS.columns}

    accept()
    assert len(accepted) > 20
