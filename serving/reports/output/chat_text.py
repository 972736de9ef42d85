"""Write a report as texts for WeCom: each message at most 2,048 bytes, in Chinese."""

from collections.abc import Iterable, Sequence

from serving.reports.output.sections import Section
from serving.reports.settings import Level

LONGEST_MESSAGE = 2_048
"""Bytes of UTF-8 that WeCom takes in a text message."""
OFFICES = 5
"""Rows that a message names."""
PARTS = ("本月续保", "与预期比较", "在池未续", "缺口来自哪里", "本周待联系", "留住的是好客户吗")
"""Sections whose sentences go into the messages."""


def write_messages(
    title: str, known: Sequence[str], sections: Sequence[Section], by: Level
) -> list[str]:
    """Write the sentences of a report as messages, split between lines.

    Parameters
    ----------
    title : str
        Heading of the first message.
    known : sequence of str
        Sentences on what is in it.
    sections : sequence of Section
        The parts of the report.
    by : {"branch", "team", "manager", "channel", "star"}
        What an office is.
    """
    named = {section.title: section for section in sections}
    lines = [f"【{title}】", *known]
    for part in PARTS:
        if part in named:
            lines += named[part].sentences
    gap = named.get("缺口来自哪里")
    if gap is not None and len(gap.rows) > 1:
        largest = [f"{row[0]} {row[1]}张（{row[2]}个百分点）" for row in gap.rows[:-1][:OFFICES]]
        lines.append(f"缺口最大：{'，'.join(largest)}")
    calls = named.get("本周待联系")
    if calls is not None and calls.rows and by in ("manager", "branch"):
        most = sorted(calls.rows, key=lambda row: -int(str(row[-2])))[:OFFICES]
        lines.append("待联系最多：" + "，".join(f"{row[1]} {row[-2]}人" for row in most))
    return split_messages(lines)


def split_messages(lines: Iterable[str], longest: int = LONGEST_MESSAGE) -> list[str]:
    """Join lines to messages that are no longer than so many bytes; a longer line is broken.

    Parameters
    ----------
    lines : iterable of str
        The lines.
    longest : int
        Bytes of UTF-8 of a message.

    Examples
    --------
    >>> split_messages(["一二", "三", "四"], 10)
    ['一二\\n三', '四']
    """
    messages: list[str] = []
    current = ""
    for line in lines:
        for piece in _pieces(line, longest):
            joined = f"{current}\n{piece}" if current else piece
            if len(joined.encode()) > longest:
                messages.append(current)
                current = piece
            else:
                current = joined
    return [*messages, current] if current else messages


def _pieces(line: str, longest: int) -> list[str]:
    pieces, current, size = [], "", 0
    for letter in line:
        width = len(letter.encode())
        if size + width > longest:
            pieces.append(current)
            current, size = "", 0
        current, size = current + letter, size + width
    return [*pieces, current]
