"""The content check's search for words: ours against the two ways everybody writes first.

Ours: `serving.content.word_lists.WordMatcher.find`, which brings the text into one form and then
looks for all words at once. The peers look for the words in the text as it is, which any space
defeats: one `any(word in text ...)` over the list, and one regular expression of all words.
Messages a second; the ratio says how much faster ours is. Also the whole check, with contact
details and lengths.

Before it measures, it compares: on texts in plain form all three agree which messages have a word.

And what the check finds: of messages that a person has judged (`judged_messages.py`), which share
of the bad it blocks or gives to a person, and which share of the innocent it blocks, for the half
that was in view while the rules were written and for the half that was kept aside.
"""

import argparse
import random
import re
import sys
from functools import partial
from pathlib import Path

from judged_messages import BLOCKED_AT_MOST, CAUGHT_AT_LEAST, HALVES, measure, read_messages
from measuring import Measured, Step, alternate, compared, finish, seconds

from serving.content.check import LONGEST_TEXT, ContentCheck, load_content_check
from serving.content.settings import WordList, shipped_settings
from serving.content.word_lists import WordMatcher

SEED = 1
FASTER = 2.0
HARDEST = 20.0
LENGTH = 70
PIECES = (
    *("1", "1 ", "a", "a.", "a-", "a@b.", "a点", "a   .   ", "010", "http://", "微信", "返现"),
    *("返还返", "转1", "v:", "qq1", "账号1", "13 ", "8600", "[.]", "//", "违法返现", "e😀"),
)
"""What a careless pattern of numbers, addresses or words goes back and forth over."""
CHARACTERS = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动"
    "同工也能下过子说产种面而方后多定行学法所民得经"
)


def main() -> int:
    """Search messages, one in ten of which has a word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=2_000)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    asked = parser.parse_args()
    words = some_words(asked.words)
    messages = some_messages(asked.messages, words)
    ours, alternation = WordMatcher({"words": declared(words)}), re.compile("|".join(words))
    searches = {
        "any(word in text)": lambda text: any(word in text for word in words),
        "one alternation": lambda text: alternation.search(text) is not None,
    }
    for search in searches.values():
        assert [bool(ours.find(text)) for text in messages] == list(map(search, messages))
    lines = []
    for name, search in searches.items():
        measured = alternate(
            partial(rate, partial(through, ours.find, messages), len(messages)),
            partial(rate, partial(through, search, messages), len(messages)),
            asked.repeats,
        )
        lines.append(compared(f"words, {name}", "messages/s", *measured, at_least=FASTER))
    content_check = load_content_check(Path("no home"))
    check = partial(content_check.check, channel="wecom", kind="marketing")
    whole = max(rate(partial(through, check, messages), len(messages)) for _ in range(3))
    lines.append(Measured("the whole check, as shipped", "messages/s", whole))
    lines.append(hardest(content_check))
    lines += judged(content_check)
    return finish("content", len(messages), lines, asked.json, of="messages")


def hardest(content_check: ContentCheck) -> Measured:
    """The text that takes the check longest, against ordinary words of the same length."""

    def best(text: str) -> float:
        check = partial(content_check.check, text, channel="branch", kind="service")
        return min(seconds(check) for _ in range(5))

    plain = best((CHARACTERS * LONGEST_TEXT)[:LONGEST_TEXT])
    worst = max(best((piece * LONGEST_TEXT)[:LONGEST_TEXT]) for piece in PIECES)
    what = "the whole check, its hardest text against words"
    return Measured(what, "s", worst, plain, worst / plain, at_most=HARDEST)


def judged(content_check: ContentCheck) -> list[Measured]:
    """What the check says of messages that a person has judged, by half."""
    lines = []
    for half in HALVES:
        shares = measure(content_check, (one for one in read_messages() if one.half == half))
        bad, innocent = f"{shares.bad} bad, {half}", f"{shares.innocent} innocent, {half}"
        lines += [
            Measured(f"{bad}: caught", "share", shares.caught, at_least=CAUGHT_AT_LEAST),
            Measured(f"{innocent}: blocked", "share", shares.blocked, at_most=BLOCKED_AT_MOST),
            Measured(f"{innocent}: for a person", "share", shares.reviewed),
        ]
    return lines


def some_words(count: int) -> list[str]:
    """The shipped words and as many others as it takes, of two to six characters."""
    chosen = random.Random(SEED)
    words = [word for one in shipped_settings().words.values() for word in one.words]
    plain = dict.fromkeys(word for word in words if re.fullmatch(r"[\u4e00-\u9fff]+", word))
    while len(plain) < count:
        plain["禁" + "".join(chosen.choices(CHARACTERS, k=chosen.randint(1, 5)))] = None
    # Chinese digits and traditional characters have another form, which the peers do not know.
    return list(plain)[:count]


def some_messages(count: int, words: list[str]) -> list[str]:
    """Messages of one part of an SMS; every tenth has a word somewhere."""
    chosen = random.Random(SEED + 1)
    messages = []
    for number in range(count):
        text = "".join(chosen.choices(CHARACTERS, k=LENGTH))
        if number % 10 == 0:
            place = chosen.randrange(LENGTH)
            text = text[:place] + chosen.choice(words) + text[place:]
        messages.append(text)
    return messages


def declared(words: list[str]) -> WordList:
    """A list of these words."""
    return WordList(
        name="words",
        label="词",
        why="a",
        why_chinese="词",
        severity="block",
        words=tuple(words),
    )


def through(search: object, messages: list[str]) -> None:
    """Search every message."""
    for text in messages:
        search(text)  # type: ignore[operator]


def rate(step: Step, count: int) -> float:
    """How many a second."""
    return count / seconds(step)


if __name__ == "__main__":
    sys.exit(main())
