"""The disk under a running service is full, then fails: what goes on, and what is refused."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from small_disks import FailingDisk, failing_disk

from features.lake import Lake

pytestmark = pytest.mark.slow
MEGABYTES = 300
PREDICTIONS = 20


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FailingDisk]:
    with failing_disk(tmp_path_factory.mktemp("small-disk"), MEGABYTES) as disk:
        yield disk


@pytest.fixture(scope="module")
def service(
    disk: FailingDisk,
    asked_at_noon: Callable[..., AbstractContextManager[Any]],
    contactable: Callable[[Path], Lake],
) -> Iterator[tuple[Any, ExitStack]]:
    """Who asks a service over a home on the disk, and what ends the service."""
    home = contactable(disk.folder / "home").home
    rates = {"GUANJIA_RATE_PER_SECOND": "100000", "GUANJIA_RATE_BURST": "100000"}
    with ExitStack() as stack:
        yield stack.enter_context(asked_at_noon(home, **rates)), stack


@pytest.fixture
def asker(service: tuple[Any, ExitStack]) -> Any:
    return service[0]


def withdraw(asker: Any, customer: str) -> Any:
    return asker.post(
        f"/v1/customers/{customer}/consents",
        {
            "client_key": f"withdrawal of {customer}",
            "purpose": "marketing",
            "granted": False,
            "changed_at": "2026-07-01T10:00:00+08:00",
        },
    )


def counted(asker: Any, query: str) -> int:
    with contextlib.closing(sqlite3.connect(asker.lake.home / "records.db")) as connection:
        (number,) = connection.execute(query).fetchone()
    return int(number)


def test_while_the_disk_is_full_predictions_go_on_and_nobody_is_contacted(
    asker: Any, disk: FailingDisk, soon: Any
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
        withdrawn = withdraw(asker, next(customers))
    assert [one.status for one in predicted] == [200] * PREDICTIONS
    assert {one.body["degraded"] for one in predicted} == {False}
    assert {one.status for one in refused} == {503}
    assert "disk is not full" in refused[0].body["faults"][0]["cure"]
    assert withdrawn.status == 503, withdrawn.body
    # As soon as there is room: decisions are made again, and every access is on record.
    soon(lambda: asker.decide(next(customers)).status == 200)
    soon(lambda: counted(asker, accesses) == 1 + PREDICTIONS)
    assert counted(asker, "SELECT count(*) FROM contacts") <= contacts + 2


def test_on_a_disk_that_fails_nothing_is_done_that_cannot_be_recorded(
    service: tuple[Any, ExitStack], disk: FailingDisk
) -> None:
    asker, running = service
    customers = reversed(asker.renewing)
    decided = [asker.decide(next(customers)) for _ in range(3)]
    refusal = withdraw(asker, next(customers))
    assert {one.status for one in (*decided, refusal)} == {200}
    disk.fail()
    predicted = [asker.predict(next(customers)) for _ in range(PREDICTIONS)]
    refused = [asker.decide(next(customers)) for _ in range(5)]
    withdrawn = withdraw(asker, next(customers))
    assert {one.status for one in (*predicted, *refused, withdrawn)} == {503}
    assert "no personal data is given out" in predicted[0].faults
    assert "disk is not full, the home can be written" in refused[0].body["faults"][0]["cure"]
    assert asker.client.get("/livez").status_code == 200
    assert asker.client.get("/v1/touchpoints").status_code == 200, "it names no customer"
    running.close()
    disk.mend()
    # The withdrawal waited for the disk, and so is there with all that was written before it.
    ids = ", ".join(repr(one.body["decision_id"]) for one in decided)
    assert counted(asker, f"SELECT count(*) FROM decisions WHERE decision_id IN ({ids})") == 3
    assert counted(asker, "SELECT count(*) FROM consent_changes") == 1
