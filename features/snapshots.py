"""A snapshot as it is read: its manifest, its files held against their hashes, its tags as a table.

`features/tagging.py` writes snapshots. Who reads one through here never mixes two runs.
"""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from features.errors import GuanjiaError
from features.lake import Lake, sha256_of
from features.tags.catalogue import catalogue


def read_snapshot(lake: Lake, as_of: date) -> dict[str, Any]:
    """The description of a snapshot: its id, customers and files.

    Raises
    ------
    GuanjiaError
        If tags of that date have not been computed.
    """
    path = lake.home / "snapshots" / f"{as_of.isoformat()}.json"
    if not path.exists():
        cure = f"run `guanjia tags --as-of {as_of}`"
        raise GuanjiaError(f"snapshot of {as_of}", "is not there", cure)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def snapshot_files(
    lake: Lake, snapshot: dict[str, Any], tags: Iterable[str]
) -> dict[str, tuple[Path, list[str]]]:
    """By group: the snapshot's file, held against its hash, and those of the tags that it has.

    Raises
    ------
    GuanjiaError
        If a file is missing, or is not the one the snapshot describes.
    """
    known = catalogue()
    files = snapshot["files"]
    wanted: dict[str, list[str]] = {}
    for name in tags:
        wanted.setdefault(known[name].group, []).append(name)
    absent = [group for group in wanted if group not in files]
    if absent:
        cure = f"run `guanjia tags --as-of {snapshot['as_of']}` again"
        raise GuanjiaError(f"snapshot of {snapshot['as_of']}", f"lacks group {absent[0]}", cure)
    for group in wanted:
        _check_file(lake, snapshot["as_of"], files[group])
    return {group: (lake.home / files[group]["path"], names) for group, names in wanted.items()}


def snapshot_tags(lake: Lake, snapshot: dict[str, Any], tags: Iterable[str]) -> ir.Table:
    """The tags of a snapshot, one row a customer.

    Returns
    -------
    ibis Table (customer_id, one column per tag)
    """
    found: ir.Table | None = None
    # Any group names the customers, where no tag is asked for.
    files = snapshot_files(lake, snapshot, tags) or _first_file(lake, snapshot)
    for path, names in files.values():
        part = lake.engine.read_parquet(str(path)).select("customer_id", *names)
        found = part if found is None else found.inner_join(part, "customer_id")
    return found


def _first_file(lake: Lake, snapshot: dict[str, Any]) -> dict[str, tuple[Path, list[str]]]:
    group, file = next(iter(snapshot["files"].items()))
    _check_file(lake, snapshot["as_of"], file)
    return {group: (lake.home / file["path"], [])}


def _check_file(lake: Lake, as_of: str, file: dict[str, str]) -> None:
    """Refuse a file of other content: a run that was killed leaves new files beside an old one."""
    thing, cure = f"file {file['path']}", f"run `guanjia tags --as-of {as_of}`"
    try:
        found = sha256_of(lake.home / file["path"])
    except FileNotFoundError:
        raise GuanjiaError(thing, f"is missing from the snapshot of {as_of}", cure) from None
    if found != file["sha256"]:
        raise GuanjiaError(thing, f"is not the one the snapshot of {as_of} describes", cure)
