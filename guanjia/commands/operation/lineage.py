"""Command to show what a raw column, a tag or a model is computed from, and what reads it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from guanjia.terminal.options import Json, open_lake, read_clock
from guanjia.terminal.output import Table, emit, table

if TYPE_CHECKING:
    from serving.lineage.graph import Lineage, Node, Reached

SHOWN = 30
"""Names of a kind that a person is shown; JSON has all."""


def lineage(
    name: Annotated[
        str | None,
        typer.Argument(help="policies.inception, star, segment:high_value, model:renewal, ..."),
    ] = None,
    up: Annotated[bool, typer.Option("--up", help="Only what it is computed from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what is computed from it.")] = False,
    openlineage: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help="Send the lineage of all jobs there."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what is computed from what: columns, tags, models, lists.

    Raw columns, tags, segments, models, lists and touchpoints, read from their declarations.
    """
    from serving.lineage.graph import build_lineage

    lake = open_lake()
    graph = build_lineage(lake)
    events = None if openlineage is None else _send(lake, openlineage)
    sent = [] if events is None else [f"{events} OpenLineage events sent to {openlineage}"]
    if name is None:
        emit(
            {**_everything(graph), "events_sent": events},
            json,
            _summary(graph),
            *_unread(graph),
            *sent,
        )
        return
    node = graph.find(name)
    ways: dict[str, list[Reached]] = {}
    if up or not down:
        ways["up"] = graph.up(node)
    if down or not up:
        ways["down"] = graph.down(node)
    payload = {
        **_described(graph, node),
        "events_sent": events,
        **{
            way: [{**_described(graph, other.node), "steps": other.steps} for other in reached]
            for way, reached in ways.items()
        },
    }
    titles = {"up": "is computed from", "down": "is read by"}
    shown = [
        _by_kind(f"{node} {graph.labels[node]} {titles[way]}", reached)
        for way, reached in ways.items()
    ]
    emit(payload, json, *shown, *sent)


def _send(lake: Any, target: str) -> int:
    from serving.lineage.openlineage import JOBS, flow_of, job_event
    from serving.lineage.sending import send

    at = read_clock()
    return send(target, [job_event(at, job, flow_of(lake, job)) for job in JOBS])


def _described(graph: "Lineage", node: "Node") -> dict[str, Any]:
    return {"kind": node.kind, "name": node.name, "label": graph.labels[node]}


def _everything(graph: "Lineage") -> dict[str, Any]:
    return {
        "nodes": [_described(graph, node) for node in graph.labels],
        "edges": [[str(source), str(reader)] for source, reader in graph.edges],
    }


def _summary(graph: "Lineage") -> Table:
    from serving.lineage.graph import KINDS

    rows = []
    for kind, chinese in KINDS.items():
        nodes = [node for node in graph.labels if node.kind == kind]
        direct = sum(len(graph.sources_of(node)) for node in nodes)
        unread = sum(not graph.down(node) for node in nodes)
        rows.append(
            {
                "kind": f"{kind} {chinese}",
                "number": len(nodes),
                "reads directly": direct,
                "read by nothing": unread,
            }
        )
    return table("What is computed from what", rows)


def _unread(graph: "Lineage") -> list[str]:
    names = [node.name for node in graph.labels if node.kind == "column" and not graph.down(node)]
    return [
        f"Raw columns that none of these reads: {', '.join(names)}",
        "Next: guanjia lineage NAME",
    ]


def _by_kind(title: str, reached: "list[Reached]") -> Table | str:
    """Show names by kind, the nearest first."""
    from serving.lineage.graph import KINDS

    rows = []
    for kind, chinese in KINDS.items():
        names = [other.node.name for other in reached if other.node.kind == kind]
        if names:
            more = f", and {len(names) - SHOWN} more (--json)" if len(names) > SHOWN else ""
            rows.append(
                {
                    "kind": f"{kind} {chinese}",
                    "number": len(names),
                    "names, the nearest first": ", ".join(names[:SHOWN]) + more,
                }
            )
    return table(title, rows) if rows else f"{title} nothing."
