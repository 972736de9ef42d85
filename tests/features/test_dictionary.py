"""The Chinese of every tag is there, says the same figures as the English, and reads as Chinese."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.dictionary import phrases
from features.dictionary.document import render
from features.dictionary.phrases import (
    CHINESE,
    ENGLISH,
    TagPhrases,
    declare_chinese,
    entries,
    phrases_of,
    shared_words,
)
from features.errors import GuanjiaError
from features.markdown import WIDTH
from features.snapshots.definitions import CODE, SOURCES, source_files
from features.tags.catalogue import catalogue, groups
from features.tags.declare import Tag
from serving.tag_words import chinese_unit

PARTS = ("definition", "unit", "window", "null")
LATIN = {"App", "NPS", "VIN"}
"""Words in Latin letters that Chinese insurers write so; shorter ones, such as A类, are free."""
LABEL = re.compile("“([^”]*)”")
FIGURE = re.compile(r"(\d[\d,]*(?:\.\d+)?)(万?)")
SHIPPED = [tag for group in groups().values() for tag in group.tags.values()]


def figures(text: str) -> set[float]:
    """The figures of a text in either language: 5万 is 50,000, and February is 2月."""
    return {
        float(digits.replace(",", "")) * (10_000 if times else 1)
        for digits, times in FIGURE.findall(text.replace("February", "2"))
    }


def chinese_of(tag: Tag) -> TagPhrases:
    return phrases_of(tag, CHINESE)


def sentences(tag: Tag) -> str:
    return "".join(str(getattr(chinese_of(tag), part)) for part in PARTS)


def test_every_tag_has_chinese_words() -> None:
    missing = [
        f"{tag.name}: {part}"
        for tag in SHIPPED
        for part in PARTS
        if getattr(chinese_of(tag), part).language != CHINESE
    ]
    assert missing == [], "add them to features/dictionary/<group>.toml and words.toml"
    assert len(SHIPPED) > 480


def test_figures_are_those_of_the_english() -> None:
    apart = {
        tag.name: (english, chinese)
        for tag in SHIPPED
        for words in [chinese_of(tag)]
        if (english := figures(f"{tag.definition} {tag.null} {tag.window}"))
        != (chinese := figures(f"{words.definition}，{words.null}，{words.window}"))
    }
    assert apart == {}
    assert sum(bool(figures(tag.definition)) for tag in SHIPPED) > 200, "figures are not seen"


def test_other_figures_would_be_seen() -> None:
    assert figures("below 1,000,000 yuan, at 0.3 within 36m") == figures(
        "低于100万元，0.3，近36个月"
    )
    assert figures("within 30 days") != figures("近3天内")


def test_what_stands_in_quotes_is_the_label_of_a_tag() -> None:
    labels = {tag.label for tag in SHIPPED}
    quoted = [(tag.name, label) for tag in SHIPPED for label in LABEL.findall(sentences(tag))]
    assert [pair for pair in quoted if pair[1] not in labels] == []
    assert len(quoted) > 60


def test_they_are_written_in_chinese() -> None:
    for tag in SHIPPED:
        text = LABEL.sub("“”", sentences(tag))
        assert set(re.findall(r"[A-Za-z]{3,}", text)) <= LATIN, tag.name
        assert not re.search(r"[\u4e00-\u9fff“”）][,.;:!?()'\"][\u4e00-\u9fff“”（]", text), text
        assert not re.search(r"[{}]|[ ,;]$", text), text
        assert str(chinese_of(tag).definition).endswith("。"), tag.name
        assert not str(chinese_of(tag).null).endswith("。"), tag.name


def test_no_two_tags_are_defined_alike() -> None:
    said = Counter(str(chinese_of(tag).definition) for tag in SHIPPED)
    assert [text for text, times in said.items() if times > 1] == []


def test_no_word_is_left_over() -> None:
    """Every entry of the files is that of a tag."""
    for group in groups().values():
        names = [*group.tags, *(re.sub(r"_(\d+[dmy]|ever)$", "", name) for name in group.tags)]
        written = [name for name, _, _ in entries(group.name)]
        assert sorted(set(written) - set(names)) == []
        assert len(written) == len(set(written))
    used = {tag.null for tag in SHIPPED}
    assert sorted(shared_words("nulls").keys() - used) == []
    assert sorted(shared_words("units").keys() - {tag.unit for tag in SHIPPED}) == []


def test_units_are_those_behind_values() -> None:
    """Lists and reasons write 3天 where the catalogue says that the unit is 天."""
    written = {
        tag.name: unit
        for tag in SHIPPED
        if tag.type in ("int64", "float64") and (unit := chinese_unit(tag.unit, tag.label))
    }
    assert {name: str(chinese_of(catalogue()[name]).unit) for name in written} == written
    assert len(written) > 300


def test_better_words_change_no_snapshot() -> None:
    hashed = {path.relative_to(CODE).parts[0] for path in source_files(CODE, SOURCES)}
    assert "tags" in hashed
    assert "dictionary" not in hashed


def test_readers_of_english_get_the_declaration() -> None:
    tag = catalogue()["claim_count_30d"]
    words = phrases_of(tag, ENGLISH)
    assert [str(getattr(words, part)) for part in PARTS] == [
        tag.definition, tag.unit, tag.window, tag.null,
    ]  # fmt: skip


def test_a_family_says_its_windows_and_its_values() -> None:
    said = {name: chinese_of(catalogue()[name]) for name in catalogue()}
    assert str(said["claim_count_30d"].definition) == "近30天内发生的出险次数。"
    assert str(said["claim_count_ever"].definition) == "历史上发生的出险次数。"
    assert str(said["claim_count_ever"].window) == "历史全部"
    assert str(said["agent_quote_count_365d"].definition) == "近365天内代理渠道的报价次数。"
    assert str(said["entitlement_use_ratio_36m"].definition).startswith(
        "“近36个月享权次数”÷“近36个月权益发放次数”"
    )
    assert str(said["commercial_renewals_ever"].unit) == "次"


@pytest.fixture
def own_tag(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A tag of an extension."""
    group = groups()["claims"]
    monkeypatch.setattr(group, "tags", dict(group.tags))
    monkeypatch.setattr(phrases, "_declared", {})

    @group.tag("近7天理赔好评数", unit="stars", window="7 days", null="no praise is known")
    def praise_count_7d(t: object) -> object:
        """Praise within 7 days."""
        return t

    yield "praise_count_7d"
    phrases_of.cache_clear()


