"""Shipped segments as a page: `python -m features.segments.document docs/segments.md`.

Only the part between the two marks is generated; people write the rest.
"""

import sys
from pathlib import Path

from features.markdown import list_item
from features.segments.settings import KINDS, Segment, shipped_segments

BEGIN = "<!-- From features/segments/segments.toml by `make docs`; a test holds it current. -->"
END = "<!-- End of the generated part. -->"


def render(page: str) -> str:
    """Replace the part of the page between its marks by the list of shipped segments."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    segments = shipped_segments()
    parts = [f"{len(segments)} segments are shipped."]
    parts += [_section(kind, segments) for kind in KINDS]
    return "\n\n".join([before + BEGIN, *parts, END + after])


def _section(kind: str, segments: dict[str, Segment]) -> str:
    entries = [_entry(name, segment) for name, segment in segments.items() if segment.kind == kind]
    return "\n\n".join([f"### {kind} {KINDS[kind]}", "\n".join(entries)])


def _entry(name: str, segment: Segment) -> str:
    rule = " ".join(segment.rule.split())
    return list_item(
        f"**{segment.label} {segment.name}** `{name}` ({segment.about}): `{rule}`. "
        f"{segment.purpose_chinese} {segment.purpose}"
    )


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(render(target.read_text(encoding="utf-8")), encoding="utf-8")
