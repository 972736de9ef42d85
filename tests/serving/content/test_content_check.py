"""What a message may say: each word however it is written, and nothing that only looks like one."""

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import GuanjiaError
from serving.content.channel_rules import parts
from serving.content.characters import plain_form, word_form, word_origins
from serving.content.check import LONGEST_TEXT, ContentCheck, load_content_check
from serving.content.settings import ContentSettings, Sender, WordList, shipped_settings
from serving.content.spellings import pieces
from serving.content.word_lists import WordMatcher

SENDER = Sender(
    insurer="平安产险", signature="平安车险", phones=("95511", "139-0000-1111"),
    addresses=("pingan.com",))  # fmt: skip
SHIPPED = shipped_settings()
GATE = load_content_check(Path("no home"))
BLOCKED = [
    (name, word)
    for name, one in SHIPPED.words.items()
    for word in one.words
    if one.severity == "block"
]


def found(text: str, channel: str = "wecom") -> list[tuple[str, str, str]]:
    """Rule, words as written and severity of each finding."""
    verdict = GATE.check(text, channel=channel, kind="marketing", sender=SENDER)
    assert verdict.allowed == (not verdict.findings)
    assert verdict.blocked == any(one.severity == "block" for one in verdict.findings)
    assert all(text[one.start : one.end] == one.text for one in verdict.findings)
    return [(one.rule, one.text, one.severity) for one in verdict.findings]


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("续保返现200元", "cash_back", "返现"),
        ("續保返現200元", "cash_back", "返現"),
        ("续保返 \u200b现200元", "cash_back", "返 \u200b现"),
        ("续保返*现200元", "cash_back", "返*现"),
        ("续保返😀现200元", "cash_back", "返😀现"),
        ("续保返\u3164现", "cash_back", "返\u3164现"),
        ("送油卡一张", "gifts", "送油卡"),
        ("小刮小蹭保证赔付", "guaranteed_claim", "保证赔付"),
        ("１００％赔", "guaranteed_claim", "１００％赔"),
        ("全网最低", "lowest_price", "全网最低"),
        ("小公司不赔", "disparagement", "小公司不赔"),
        ("傻В", "insult", "傻В"),
        ("个人收款码发你", "private_payment", "个人收款码"),
        ("我手机138 0013-8000", "mobile", "138 0013-8000"),
        ("一三八零零一三八零零零", "mobile", "一三八零零一三八零零零"),
        ("1️⃣3️⃣800138000", "mobile", "1️⃣3️⃣800138000"),
        ("座机 (010) 8888-8888", "landline", "010) 8888-8888"),
        ("拨打95518", "hotline", "拨打95518"),
        ("微信号：wang_2020", "wechat_account", "微信号：wang_2020"),
        ("加ＶＸ wang2020", "wechat_account", "加ＶＸ wang2020"),
        ("扣扣12345678", "qq_account", "扣扣12345678"),
        ("写信到 a.b@evil.com", "email", "a.b@evil.com"),
        ("点 http://10.0.0.1/x", "link", "http://10.0.0.1"),
        ("见ｗｗｗ．ｅｖｉｌ。ｃｏｍ", "web_address_spaced", "ｗｗｗ．ｅｖｉｌ。ｃｏｍ"),
        ("见evil点com", "web_address_spelled", "evil点com"),
        ("见pingan.com.evil.cn", "web_address", "pingan.com.evil.cn"),
        ("见xpingan.com", "web_address", "xpingan.com"),
        ("见https://pingan.com@evil.io/", "link", "https://pingan.com@evil.io"),
        ("见https://pingan.com:x@evil.io/", "link", "https://pingan.com:x@evil.io"),
        ("见平安.com", "named_address", "安.com"),
        ("账号6222 0212 3456 7890 123", "bank_account", "账号6222 0212 3456 7890 123"),
        ("证件110101199003071234", "identity_number", "110101199003071234"),
    ],
)
def test_what_may_not_be_said_is_blocked_where_it_stands(text: str, rule: str, words: str) -> None:
    assert (rule, words, "block") in found(text)


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("明天往返。现场见", "cash_back", "返。现"),
        ("一键，全赔", "guaranteed_claim", "一键，全赔"),
        ("请扫码查看", "scan", "扫码"),
        ("我保证明天到", "guarantee", "保证"),
        ("含不计免赔", "no_deductible", "不计免赔"),
        ("卡4111 1111 1111 1111", "card_number", "4111 1111 1111 1111"),
    ],
)
def test_what_may_be_in_order_is_for_a_person(text: str, rule: str, words: str) -> None:
    assert found(text) == [(rule, words, "review")]


