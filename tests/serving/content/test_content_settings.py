"""What a home adds and switches off, and what is said of a fault in it: file, list, field, cure."""

from pathlib import Path

import pytest

from features.contracts.vocabulary import CONTACT_CHANNELS
from features.errors import GuanjiaError
from serving.content.check import load_content_check
from serving.content.settings import Sender, load_content_settings, shipped_settings

OWN = """
[sender]
insurer = "平安产险"
signature = "平安车险"
phones = ["95511"]
addresses = ["pingan.com"]

[words]
scan = false

[words.cash_back]
words = ["油费红包"]
allowed = ["返现政策说明"]
without = ["返利"]
severity = "review"

[words.slang]
name = "slang"
label = "俚语"
why = "We speak plainly."
why_chinese = "请使用规范用语。"
severity = "block"
words = ["薅羊毛"]

[patterns]
qq_account = false

[channels.sms]
most_parts = 1
"""


def written(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    (home / "content.toml").write_text(text, encoding="utf-8")
    return home


def test_a_home_adds_replaces_and_switches_off(home: Path) -> None:
    gate = load_content_check(written(home, OWN))

    def found(text: str, channel: str = "branch") -> list[tuple[str, str]]:
        verdict = gate.check(text, channel=channel, kind="service")
        return [(one.rule, one.severity) for one in verdict.findings]

    assert found("油费红包") == found("返现") == [("cash_back", "review")]
    assert found("返利") == found("返现政策说明") == found("扫码") == found("qq12345678") == []
    assert found("薅 羊毛") == [("slang", "block")]
    assert found("送油卡") == [("gifts", "block")]
    assert found("拨打95511, 见pingan.com") == []
    assert found("【平安车险】平安产险" + "车" * 70, "sms") == [("too_long", "block")]
    other = Sender(insurer="人保", signature="人保", phones=("95518",))
    verdict = gate.check("拨打95511", channel="branch", kind="service", sender=other)
    assert [one.rule for one in verdict.findings] == ["hotline"]


def test_without_a_file_it_is_what_is_shipped(home: Path) -> None:
    assert load_content_settings(home) == shipped_settings()
    assert set(shipped_settings().channels) == set(CONTACT_CHANNELS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[words", "content.toml: is not valid TOML"),
        ("[wrods]", r"content.toml, field wrods: is not known\. Did you mean words\?"),
        ("words = 3", "content.toml, field words: is no table of fields"),
        ("[words]\ncash_bak = false", r"words.cash_bak: is left out, but does not exist\. Did"
         r" you mean cash_back"),
        ("[words]\ncash_back = 3", "words.cash_back: is no table of fields"),
        ("[words.new]\nlabel = '新'", "field words.new.name: is missing. Write name = ..."),
        ("[words.cash_back]\nword = ['a']", "field words.cash_back.word: is not known. Did you"),
        ("[words.cash_back]\nwords = 'a'", "field words.cash_back.words: Input should be a valid"),
        ("[words.cash_back]\nwords = ['好']", "cash_back.words: '好' has fewer than two let"),
        ("[words.cash_back]\nallowed = ['!']", "cash_back.allowed: '!' has fewer than two le"),
        ("[words.cash_back]\nseverity = 'stop'", r"cash_back.severity: stop is not known\."
         r" Use one of block, review"),
        ("[words.cash_back]\nwithout = ['返现返']", r"cash_back.without: 返现返 is not known\."
         r" Did you mean 返现"),
        ("[words.cash_back]\nwithout = 3", "field words.cash_back.without: is no list"),
        ("[patterns.mobile]\npattern = '('", "field patterns.mobile.pattern: is no regular expr"),
        ("[patterns.mobile]\nwithout = ['a']", "field patterns.mobile.without: is not known"),
        ("[channels.smoke]\nlabel = '烟'", r"channels.smoke: smoke is not known\. Did you mean"),
        ("[channels.sms]\nmost_parts = 0", "field channels.sms.most_parts: Input should be"),
        ("[sender]\ninsurer = '平安'", "content.toml, field sender.signature: is missing"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(home: Path, text: str, told: str) -> None:
    with pytest.raises(GuanjiaError, match=told) as caught:
        load_content_check(written(home, text))
    assert str(home / "content.toml") in str(caught.value)
