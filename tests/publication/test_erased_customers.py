"""Whoever is erased is in no publication and in no slot, and nobody notices otherwise."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from published_homes import CUSTOMERS, FIRST, NOON, SECOND, seen, write_day

from features.lake import Lake
from features.lake.pointer import MANIFEST, kept_days, read_manifest
from features.online import feast_client
from features.online.reader import read_tags
from features.settings import Settings
from features.snapshots.snapshots import read_snapshot
from guanjia.jobs.publication.findings import Acceptance
from guanjia.jobs.publication.publish import publish_day, withdraw_day
from serving.records.database import Records
from serving.records.people.erase_everywhere import begin_erasure, finish_erasure


@pytest.fixture
def lake(home: Path, store: str) -> Any:
    """Two days published."""
    lake = Lake(Settings(home=home, online=store, threads=1))
    for day, star in ((FIRST, 3), (SECOND, 4)):
        write_day(home, day, star=star)
        publish_day(lake, day, NOON)
    yield lake
    feast_client.forget(lake)


def test_an_erasure_reaches_every_publication_and_both_slots(lake: Lake) -> None:
    records = Records(lake.settings)
    records.migrate()
    begin_erasure(lake, records, "Chen2", "Li", NOON)
    days = kept_days(lake.home)
    assert [day.as_of for day in days] == [FIRST, SECOND]
    for day in days:
        rows = read_tags(Lake(lake.settings, day), CUSTOMERS, ["star_level"])
        assert [row["known"] for row in rows] == [True, False, True, True]
    finish_erasure(lake, records, NOON)
    records.close()
    files = sorted((lake.home / "published").rglob("*.parquet"))
    assert len(files) > 20
    for path in files:
        assert b"Chen2" not in path.read_bytes(), path
    for day in days:
        own = Lake(lake.settings, day)
        assert read_snapshot(own, day.as_of, verify=True).customers == 3
        for name, entry in read_manifest(own.data)[1].items():
            content = (own.data / name).read_bytes()
            assert entry["sha256"] == hashlib.sha256(content).hexdigest(), name
        assert (own.data / MANIFEST).exists()
    # For everybody else nothing has changed, and there is nothing new to publish.
    others = ("Chen1", "Chen3", "Chen4")
    assert seen(lake.settings, others)["online"] == {(SECOND, 4)}
    assert publish_day(lake, SECOND, NOON).outcome == "unchanged"
    withdraw_day(lake, Acceptance("Li", "why"), NOON)
    assert seen(lake.settings, others)["online"] == {(FIRST, 3)}
    (row,) = read_tags(Lake(lake.settings), ["Chen2"], ["star_level"])
    assert not row["known"]