def test_a_tag_of_an_extension_is_shown_in_english(own_tag: str) -> None:
    words = chinese_of(catalogue()[own_tag])
    assert words.definition == ("Praise within 7 days.", ENGLISH)
    assert words.null == ("no praise is known", ENGLISH)
    assert (str(words.unit), str(words.window)) == ("星", "近7天")


def test_an_extension_may_say_it_in_chinese(own_tag: str) -> None:
    assert chinese_of(catalogue()[own_tag]).definition.language == ENGLISH
    declare_chinese(own_tag, "{window}的好评，见{claim_count_30d}。", null="没有好评")
    words = chinese_of(catalogue()[own_tag])
    assert words.definition == ("近7天内的好评，见“近30天出险次数”。", CHINESE)
    assert words.null == ("没有好评", CHINESE)
    with pytest.raises(GuanjiaError, match="has a Chinese definition already"):
        declare_chinese(own_tag, "又一个定义。")
    with pytest.raises(GuanjiaError, match="prase_count"):
        declare_chinese("prase_count", "定义。")


def test_a_definition_that_names_no_tag_is_an_error(own_tag: str) -> None:
    declare_chinese(own_tag, "见{clam_count_30d}。")
    with pytest.raises(GuanjiaError, match="Chinese definition of praise_count_7d: clam_count_30d"):
        chinese_of(catalogue()[own_tag])


def test_the_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "tags.zh.md"
    text = render()
    assert page.read_text(encoding="utf-8") == text, "run `make docs`"
    assert all(len(line) <= WIDTH for line in text.splitlines())
    assert all(f"`{tag.name}`" in text for tag in SHIPPED)
