"""Check a text against the rules of a channel: what it can carry, what a message must say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Literal

from serving.content.characters import word_form
from serving.content.settings import Channel, Sender

Kind = Literal["marketing", "service"]
_SIGNATURE = re.compile(r"^\s*【([^【】]{2,20})】|【([^【】]{2,20})】\s*$")


@dataclass(frozen=True)
class Violation:
    """A rule that a text breaks by what it lacks or has too much of, in two languages."""

    rule: str
    name: str
    label: str
    why: str
    why_chinese: str


def parts(text: str, channel: Channel) -> int:
    """Count the parts in which a text is sent; networks count UTF-16 units, so an emoji is two.

    Examples
    --------
    >>> sms = Channel(label="短信", characters_a_part=70, characters_a_part_of_several=67)
    >>> [parts("车" * length, sms) for length in (0, 70, 71, 134, 135)]
    [1, 1, 2, 2, 3]
    """
    if channel.characters_a_part is None:
        return 1
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units <= channel.characters_a_part:
        return 1
    return ceil(units / (channel.characters_a_part_of_several or channel.characters_a_part))


def violations(
    text: str, channel: Channel, kind: Kind, sender: Sender | None
) -> Iterator[Violation]:
    """Find the rules of a channel that a text breaks.

    Parameters
    ----------
    text : str
        The message.
    channel : Channel
        What the channel can carry and must say.
    kind : {"marketing", "service"}
        Marketing must say how to refuse it.
    sender : Sender or None
        In whose name the message goes out; None: not known.
    """
    count = parts(text, channel)
    if count > channel.most_parts:
        yield Violation(
            "too_long",
            "too long",
            "超长",
            f"It takes {count} parts; {channel.most_parts} are allowed.",
            f"需拆分为{count}条，最多{channel.most_parts}条。",
        )
    size = len(text.encode("utf-8", "surrogatepass"))
    if channel.most_bytes is not None and size > channel.most_bytes:
        yield Violation(
            "too_long",
            "too long",
            "超长",
            f"It has {size:,} bytes; {channel.most_bytes:,} are allowed.",
            f"共{size}字节，最多{channel.most_bytes}字节。",
        )
    if not text.strip():
        yield Violation("empty", "empty", "内容为空", "There is no text.", "消息没有内容。")
    signed = _SIGNATURE.search(text)
    signature = (signed[1] or signed[2]) if signed else None
    if channel.signature:
        yield from _signature(signature, sender)
    words = word_form(text)
    if channel.names_insurer and sender is not None and word_form(sender.insurer) not in words:
        yield Violation(
            "no_insurer",
            "insurer not named",
            "未表明公司",
            f"It must say that {sender.insurer} sends it.",
            f"须表明来自{sender.insurer}。",
        )
    has_opt_out = any(word_form(phrase) in words for phrase in channel.opt_out)
    if kind == "marketing" and channel.opt_out and not has_opt_out:
        first = channel.opt_out[0]
        yield Violation(
            "no_opt_out",
            "no way to refuse",
            "缺少退订方式",
            f"Marketing must say how to refuse it, such as {first}.",
            f"营销短信须注明退订方式，如“{first}”。",
        )


def _signature(signature: str | None, sender: Sender | None) -> Iterator[Violation]:
    expected = "the sender" if sender is None else sender.signature
    if signature is None:
        yield Violation(
            "no_signature",
            "no signature",
            "缺少签名",
            f"It must begin or end with 【{expected}】.",
            "须以【签名】开头或结尾。" if sender is None else f"须以【{expected}】开头或结尾。",
        )
    elif sender is not None and word_form(signature) != word_form(sender.signature):
        yield Violation(
            "wrong_signature",
            "wrong signature",
            "签名不符",
            f"It is signed 【{signature}】, not 【{expected}】.",
            f"签名为【{signature}】，应为【{expected}】。",
        )
