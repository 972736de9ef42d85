"""Write the lineage of a job as OpenLineage documents: what it reads, what it writes, by column.

The documents follow version 2-0-2 of the specification (https://openlineage.io): run events for a
job that runs, job events for the lineage as declared. Datasets are files and folders of the home.
"""

import importlib.metadata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from features.contracts.tables import CONTRACTS
from features.dictionary.phrases import CHINESE, phrases_of
from features.lake import Lake
from features.tags.catalogue import catalogue, groups
from features.tags.lineage import MERGE_COLUMNS, MERGES
from serving.lineage.graph import Lineage, Node, build_lineage
from serving.predictions.scores_file import scores_path
from serving.touchpoints.triggers import triggers_path

SPECIFICATION = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"
FACETS = "https://openlineage.io/spec/facets"
NAMESPACE = "guanjia"
"""Namespace of our jobs."""
FILES = "file"
"""Namespace of datasets that are files of a machine, by the naming rules of OpenLineage."""
JOBS = ("check", "tags", "segments", "score", "triggers")
"""Jobs with a lineage of columns, in the order of a day."""

State = Literal["START", "COMPLETE", "FAIL"]
Document = dict[str, Any]
Field = tuple[Path, str]
"""Dataset, and a column of it."""


@dataclass(frozen=True)
class Flow:
    """What a job reads and writes.

    Attributes
    ----------
    fields : dict of Path to (dict of str to list of Field)
        Dataset written -> its column -> the columns of datasets that it is computed from.
    """

    fields: Mapping[Path, Mapping[str, list[Field]]]

    @property
    def inputs(self) -> list[Path]:
        """The datasets read, in order."""
        columns = (fields for written in self.fields.values() for fields in written.values())
        return sorted({path for fields in columns for path, _ in fields} - self.fields.keys())


def flow_of(lake: Lake, job: str) -> Flow:
    """Describe what a job of a home reads and writes, from the declarations.

    Parameters
    ----------
    lake : Lake
        The home; no data is read.
    job : str
        One of `JOBS`.

    Raises
    ------
    GuanjiaError
        If a declaration of the home has a fault.
    """
    if job == "check":
        return Flow({lake.checked(table): _checked(lake, table) for table in CONTRACTS})
    lineage = build_lineage(lake)
    if job == "tags":
        written = {
            lake.tags(group.name): _fields(lake, lineage, "tag", group.tags)
            for group in groups().values()
        }
        return Flow(written)
    names = {
        "segments": ("segment", lake.home / "segments"),
        "score": ("model", _scores(lake)),
        "triggers": ("touchpoint", triggers_path(lake, date.min).parent),
    }
    kind, path = names[job]
    things = [node.name for node in lineage.labels if node.kind == kind]
    return Flow({path: _fields(lake, lineage, kind, things)})


def run_event(
    state: State, at: datetime, run_id: str, job: str, flow: Flow, nominal: datetime | None = None
) -> Document:
    """Write the event of a run that starts or ends.

    Parameters
    ----------
    state : {"START", "COMPLETE", "FAIL"}
        What happened to the run; the columns are told when it is complete.
    at : datetime
        When it happened, with a time zone.
    run_id : str
        UUID of the run.
    job : str
        One of `JOBS`.
    flow : Flow
        What the job reads and writes.
    nominal : datetime, optional
        The instant as of which the run computes: the end of its date.
    """
    facets: Document = {}
    if nominal is not None:
        facet = {"nominalStartTime": nominal.isoformat()}
        facets["nominalTime"] = _facet("1-0-1", "NominalTimeRunFacet", facet)
    return {
        "eventType": state,
        **_event("RunEvent", at, job, flow, with_columns=state == "COMPLETE"),
        "run": {"runId": run_id, "facets": facets},
    }


def job_event(at: datetime, job: str, flow: Flow) -> Document:
    """Write the event that tells a job's lineage as declared, without a run.

    Parameters
    ----------
    at : datetime
        When it was read from the declarations, with a time zone.
    job : str
        One of `JOBS`.
    flow : Flow
        What the job reads and writes.
    """
    return _event("JobEvent", at, job, flow, with_columns=True)


def _event(kind: str, at: datetime, job: str, flow: Flow, *, with_columns: bool) -> Document:
    outputs = [
        _dataset(path)
        | ({"facets": _columns_facet(fields) | _schema_facet(fields)} if with_columns else {})
        for path, fields in flow.fields.items()
    ]
    return {
        "eventTime": at.isoformat(),
        "producer": _producer(),
        "schemaURL": f"{SPECIFICATION}/{kind}",
        "job": {"namespace": NAMESPACE, "name": job},
        "inputs": [_dataset(path) for path in flow.inputs],
        "outputs": outputs,
    }


def _columns_facet(fields: Mapping[str, list[Field]]) -> Document:
    lineage = {
        name: {
            "inputFields": [{**_dataset(path), "field": column} for path, column in sorted(read)]
        }
        for name, read in fields.items()
        if read
    }
    facet = {"fields": lineage}
    return {"columnLineage": _facet("1-2-0", "ColumnLineageDatasetFacet", facet)}


def _schema_facet(names: Iterable[str]) -> Document:
    """Describe the columns that are tags: what each is, in Chinese and in English."""
    tags = catalogue()
    fields = [
        {
            "name": name,
            "type": tags[name].type,
            "description": f"{tags[name].label}：{phrases_of(tags[name], CHINESE).definition}"
            f" {tags[name].definition}",
        }
        for name in names
        if name in tags
    ]
    return {"schema": _facet("1-2-0", "SchemaDatasetFacet", {"fields": fields})} if fields else {}


def _facet(version: str, name: str, content: Document) -> Document:
    schema = f"{FACETS}/{version}/{name}.json#/$defs/{name}"
    return {"_producer": _producer(), "_schemaURL": schema, **content}


def _dataset(path: Path) -> dict[str, str]:
    return {"namespace": FILES, "name": path.as_posix()}


def _producer() -> str:
    return f"urn:guanjia:{importlib.metadata.version('guanjia')}"


def _checked(lake: Lake, table: str) -> dict[str, list[Field]]:
    """Trace the columns of a checked table: the raw ones, and merges where rows follow them."""
    raw = lake.raw(table)
    merges = [(lake.raw(name), column) for name, column in MERGE_COLUMNS]
    following = ("customer_id", "recorded_at") if table != MERGES else ()
    return {
        column: [(raw, column), *(merges if column in following else [])]
        for column in CONTRACTS[table].columns
    }


def _fields(
    lake: Lake, lineage: Lineage, kind: str, names: Iterable[str]
) -> dict[str, list[Field]]:
    """Trace things of one kind to the datasets that hold what they are computed from."""
    return {
        name: [
            _field(lake, source)
            for source in lineage.sources_of(Node(kind, name))
            if not source.name.startswith(f"{MERGES}.")
        ]
        for name in names
    }


def _field(lake: Lake, source: Node) -> Field:
    if source.kind == "column":
        table, column = source.name.split(".")
        return lake.checked(table), column
    if source.kind == "tag":
        return lake.tags(catalogue()[source.name].group), source.name
    return _scores(lake), source.name


def _scores(lake: Lake) -> Path:
    return scores_path(lake, date.min).parent
