"""Show the catalogues of tags, with their distributions and lineage, and of segments."""

import json
from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import Response

from features.dictionary.phrases import CHINESE, phrases_of
from features.errors import unknown_name
from features.lake import Lake
from features.segments.settings import load_segments
from features.tags.catalogue import catalogue, groups
from features.tags.declare import Tag
from serving.console.builder.tag_search import part_names
from serving.console.render import show
from serving.console.route import console_router
from serving.lineage.graph import KINDS, Node, lineage_of
from serving.lists.questions import chinese_of

router = console_router()


@router.get("/console/tags")
def tags(request: Request, q: Annotated[str, Query(max_length=64)] = "") -> Response:
    """List the tags that a word occurs in, and the segments."""
    words = q.strip().casefold()
    matching = [tag for tag in catalogue().values() if words in _text(tag)]
    lake: Lake = request.app.state.service.lake
    segments = load_segments(lake.home)
    return show(
        request,
        "tags.html",
        q=q,
        groups={name: [tag for tag in matching if tag.group == name] for name in groups()},
        parts=part_names(),
        number=len(matching),
        segments=segments,
        rules=chinese_of(lake, (segment.rule for segment in segments.values())),
    )


@router.get("/console/tags/{name}")
def tag(request: Request, name: Annotated[str, Path(max_length=100)]) -> Response:
    """Show a tag: definition, distribution, where it comes from and what reads it."""
    known = catalogue()
    if name not in known:
        raise unknown_name("tag", name, known)
    lake: Lake = request.app.state.service.lake
    graph, node = lineage_of(lake), Node("tag", name)
    return show(
        request,
        "tag.html",
        tag=known[name],
        quality=_quality(lake, name),
        kinds=KINDS,
        up=graph.up(node),
        down=graph.down(node),
        labels=graph.labels,
    )


def _text(tag: Tag) -> str:
    """Join what a search reads of a tag, in both languages."""
    chinese = phrases_of(tag, CHINESE).definition
    return f"{tag.name} {tag.label} {chinese} {tag.definition}".casefold()


def _quality(lake: Lake, name: str) -> dict[str, Any] | None:
    """Read the distribution of a tag from the latest quality report; None: there is none."""
    files = sorted((lake.data / "quality").glob("as_of=*.json"))
    if not files:
        return None
    report = json.loads(files[-1].read_text("utf-8"))
    entry = next((tag for tag in report["tags"] if tag["tag"] == name), None)
    if entry is None:
        return None
    counts = zip(entry["bins"], entry["now"]["counts"], strict=True)
    rows = [(label, count, f"{count:,}") for label, count in counts]
    return {"as_of": report["as_of"], "rows": rows}
