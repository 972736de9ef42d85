"""Markdown of the generated pages, wrapped so that a diff shows what changed."""

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
