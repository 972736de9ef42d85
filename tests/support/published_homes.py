"""Tiny homes with everything of a day, written literally, and what a reader sees of them."""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import CONTRACTS
from features.lake import Lake, published_lake, sha256_of
from features.online.contact_details import read_details
from features.online.reader import read_tags
from features.settings import Settings, cutoff
from features.snapshots.group_files import tag_schema
from features.snapshots.snapshots import read_snapshot
from features.tags.catalogue import groups
from serving.predictions.scores_file import scores_path, scores_schema
from serving.touchpoints.triggers import triggers_path

CUSTOMERS = ("Chen1", "Chen2", "Chen3", "Chen4")
EARLY = datetime(2019, 1, 1, tzinfo=UTC)
FIRST, SECOND = date(2026, 6, 29), date(2026, 6, 30)
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
"""Noon of the day after both, in the insurer's zone."""


def write_day(home: Path, day: date, star: int, customers: tuple[str, ...] = CUSTOMERS) -> None:
    """Write the working area of a day in which every customer has this star, and his manager has
    it as telephone number."""
    put(home, "customers", [
        {"customer_id": name, "registered_at": EARLY, "account_manager_phone": str(star)}
        for name in customers
    ])  # fmt: skip
    put(home, "policies", [{"policy_id": f"P {name}", "customer_id": name} for name in customers])
    identity = write_snapshot(home, day, star, customers)
    tables = {"customers": len(customers), "policies": len(customers)}
    write_json(home / "check.json", {
        "files": [],
        "tables": {name: {"good": rows, "quarantined": 0} for name, rows in tables.items()},
    })  # fmt: skip
    write_json(home / "quality" / f"as_of={day}.json", {"snapshot_id": identity, "findings": []})
    lake = Lake(Settings(home=home))
    rows = [
        {"customer_id": name, "as_of": day, "star_level": star, "snapshot_id": identity}
        for name in customers
    ]
    write(pa.Table.from_pylist(rows, schema=scores_schema()), scores_path(lake, day))
    due = pa.table({"customer_id": list(customers), "snapshot_id": [identity] * len(customers)})
    write(due, triggers_path(lake, day))
    members = pa.table({"customer_id": list(customers)})
    members = members.replace_schema_metadata({"snapshot_id": identity})
    write(members, home / "segments" / f"as_of={day}.parquet")


def put(home: Path, table: str, rows: list[dict[str, Any]]) -> None:
    """Write a checked table; what a row leaves out is null, or known since 2019."""
    contract = CONTRACTS[table]
    instant = 'timestamp("UTC", 6)'
    civil = {
        **dict.fromkeys(contract.civil_days, "date"),
        **dict.fromkeys(contract.civil_hours, "int64"),
    }
    schema = ibis.schema({**contract.columns, **civil, "superseded_at": instant}).to_pyarrow()
    blank: dict[str, Any] = {**dict.fromkeys(schema.names), "recorded_at": EARLY}
    full = [{name: {**blank, **row}[name] for name in schema.names} for row in rows]
    write(pa.Table.from_pylist(full, schema=schema), home / "checked" / f"{table}.parquet")


def write_snapshot(home: Path, day: date, star: int, customers: tuple[str, ...]) -> str:
    """Write a snapshot in which every customer has a star; return its id."""
    files = {}
    for group in groups():
        schema = tag_schema(group)
        end = cutoff(day, "Asia/Shanghai")
        given = {"as_of": day, "star_level": star, "event_timestamp": end, "created_timestamp": end}
        rows = [
            {name: {**given, "customer_id": customer}.get(name) for name in schema.names}
            for customer in customers
        ]
        path = home / "tags" / group / f"as_of={day}.parquet"
        write(pa.Table.from_pylist(rows, schema=schema), path)
        files[group] = {"path": path.relative_to(home).as_posix(), "sha256": sha256_of(path)}
    content = json.dumps({"as_of": str(day), "files": files}, sort_keys=True)
    identity = hashlib.sha256(content.encode()).hexdigest()[:16]
    manifest = {"as_of": str(day), "snapshot_id": identity, "customers": len(customers)}
    write_json(home / "snapshots" / f"{day}.json", {**manifest, "files": files})
    return identity


def write(table: pa.Table, path: Path) -> None:
    """Replace a Parquet file as a whole, as every file of a home is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def write_json(path: Path, content: Any) -> None:
    """Replace a JSON file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(json.dumps(content), "utf-8")
    path.with_suffix(".new").replace(path)


def seen(settings: Settings, customers: tuple[str, ...] = CUSTOMERS) -> dict[str, Any]:
    """What a reader of the published day sees: every part tells by its content which day it is."""
    lake = published_lake(settings)
    assert lake.day is not None
    day = lake.day.as_of
    snapshot = read_snapshot(lake, day, verify=True)
    ids = {
        "snapshot": snapshot.snapshot_id,
        "scores": _ids(scores_path(lake, day)),
        "triggers": _ids(triggers_path(lake, day)),
        "segments": pq.read_schema(lake.data / "segments" / f"as_of={day}.parquet")
        .metadata[b"snapshot_id"]
        .decode(),
    }
    quality = json.loads((lake.data / "quality" / f"as_of={day}.json").read_text("utf-8"))
    numbers = pq.read_table(lake.checked("customers"))["account_manager_phone"].to_pylist()
    details = read_details(lake, list(customers))
    rows = read_tags(lake, customers, ["star_level"])
    return {
        "as_of": day,
        "ids": {*ids.values(), quality["snapshot_id"], lake.day.snapshot_id},
        "checked": set(numbers),
        "online": {(row["as_of"], row["star_level"]) for row in rows},
        "details": {details[name]["account_manager_phone"] for name in customers},
    }


def _ids(path: Path) -> str:
    (identity,) = set(pq.read_table(path)["snapshot_id"].to_pylist())
    return str(identity)
