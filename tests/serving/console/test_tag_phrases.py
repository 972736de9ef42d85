"""What a tag is, in the language of the page: catalogue, list builder, `why`. No service runs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from features.dictionary.phrases import phrases_of
from features.lake import Lake
from features.settings import Settings
from features.tags.catalogue import catalogue, groups
from serving.console.builder.controls import controls_of
from serving.console.builder.draft import DraftRow
from serving.console.builder.tag_search import TagMatch, definition_of, search_tags
from serving.console.pages.catalogues import tags
from serving.console.render import ENGLISH, LANGUAGE, show
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.questions import readable_columns
from serving.lists.why import ConditionPart, Why

CHINESE_WORDS, ENGLISH_WORDS = "近30天内发生的出险次数。", "claims that occurred within 30 days."
PART = ConditionPart(
    text="channel = 'agent'",
    chinese="渠道 = 代理",
    holds=False,
    values={"channel": "direct"},
    labels={"channel": "渠道"},
    words={"channel": ("直销", "direct")},
)
WHY = Why(
    customer_id="C1", name="own", sent=False, rule="condition", chinese="不在名单上",
    english="not on the list", parts=[PART], gates=[], place=None, rank=None, of=3,
    at=datetime(2026, 7, 1, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def lake(home: Path) -> Lake:
    return Lake(Settings(home=home))


def request_of(lake: Lake, language: str = "zh") -> Any:
    """What pages read of a request."""
    return SimpleNamespace(
        state=SimpleNamespace(session=None, caller=None),
        cookies={LANGUAGE: language},
        app=SimpleNamespace(state=SimpleNamespace(service=SimpleNamespace(lake=lake))),
        url=SimpleNamespace(path="/console/tags", query=""),
    )


def text_of(response: Any) -> str:
    return bytes(response.body).decode()


@pytest.fixture
def own_tag(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A tag of an extension that says nothing in Chinese."""
    group = groups()["claims"]
    own = replace(group.tags["claim_count_30d"], name="own_count", definition="Own <b>claims</b>.")
    monkeypatch.setattr(group, "tags", {**group.tags, "own_count": own})
    yield "own_count"
    phrases_of.cache_clear()


def test_the_catalogue_speaks_the_language_of_the_page(lake: Lake) -> None:
    chinese = text_of(tags(request_of(lake), q="claim_count_30d"))
    english = text_of(tags(request_of(lake, ENGLISH), q="claim_count_30d"))
    assert CHINESE_WORDS in chinese
    assert ENGLISH_WORDS not in chinese
    assert ENGLISH_WORDS in english
    assert CHINESE_WORDS not in english
    assert "理赔 <" in chinese
    assert "claims <" in english
    assert 'lang="en"' not in chinese.partition("<main")[2]


@pytest.mark.parametrize("words", ["视为重新打开", "amounts moved after the closing"])
@pytest.mark.parametrize("language", ["zh", ENGLISH])
def test_a_word_of_either_definition_is_found(lake: Lake, words: str, language: str) -> None:
    assert "/console/tags/open_claims" in text_of(tags(request_of(lake, language), q=words))


def test_english_on_a_chinese_page_is_marked(lake: Lake, own_tag: str) -> None:
    page = text_of(tags(request_of(lake), q=own_tag))
    assert '<span lang="en">Own &lt;b&gt;claims&lt;/b&gt;.</span>' in page
    english = text_of(tags(request_of(lake, ENGLISH), q=own_tag))
    assert "<td>Own &lt;b&gt;claims&lt;/b&gt;.</td>" in english


def test_the_list_builder_finds_a_tag_by_what_it_means(lake: Lake) -> None:
    vocabulary = list_vocabulary(lake, readable_columns())
    found = search_tags(vocabulary, "视为重新打开").by_part["claims"]
    assert [(tag.name, tag.english[:16]) for tag in found] == [("open_claims", "Number of claims")]
    assert isinstance(found[0], TagMatch)
    assert definition_of("churn", vocabulary)[0].text == (
        "模型预测的180天流失概率；只对符合条件的客户预测：有效车险保单数 > 0。"
    )


def test_a_row_has_the_unit_of_the_page(lake: Lake) -> None:
    vocabulary = list_vocabulary(lake, readable_columns())

    def unit_of(name: str) -> tuple[str, str]:
        controls = controls_of(DraftRow(name, ">=", ("1",)), vocabulary)
        assert controls is not None
        return controls.unit

    assert unit_of("days_since_last_claim") == ("天", "days")
    assert unit_of("expected_margin") == ("元", "yuan")
    assert unit_of("renewal") == ("可写 60%", "or 60%")
    assert unit_of("business_type") == ("", "")


def test_a_row_says_what_its_tag_means(lake: Lake) -> None:
    vocabulary = list_vocabulary(lake, readable_columns())
    name = "days_since_last_claim"

    def look(language: str) -> str:
        return text_of(
            show(
                request_of(lake, language),
                "lists/tag_look.html",
                name=name,
                column=vocabulary.columns[name],
                tag=catalogue()[name],
                definition=definition_of(name, vocabulary),
                segment=None,
                distribution=None,
            )
        )

    for words in ("距最近一次出险的天数。", "<dd>天</dd>", "<dd>截至当日</dd>", "没有已知的出险"):
        assert words in look("zh")
        assert words not in look(ENGLISH)
    for words in ("Days since the latest claim", "<dd>days</dd>", "no claim is known"):
        assert words in look(ENGLISH)
        assert words not in look("zh")


def test_why_says_condition_value_and_meaning(lake: Lake) -> None:
    def page(language: str) -> str:
        values = {"name": "own", "customer": "C1", "why": WHY, "tags": catalogue()}
        return text_of(show(request_of(lake, language), "lists/why_part.html", **values))

    for words in ("渠道 = 代理", "渠道：直销", "主车险保单的销售渠道。"):
        assert words in page("zh")
        assert words not in page(ENGLISH)
    for words in (
        "channel = &#39;agent&#39;",
        "channel: direct",
        "the leading motor term",
    ):
        assert words in page(ENGLISH)
        assert words not in page("zh")
