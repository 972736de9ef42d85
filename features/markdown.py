"""Markdown of the generated pages, wrapped so that a diff shows what changed."""

import re
import textwrap

WIDTH = 118
"""Characters of a line at most."""


def list_item(text: str) -> str:
    """Format text as one item of a list, wrapped and indented under its dash.

    Words stay whole: only text without a space for longer than a line is cut.
    """
    return textwrap.fill(
        text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False
    )


def chinese_item(text: str) -> str:
    """Format Chinese text as one item of a list, broken after punctuation.

    A line break reads as a space, which nobody sees there and everybody between two characters.

    Examples
    --------
    >>> chinese_item("近30天出险次数，含交强险。")
    '- 近30天出险次数，含交强险。'
    """
    lines, line = [], "- "
    for part in re.split(r"(?<=[，。；：、）÷])", text):
        if len(line) + len(part) > WIDTH:
            lines.append(line.rstrip())
            line = "  "
        line += part
    return "\n".join([*lines, line])