@pytest.mark.parametrize(
    "text",
    [
        "投保保证保险前请阅读条款, 我公司不保证赔付所有损失, 绝对免赔额2000元。",
        "理赔员已往返现场, 妈妈的车今天修好, 到底价格多少请看报价单。",
        "详见 m.pingan.com 或 https://m.pingan.com:443/a?b=c, 拨打95511或13900001111。",
        "保单号PDZA202631010000012345, 保费2,779.00元, 2026-07-20到期, 9:00-17:00到店。",
        "查勘地点: 东风路12号3.5公里处, 金额1380元, 里程13800公里, 共3.30.2026次。",
        "Your policy ends on 20 July. Come to us, or see the app. No. 7, dev x-ray.",
        "请添加企业微信(WeChat), 卡4111 1111 1111 1112。",
        "严禁给予回扣, 谨防代理退保, 切勿转入私人账户。",
        "",
    ],
)
def test_what_only_looks_like_it_passes(text: str) -> None:
    assert [one for one in found(text) if one[0] != "empty"] == []


def test_every_word_is_found_and_every_allowed_phrase_passes_its_list() -> None:
    for name, one in SHIPPED.words.items():
        words = WordMatcher({name: one})
        for word in one.words:
            for said in said_as(word):
                hits = [(hit.start, hit.end) for hit in words.find(f"您好{said}吗")]
                assert any(start < 2 + len(said) and end > 2 for start, end in hits), (name, said)
        for phrase in one.allowed:
            for said in said_as(phrase):
                assert name not in [hit.list for hit in words.find(f"您好{said}吗")], said
        parts = [form for word in one.words for forms in pieces(word) for form in forms]
        for phrase in one.allowed:
            said = word_form(said_as(phrase)[0])
            assert any(form in said for form in parts), phrase


def said_as(word: str) -> list[str]:
    """Every alternative of a word once, with something in its gaps."""
    alternatives = pieces(word)
    longest = max(map(len, alternatives))
    return ["们".join(forms[at % len(forms)] for forms in alternatives) for at in range(longest)]


BETWEEN = " \u200b\u200c\u200d\ufeff\u00ad\u2060*-_.~·|+/\u0301😀\u3000"
SEPARATORS = st.text(st.sampled_from(BETWEEN), max_size=3)


def full_width(one: str) -> str:
    return chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one


@given(st.sampled_from(BLOCKED), st.data())
def test_no_disguise_gets_a_word_through(word: tuple[str, str], data: st.DataObject) -> None:
    """Invisible characters, spaces, marks, full width, capitals, other characters for the same."""
    name, plain = word
    disguised = ""
    for one in plain:
        forms = [one, full_width(one), one.upper()]
        forms += TRADITIONAL.get(one, [])
        disguised += data.draw(st.sampled_from(forms)) + data.draw(SEPARATORS)
    text = f"您好, {disguised}"
    verdict = GATE.check(text, channel="wecom", kind="service")
    assert verdict.blocked
    assert name in [one.rule for one in verdict.findings]


def traditional() -> dict[str, list[str]]:
    from serving.content.characters import _read

    found: dict[str, list[str]] = {}
    for written, meant in _read()[0].items():
        found.setdefault(meant, []).append(written)
    return found


TRADITIONAL = traditional()


@given(st.text(st.sampled_from("天地玄黄日月盈昃辰宿列张寒来暑往 ,.!12\n"), max_size=60))
def test_a_text_without_any_of_it_passes(text: str) -> None:
    words = frozenset("".join(word_form(word) for _, word in BLOCKED))
    harmless = "".join(one for one in text if not words & set(word_form(one)))
    verdict = GATE.check(f"好{harmless}", channel="wecom", kind="marketing")
    assert verdict.allowed, verdict.findings


LETTERS = st.text(st.sampled_from("甲乙aB1一 。\u200b"), max_size=25)
SOME = st.lists(st.text(st.sampled_from("甲乙ab1"), min_size=2, max_size=4), min_size=1, max_size=6)


@given(SOME, SOME, LETTERS)
def test_words_are_found_where_a_plain_search_finds_them(
    words: list[str], allowed: list[str], text: str
) -> None:
    one = WordList(name="a", label="甲", why="a", why_chinese="甲", severity="block",
                   words=tuple(words), allowed=tuple(allowed))  # fmt: skip
    hits = {(hit.start, hit.end) for hit in WordMatcher({"one": one}).find(text)}
    assert hits == plainly(words, allowed, text)


