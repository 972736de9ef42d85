"""The disk under a running service is full: predictions go on, and nobody is contacted."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from small_disks import SmallDisk, small_disk

from features.lake import Lake

pytestmark = pytest.mark.slow
MEGABYTES = 300
PREDICTIONS = 20


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    with small_disk(tmp_path_factory.mktemp("small-disk"), MEGABYTES) as disk:
        yield disk


@pytest.fixture(scope="module")
def asker(
    disk: SmallDisk,
    asked_at_noon: Callable[..., AbstractContextManager[Any]],
    contactable: Callable[[Path], Lake],
) -> Iterator[Any]:
    home = contactable(disk.folder / "home").home
    rates = {"GUANJIA_RATE_PER_SECOND": "100000", "GUANJIA_RATE_BURST": "100000"}
    with asked_at_noon(home, **rates) as asker:
        yield asker


def counted(asker: Any, query: str) -> int:
    with contextlib.closing(sqlite3.connect(asker.lake.home / "records.db")) as connection:
        (number,) = connection.execute(query).fetchone()
    return int(number)


def test_while_the_disk_is_full_predictions_go_on_and_nobody_is_contacted(
    asker: Any, disk: SmallDisk, soon: Any
) -> None:
    customers = iter(asker.renewing)
    assert asker.decide(next(customers)).status == 200
    contacts = counted(asker, "SELECT count(*) FROM contacts")
    accesses = "SELECT count(*) FROM reads WHERE endpoint = 'POST /predict'"
    assert asker.predict().status == 200
    soon(lambda: counted(asker, accesses) == 1)
    with disk.full():
        predicted = [asker.predict(next(customers)) for _ in range(PREDICTIONS)]
        refused = [asker.decide(next(customers)) for _ in range(5)]
        withdrawn = asker.client.post(
            f"/v1/customers/{next(customers)}/consents",
            json={
                "client_key": "on a full disk",
                "purpose": "marketing",
                "granted": False,
                "changed_at": "2026-07-01T10:00:00+08:00",
            },
        )
    assert [one.status for one in predicted] == [200] * PREDICTIONS
    assert {one.body["degraded"] for one in predicted} == {False}
    assert {one.status for one in refused} == {503}
    assert "disk is not full" in refused[0].body["faults"][0]["cure"]
    assert withdrawn.status_code == 503, withdrawn.text
    # As soon as there is room: decisions are made again, and every access is on record.
    soon(lambda: asker.decide(next(customers)).status == 200)
    soon(lambda: counted(asker, accesses) == 1 + PREDICTIONS)
    assert counted(asker, "SELECT count(*) FROM contacts") <= contacts + 2
