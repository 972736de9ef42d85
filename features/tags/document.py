"""Write docs/tags.md from the catalogue: `python -m features.tags.document docs/tags.md`."""

import sys
from pathlib import Path

from features.tags.catalogue import catalogue, groups
from features.tags.declare import Tag, TagGroup

HEAD = """# Tags 标签

Generated from `features/tags/` by `make docs`; a test fails when it is not current.

{count} tags in {groups} groups. A tag of a date D says what was known at the end of D: rows
recorded by then, and milestones that had happened by then. A window of N days ends with D and
includes it. Where a table that a tag needs is absent, the tag is null for everyone.
"""


def render() -> str:
    """Render the page as Markdown."""
    parts = [HEAD.format(count=len(catalogue()), groups=len(groups()))]
    parts += [_section(group) for group in groups().values()]
    return "\n".join(parts)


def _section(group: TagGroup) -> str:
    """Render the heading and the table of a group."""
    lines = [
        f"## {group.name} {group.label}",
        "",
        f"{len(group.tags)} tags.",
        "",
        "| tag | label | definition | type | unit | window | null |",
        "|---|---|---|---|---|---|---|",
        *(_row(tag) for tag in group.tags.values()),
        "",
    ]
    return "\n".join(lines)


def _row(tag: Tag) -> str:
    """Render the table row of a tag; bars inside cells are escaped."""
    cells = [tag.label, tag.definition, tag.type, tag.unit, tag.window, tag.null]
    return "| " + " | ".join([f"`{tag.name}`", *(c.replace("|", "\\|") for c in cells)]) + " |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
