"""Reads, exports and prices of capacity; the labels of every column."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from serving.records.contacts.capacity import CapacityPrice, prices_on, set_prices
from serving.records.database import Records
from serving.records.people.audit import (
    PastExport,
    access_row,
    exports_naming,
    insert_accesses,
    note_export,
)
from serving.records.tables import METADATA, exports, reads

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
MONDAY, TUESDAY = date(2026, 6, 1), date(2026, 6, 2)


def test_every_table_and_column_has_a_chinese_label() -> None:
    labelled = [*METADATA.sorted_tables, *(c for t in METADATA.sorted_tables for c in t.c)]
    assert all("一" <= one.info["label"][0] <= "鿿" for one in labelled)
    for table in METADATA.sorted_tables:
        labels = [column.info["label"] for column in table.c]
        assert len(set(labels)) == len(labels), table.name


def test_one_row_a_request_says_who_read_whom(records: Records, rows: Any) -> None:
    with records.writing() as connection:
        row = access_row("mini-program", "/predict", ["C1", "张"], NOW, "renewal")
        insert_accesses(connection, [row])
        insert_accesses(connection, [row])  # copied again after a kill, it changes nothing
    assert rows(reads) == [
        {
            "read_id": row["read_id"],
            "subject": "mini-program",
            "endpoint": "/predict",
            "purpose": "renewal",
            "at": NOW,
            "customers": 2,
            "customer_ids": ["C1", "张"],
        }
    ]


def test_an_export_says_what_left(records: Records, rows: Any) -> None:
    with records.writing() as connection:
        number = note_export(
            connection, "ann", "renewal_save", ["姓名", "手机号"], ["C1"], NOW, "campaign"
        )
    (row,) = rows(exports)
    assert row == {
        "export_id": number,
        "subject": "ann",
        "name": "renewal_save",
        "purpose": "campaign",
        "at": NOW,
        "rows": 1,
        "columns": ["姓名", "手机号"],
        "customer_ids": ["C1"],
    }


def test_exports_are_listed_for_whom_they_name(records: Records) -> None:
    with records.writing() as connection:
        for number, (name, customers) in enumerate(
            {"a": ["C1", "C12"], "b": ["C12"], "c": ["C1"], "d": ["C%"]}.items()
        ):
            note_export(connection, "ann", name, ["姓名"], customers, NOW + number * HOUR, "calls")
    with records.reading() as connection:
        named = {
            customer: [export.name for export in exports_naming(connection, customer, 2)]
            for customer in ("C1", "C12", "C%", "C", "C2")
        }
        (first,) = exports_naming(connection, "C1", 1)
    assert named == {"C1": ["c", "a"], "C12": ["b", "a"], "C%": ["d"], "C": [], "C2": []}
    assert first == PastExport("ann", "c", "calls", NOW + 2 * HOUR, 1)


def test_the_latest_prices_hold_until_there_are_later_ones(records: Records) -> None:
    old, new = CapacityPrice("B1", "phone", 40, 3.5), CapacityPrice("B1", "phone", 40, 4.25)
    with records.writing() as connection:
        set_prices(connection, MONDAY, [old, CapacityPrice("B2", "phone", 10, 0)], NOW)
        assert len(prices_on(connection, TUESDAY)) == 2
        assert prices_on(connection, date(2026, 5, 31)) == []
        set_prices(connection, TUESDAY, [old], NOW)
        set_prices(connection, TUESDAY, [new], NOW + HOUR)
        assert prices_on(connection, TUESDAY) == [new]
        assert old in prices_on(connection, MONDAY)
        set_prices(connection, TUESDAY, [], NOW + HOUR)
        assert len(prices_on(connection, TUESDAY)) == 2
