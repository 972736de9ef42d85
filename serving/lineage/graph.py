"""Build the graph of what is computed from what: raw columns, tags, and all that reads tags.

Every edge is read from the declaration that computes the thing: expressions of tags, conditions of
segments, lists and touchpoints, tag sets of models, and the SQL that joins consents and contacts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from features.conditions import ALIASES, columns_of
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError, unknown_name
from features.lake import Lake
from features.segments.settings import load_segments
from features.snapshots.definitions import definitions
from features.tags.catalogue import catalogue, every_tag
from features.tags.lineage import kept_tag_columns
from serving.lineage.readers import (
    list_columns,
    list_tags,
    model_tags,
    touchpoint_columns,
    touchpoint_tags,
)
from serving.lists.questions import declared_lists
from serving.touchpoints.catalogue import load_touchpoints
from training.clusters.segmentation import ELIGIBLE, INPUTS
from training.models import MODELS

KINDS = {
    "column": "原始字段",
    "tag": "标签",
    "segment": "分群",
    "clusters": "聚类",
    "model": "模型",
    "list": "名单",
    "touchpoint": "触点",
}
"""Kinds of nodes in the order of computation, with their Chinese names."""


@dataclass(frozen=True, order=True)
class Node:
    """A raw column, or something that is computed.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    name : str
        Its name: `policies.inception`, `star_level`, `renewal`.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Reached:
    """A node that a walk came to.

    Attributes
    ----------
    node : Node
        The node.
    steps : int
        Edges between it and the start, on the shortest way.
    """

    node: Node
    steps: int


class Lineage:
    """The graph: nodes with their labels, and edges from a source to what is computed from it.

    Attributes
    ----------
    labels : dict of Node to str
        Every node with its Chinese label.
    """

    def __init__(self) -> None:
        self.labels: dict[Node, str] = {}
        self._sources: dict[Node, set[Node]] = defaultdict(set)
        self._readers: dict[Node, set[Node]] = defaultdict(set)

    def add(self, node: Node, label: str, sources: Iterable[Node]) -> None:
        """Add a node that is computed from sources.

        Parameters
        ----------
        node : Node
            The node.
        label : str
            Its Chinese label.
        sources : iterable of Node
            What it is computed from directly; all must be in the graph.

        Raises
        ------
        KeyError
            If a source is no node of the graph.
        """
        self.labels[node] = label
        for source in sources:
            _ = self.labels[source]
            self._sources[node].add(source)
            self._readers[source].add(node)

    @property
    def edges(self) -> list[tuple[Node, Node]]:
        """All pairs of a source and what is computed from it, in order."""
        return sorted((source, node) for node, read in self._sources.items() for source in read)

    def sources_of(self, node: Node) -> list[Node]:
        """List what a node is computed from directly, in order."""
        return sorted(self._sources[node])

    def up(self, node: Node) -> list[Reached]:
        """List all that a node is computed from, the nearest first."""
        return _walk(node, self._sources)

    def down(self, node: Node) -> list[Reached]:
        """List all that is computed from a node, the nearest first."""
        return _walk(node, self._readers)

    def find(self, name: str) -> Node:
        """Find a node by its name, or by kind and name: `renewal`, `list:renewal`.

        Raises
        ------
        UnknownNameError
            If no node has the name; it names similar ones.
        GuanjiaError
            If several have; it names them.
        """
        plain = ALIASES.get(name.lower(), name)
        matches = [node for node in self.labels if plain in (node.name, str(node))]
        if not matches:
            raise unknown_name("name", name, sorted({node.name for node in self.labels}))
        if len(matches) > 1:
            names = " or ".join(map(str, sorted(matches, key=_place)))
            raise GuanjiaError(f"name {name}", "is that of several things", f"write {names}")
        return matches[0]


def build_lineage(lake: Lake) -> Lineage:
    """Build the graph of a home: what is shipped, its own declarations, its extensions.

    Parameters
    ----------
    lake : Lake
        The home; only its declarations are read, no data.

    Raises
    ------
    GuanjiaError
        If a declaration of the home has a fault.
    """
    lineage = Lineage()
    for table, contract in CONTRACTS.items():
        for column, declared in contract.declared.items():
            label = f"{contract.label} {declared.label}"
            lineage.add(Node("column", f"{table}.{column}"), label, ())
    for name, columns in kept_tag_columns(lake, definitions(lake)).items():
        lineage.add(Node("tag", name), catalogue()[name].label, _columns(columns))
    for name, segment in load_segments(lake.home).items():
        lineage.add(Node("segment", name), segment.label, _tags(segment.tags))
    lineage.add(Node("clusters", "clusters"), "客户聚类", _tags(_cluster_tags()))
    for name, spec in MODELS.items():
        given = [Node("model", spec.given)] if spec.given else []
        lineage.add(Node("model", name), spec.label, [*_tags(model_tags(spec)), *given])
    for name, (spec, target) in declared_lists().items():
        tags, models = list_tags(spec, target)
        sources = [*_tags(tags), *_models(models), *_columns(list_columns(lake))]
        lineage.add(Node("list", name), target.label, sources)
    _add_touchpoints(lineage, lake)
    return lineage


_LINEAGES: dict[Path, Lineage] = {}


def lineage_of(lake: Lake) -> Lineage:
    """Build the graph once a process: it is of declarations, which change with a restart."""
    if lake.home not in _LINEAGES:
        _LINEAGES[lake.home] = build_lineage(lake)
    return _LINEAGES[lake.home]


def _add_touchpoints(lineage: Lineage, lake: Lake) -> None:
    declared = load_touchpoints(lake.home)
    for name, variants in declared.variants.items():
        shown = [variant for variant in variants.values() if variant is not None]
        sources: set[Node] = set()
        for stage_branch, touchpoint in variants.items():
            if touchpoint is not None:
                tags = touchpoint_tags(touchpoint, stage_branch, variants, declared.shared)
                sources |= {*_tags(tags), *_models(touchpoint.models)}
                sources |= set(_columns(touchpoint_columns(lake, touchpoint)))
        if shown:
            lineage.add(Node("touchpoint", name), shown[0].label, sources)


def _cluster_tags() -> list[str]:
    return [*(entry.tag for entry in INPUTS), *columns_of(ELIGIBLE, every_tag().columns)]


def _columns(columns: Iterable[tuple[str, str]]) -> Iterator[Node]:
    return (Node("column", f"{table}.{column}") for table, column in columns)


def _tags(names: Iterable[str]) -> Iterator[Node]:
    return (Node("tag", name) for name in names)


def _models(names: Iterable[str]) -> Iterator[Node]:
    return (Node("model", name) for name in names)


def _place(node: Node) -> int:
    return list(KINDS).index(node.kind)


def _walk(start: Node, neighbours: Mapping[Node, set[Node]]) -> list[Reached]:
    """Walk the graph in breadth from a node; it is not listed itself."""
    steps = {start: 0}
    waiting = [start]
    for node in waiting:
        for neighbour in sorted(neighbours.get(node, ())):
            if neighbour not in steps:
                steps[neighbour] = steps[node] + 1
                waiting.append(neighbour)
    return [Reached(node, steps[node]) for node in waiting[1:]]
