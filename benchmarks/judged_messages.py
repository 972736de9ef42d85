"""Messages that a person has judged, bad ones and innocent ones, and what the content check says.

`messages/` has one message a line, with its kind before a tab. They were written in several styles
before the rules they are to test. Half of them, by a hash of the text, was kept aside: the rules
were written with the other half in view.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serving.content.check import ContentCheck
from serving.content.settings import Sender

HERE = Path(__file__).with_name("messages")
HALVES: tuple["Half", ...] = ("in view", "kept aside")
CAUGHT_AT_LEAST = 0.9
BLOCKED_AT_MOST = 0.01
SENDER = Sender(
    insurer="安途财险", signature="安途车险", phones=("95300",), addresses=("antu.example",)
)
Half = Literal["in view", "kept aside"]


@dataclass(frozen=True)
class Message:
    """A message and what a person says of it."""

    text: str
    kind: str
    is_bad: bool

    @property
    def half(self) -> Half:
        """Whether it was in view while the rules were written."""
        digest = hashlib.blake2b(self.text.encode(), digest_size=8).digest()
        return HALVES[digest[0] % 2]


@dataclass(frozen=True)
class Shares:
    """What the check says of some messages.

    Attributes
    ----------
    bad, innocent : int
        How many there are.
    caught : float
        Share of the bad that is blocked or for a person to read first.
    blocked, reviewed : float
        Shares of the innocent.
    """

    bad: int
    innocent: int
    caught: float
    blocked: float
    reviewed: float


def read_messages() -> list[Message]:
    """Read all messages that a person has judged."""
    return list(_read(sorted(HERE.glob("*.tsv"))))


def _read(paths: Iterable[Path]) -> Iterator[Message]:
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, text = line.split("\t")
            yield Message(text, kind, path.stem.startswith("bad"))


def measure(content_check: ContentCheck, messages: Iterable[Message]) -> Shares:
    """Check messages and compare the verdicts with those of a person.

    Examples
    --------
    >>> from serving.content.check import load_content_check
    >>> some = [Message("续保返现200元", "rebate", True), Message("祝您平安", "holiday", False)]
    >>> measure(load_content_check(Path("no home")), some)
    Shares(bad=1, innocent=1, caught=1.0, blocked=0.0, reviewed=0.0)
    """
    bad, innocent = [], []
    for message in messages:
        verdict = content_check.check(
            message.text, channel="wecom", kind="marketing", sender=SENDER
        )
        (bad if message.is_bad else innocent).append(verdict)
    return Shares(
        len(bad),
        len(innocent),
        caught=_share(not verdict.allowed for verdict in bad),
        blocked=_share(verdict.blocked for verdict in innocent),
        reviewed=_share(not verdict.allowed and not verdict.blocked for verdict in innocent),
    )


def _share(verdicts: Iterable[bool]) -> float:
    counted = list(verdicts)
    return sum(counted) / len(counted)