def plainly(words: list[str], allowed: list[str], text: str) -> set[tuple[int, int]]:
    """The same, from the definition: every place, every word, every pair of them."""
    form, origins = word_form(text), word_origins(text)

    def places(of: list[str]) -> list[tuple[int, int, int, int]]:
        spans = []
        for word in map(word_form, of):
            for match in re.finditer(f"(?={re.escape(word)})", form):
                start, end = match.start(), match.start() + len(word)
                first, last = origins[start], origins[end - 1]
                cut = [
                    (text[first - 1 : first], text[first]),
                    (text[last], text[last + 1 : last + 2]),
                ]
                if not any(same_kind(*map(word_form, pair)) for pair in cut):
                    spans.append((start, end, first, last + 1))
        return spans

    hits = places(words)
    covers = hits + [one for one in places(allowed) if not set("。\n") & set(text[one[2] : one[3]])]
    return {
        (first, last)
        for start, end, first, last in hits
        if not any((a <= start and end <= b and (a, b) != (start, end)) for a, b, *_ in covers)
        and (start, end, first, last) not in covers[len(hits) :]
    }


def same_kind(left: str, right: str) -> bool:
    return bool(re.fullmatch(r"[a-z]{2}|[0-9]{2}", left + right))


@given(st.text(max_size=40))
def test_forms_know_where_they_come_from_and_stay_as_they_are(text: str) -> None:
    form, origins = word_form(text), word_origins(text)
    assert len(form) == len(origins)
    assert "".join(word_form(text[place]) for place in dict.fromkeys(origins)) == form
    assert word_form(form) == form
    assert word_form(plain_form(text)) == form
    assert not any(unicodedata.category(one)[0] not in "LN" for one in form)


def test_sms_is_counted_signed_and_can_be_refused() -> None:
    text = "【平安车险】平安产险提醒您: 车险将于7月20日到期。拒收请回复R"
    assert found(text, "sms") == []
    assert {one[0] for one in found("您好", "sms")} == {"no_signature", "no_insurer", "no_opt_out"}
    assert [one[0] for one in found(text.replace("平安车险】", "人保车险】"), "sms")] == [
        "wrong_signature"
    ]
    assert found(text.replace("【平安车险】", "") + "【平安车险】", "sms") == []
    assert [one[0] for one in found(text + "车" * 201, "sms")] == ["too_long"]
    refusable = GATE.check(text[:-7], channel="sms", kind="service", sender=SENDER)
    assert refusable.allowed
    (missing,) = GATE.check(text[:-7], channel="sms", kind="marketing").findings
    assert (missing.rule, missing.text, missing.start) == ("no_opt_out", "", len(text) - 7)
    sms = SHIPPED.channels["sms"]
    assert [parts("😀" * length, sms) for length in (35, 36, 67, 68)] == [1, 2, 2, 3]


def test_other_channels_have_limits_of_their_own() -> None:
    assert found("车" * 1333, "wecom") == []
    assert [one[0] for one in found("车" * 1334, "wecom")] == ["too_long"]
    assert [one[0] for one in found("您好，我是小王", "phone")] == ["no_insurer"]
    assert found("您好，我是平安 产险的小王", "phone") == []
    assert [one[0] for one in found(" \n", "branch")] == ["empty"]
    assert {one[0] for one in found("返现" * LONGEST_TEXT, "branch")} == {"too_long"}
    with pytest.raises(GuanjiaError, match=r"channel smss: is not known\. Did you mean sms"):
        GATE.check("a", channel="smss", kind="marketing")
    with pytest.raises(GuanjiaError, match=r"kind spam: is not known\. Use one of marketing"):
        GATE.check("a", channel="sms", kind="spam")  # type: ignore[arg-type]


def test_a_finding_is_words_in_two_languages() -> None:
    (finding,) = GATE.check("返现", channel="branch", kind="service").findings
    assert finding.chinese.startswith("返现返佣“返现”：不得承诺给予保险合同约定以外")
    assert finding.english.startswith("cash back “返现”: No benefit outside the contract")


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "a", "a.", "a-", "a@b.", "a点", "a   .   ", "010", "http://", "微信", "返现"],
)
def test_no_pattern_goes_back_and_forth(piece: str, ends: Any) -> None:
    """One that did would take hours over some of these; `benchmarks/content.py` measures them."""
    text = (piece * LONGEST_TEXT)[:LONGEST_TEXT]
    with ends():
        GATE.check(text, channel="branch", kind="service")


def test_without_any_list_only_the_channel_speaks() -> None:
    bare = ContentCheck(ContentSettings(words={}, patterns={}, channels=SHIPPED.channels))
    assert bare.check("返现 13800138000", channel="branch", kind="marketing").allowed
