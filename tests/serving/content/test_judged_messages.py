"""What a person has judged bad is caught, the innocent passes, and so does all that is shipped."""

from pathlib import Path

import pytest

from benchmarks.judged_messages import (
    BLOCKED_AT_MOST,
    CAUGHT_AT_LEAST,
    HALVES,
    SENDER,
    Half,
    measure,
    read_messages,
)
from serving.content.check import load_content_check

GATE = load_content_check(Path("no home"))
MESSAGES = read_messages()


def test_there_are_enough_messages_of_each_sort_and_none_is_there_twice() -> None:
    bad = [one.text for one in MESSAGES if one.is_bad]
    innocent = [one.text for one in MESSAGES if not one.is_bad]
    assert len(bad) >= 150
    assert len(innocent) >= 300
    assert len({*bad, *innocent}) == len(bad) + len(innocent)


@pytest.mark.parametrize("half", HALVES)
def test_the_bad_are_caught_and_the_innocent_pass(half: Half) -> None:
    shares = measure(GATE, [one for one in MESSAGES if one.half == half])
    assert min(shares.bad, shares.innocent) > 100
    assert shares.caught >= CAUGHT_AT_LEAST
    assert shares.blocked <= BLOCKED_AT_MOST
    assert shares.reviewed <= 0.08


@pytest.mark.parametrize(
    "text",
    [
        "犹豫期内可全额退保。",
        "犹豫期内，您可以申请全额退保。",
        "在犹豫期内您可随时全额退保，不收手续费。",
    ],
)
def test_the_hesitation_period_is_innocent(text: str) -> None:
    assert GATE.check(text, channel="wecom", kind="service", sender=SENDER).allowed


@pytest.mark.parametrize(
    "text", ["全额退保找我", "犹豫期过了也能全额退保", "全额退保, 犹豫期无所谓"]
)
def test_a_surrender_by_others_is_not(text: str) -> None:
    assert GATE.check(text, channel="wecom", kind="service", sender=SENDER).blocked


def test_who_warns_of_a_word_is_read_by_a_person_and_not_blocked() -> None:
    for text, blocked in [
        ("续保返现", True),
        ("谨防以返现为名的诈骗", False),
        ("我司不会以续保返现", False),
        ("续保返现, 违法的", False),
        ("骗子公司, 别买", True),
    ]:
        verdict = GATE.check(text, channel="wecom", kind="service")
        assert (verdict.blocked, verdict.allowed) == (blocked, False), text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("人保现在理赔拖三个月", ["人保现在理赔拖三"]),
        ("实付2300就行", ["实付2"]),
        ("人保好。今天理赔很慢", []),  # not across the end of a sentence
        ("人保与我们都是正规的保险公司没有必要拖三个月", []),  # nor across more than twelve letters
        ("防止限额翻倍", []),
        ("返现", ["返现"]),  # and once, where a list of no hints has it
    ],
)
def test_a_word_with_a_gap_is_found_within_a_sentence(text: str, words: list[str]) -> None:
    assert [one.text for one in GATE.search(text)] == words
