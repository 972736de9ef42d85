"""Write docs/tags.md from the catalogue: `python -m features.tags.document docs/tags.md`."""

import sys
from pathlib import Path

from features.markdown import list_item
from features.tags.catalogue import catalogue, groups
from features.tags.declare import Tag, TagGroup

HEAD = """# Tags 标签

Generated from `features/tags/` by `make docs`; a test fails when it is not current.

{count} tags in {groups} groups. A tag of a date D says what was known at the end of D: rows
recorded by then, and milestones that had happened by then. A window of N days ends with D and
includes it. Where a table that a tag needs is absent, the tag is null for everyone.

Each line gives the name, the label, the type, the unit and the window of a tag, then what it is
and when it is null. What the words mean (the leading motor term, a whole term, reached, open again)
is defined in [definitions.md](definitions.md), with the windows and what an unknown value does;
some rules that a company should know are in [tag-rules.md](tag-rules.md).
"""


def render() -> str:
    """Render the page as Markdown."""
    parts = [HEAD.format(count=len(catalogue()), groups=len(groups()))]
    parts += [_section(group) for group in groups().values()]
    return "\n".join(parts)


def _section(group: TagGroup) -> str:
    """Render the heading and the list of tags of a group."""
    lines = [f"## {group.name} {group.label}", "", f"{len(group.tags)} tags.", ""]
    return "\n".join([*lines, *map(_entry, group.tags.values()), ""])


def _entry(tag: Tag) -> str:
    null = tag.null if tag.null == "never null" else f"null: {tag.null}"
    return list_item(
        f"`{tag.name}` {tag.label} ({tag.type}, {tag.unit}, {tag.window}). {tag.definition} "
        f"{null[0].upper()}{null[1:]}."
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
