"""Files that desks send back: tolerant in words, strict in meaning, each row once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from campaign_plans import halves, plan_fields
from pydantic import SecretStr

from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from serving.campaigns.outcome_import import OutcomeImport, OutcomeImporter
from serving.campaigns.outcome_words import MEANING
from serving.campaigns.planning import launch_campaign, plan_campaign
from serving.campaigns.store import read_drawn
from serving.records.contacts.outcomes import KINDS
from serving.records.database import Records

PLANNED = datetime(2026, 7, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 7, 10, 4, tzinfo=UTC)
PLAN = plan_fields(arms=halves("phone"))
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("phone", pa.string()),
        ("branch", pa.string()),
        ("recorded_at", pa.timestamp("us", "UTC")),
        ("superseded_at", pa.timestamp("us", "UTC")),
    ]
)


@pytest.fixture
def home_of_twenty(tmp_path: Path, database: str | None) -> Any:
    # Households are drawn by the hash of their phone number: another key is another draw.
    key = SecretStr("the same key for every test of outcomes")
    lake = Lake(Settings(home=tmp_path / "home", database=database, erasure_key=key))
    path = lake.checked("customers")
    path.parent.mkdir(parents=True)
    rows = [
        {"customer_id": f"C{n:02}", "phone": f"1380000{n // 2:04}", "branch": "B1",
         "recorded_at": PLANNED - timedelta(days=90), "superseded_at": None}
        for n in range(20)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)
    records = Records(lake.settings)
    records.migrate()
    members = [{"客户号": row["customer_id"]} for row in rows]
    plan_campaign(
        lake, records, PLAN, members, "test", PLANNED, salt="s", in_holdout=lambda _: False
    )
    launch_campaign(records, "july", "test", PLANNED)
    yield lake, records
    records.close()


@pytest.fixture
def bring(home_of_twenty: Any, tmp_path: Path) -> Callable[..., OutcomeImport]:
    def run(text: str, name: str = "back.csv", encoding: str = "utf-8-sig") -> OutcomeImport:
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return OutcomeImporter(*home_of_twenty, "july").run(path, NOW)

    return run


def count(records: Records, query: str) -> Any:
    with records.reading() as connection:
        return connection.exec_driver_sql(query).fetchall()


FILE = """七月续保外呼名单
客户号,姓名,拨打时间,拨打结果,备注
C00,张,2026/7/3 10:20,已接通,考虑
C01,李,2026年7月3日,无人接听,
C02,王,2026-07-04,退订,
C03,赵,46207,已续保,
C04,钱,,,
"""


def test_a_file_of_a_desk_is_taken(
    bring: Callable[..., OutcomeImport], home_of_twenty: Any
) -> None:
    _, records = home_of_twenty
    done = bring(FILE)
    assert (done.rows, done.new, done.repeated, done.open, done.faults) == (4, 4, 0, 1, [])
    # Three contacts were made; who renewed without a call had none.
    assert done.contacts == 3
    kinds = count(records, "SELECT kind FROM outcomes ORDER BY customer_id")
    assert kinds == [("connected",), ("no_answer",), ("opted_out",), ("renewed",)]
    made = count(records, "SELECT DISTINCT campaign, touchpoint, channel, state FROM contacts")
    assert made == [("july", "renewal_30d", "phone", "sent")]
    assert count(records, "SELECT purpose, granted FROM consent_changes") == [("marketing", 0)]
    with records.reading() as connection:
        arms = {row["customer_id"]: row["arm"] for row in read_drawn(connection, "july")}
    told = [arms[customer] for customer in ("C00", "C01", "C02", "C03")]
    assert done.arms == {arm: told.count(arm) for arm in sorted(set(told))}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_the_same_file_again_changes_nothing(
    bring: Callable[..., OutcomeImport], home_of_twenty: Any, encoding: str
) -> None:
    _, records = home_of_twenty
    bring(FILE, encoding=encoding)
    before = count(records, "SELECT * FROM outcomes"), count(records, "SELECT * FROM contacts")
    again = bring(FILE.replace("考虑", "很忙"), "renamed.csv", encoding)
    assert (again.new, again.repeated, again.contacts) == (0, 4, 0)
    after = count(records, "SELECT * FROM outcomes"), count(records, "SELECT * FROM contacts")
    assert after == before


def test_rows_that_say_nothing_certain_go_to_a_file_with_reasons(
    bring: Callable[..., OutcomeImport],
) -> None:
    done = bring(
        "客户号,结果,时间,触达方式\n"
        "C00,已接同,2026-07-03,电话\n"
        "C99,已接通,2026-07-03,电话\n"
        "C01,已接通,七月三日,电话\n"
        "C02,已接通,2027-07-03,电话\n"
        "C03,已接通,2026-07-03,飞鸽\n"
        ",已接通,2026-07-03,电话\n"
        "C05,已接通,2026-07-03,电话\n"
    )
    assert done.new == 1
    assert [line for line, _ in done.faults] == [2, 3, 4, 5, 6, 7]
    assert "已接通" in done.faults[0][1]
    assert done.rejected is not None
    lines = done.rejected.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "行号,客户号,结果,时间,触达方式,未导入原因"
    assert len(lines) == 7


def test_a_workbook_is_read_with_its_dates(home_of_twenty: Any, tmp_path: Path) -> None:
    path = tmp_path / "back.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, ["客户号", "结果", "时间"])
    sheet.write(1, 0, "C07")
    sheet.write(1, 1, "拒绝")
    sheet.write_datetime(1, 2, datetime(2026, 7, 5), day)  # noqa: DTZ001  (Excel has no zone)
    book.close()
    done = OutcomeImporter(*home_of_twenty, "july").run(path, NOW)
    assert (done.new, done.faults) == (1, [])


def test_a_file_without_a_result_is_refused(bring: Callable[..., OutcomeImport]) -> None:
    with pytest.raises(GuanjiaError, match="has no column for the result"):
        bring("客户号,姓名\nC00,张\n")
    with pytest.raises(GuanjiaError, match="has no column"):
        bring("姓名,结果\n张,已接通\n")


def test_customers_of_one_phone_are_drawn_together(home_of_twenty: Any) -> None:
    _, records = home_of_twenty
    with records.reading() as connection:
        rows = [dict(row) for row in read_drawn(connection, "july")]
    arms: dict[str, set[str]] = {}
    for row in rows:
        assert "1380000" not in row["household"]
        arms.setdefault(row["household"], set()).add(row["arm"])
    assert len(arms) == 10
    assert all(len(each) == 1 for each in arms.values())


def test_every_word_means_a_kind_of_outcome() -> None:
    assert set(MEANING.values()) == set(KINDS)
