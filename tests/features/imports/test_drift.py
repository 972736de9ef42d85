"""A delivery that is not as those before: what it is, what answers it, and what is written."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.imports.deliveries.drift import Drift
from features.imports.deliveries.drift_record import read_drift
from features.imports.deliveries.page import publish_drift_page
from features.imports.run import Delivery, check_delivery, run
from features.lake import Lake

Rows = Callable[[str], list[dict[str, Any]]]
MAPPING = """\
folder = "days"

[sources."客户"]
files = ["客户*.csv"]
kind = "text"
columns = ["客户号", "手机", "建档时间"]

[sources."保单"]
files = ["保单*.csv"]
kind = "text"
columns = ["保单号", "客户号", "险种", "签单时间", "起期", "止期", "保费"]

[[tables]]
name = "customers"
source = "客户"
[tables.columns]
customer_id = {from = "客户号"}
phone = {from = "手机"}
registered_at = {from = "建档时间"}

[[tables]]
name = "policies"
source = "保单"
drift = "ask"
[tables.columns]
policy_id = {from = "保单号"}
customer_id = {from = "客户号"}
line = {from = "险种", codes = {"家财" = "household", "意外" = "accident"}}
signed_at = {from = "签单时间"}
inception = {from = "起期", confidence = "sure"}
expiry = {from = "止期", confidence = "sure"}
written_premium = {from = "保费"}
"""
CUSTOMERS = "客户号,手机,建档时间\n" + "".join(
    f"C{n},1380000000{n},2024-01-05 10:00:00\n" for n in range(4)
)
HEAD = "保单号,客户号,险种,签单时间,起期,止期,保费\n"
ROWS = "".join(
    f"P{n},C{n},家财,2026-05-0{n + 1} 09:00:00,2026-05-2{n},2027-05-2{n},{3000 + n}.00\n"
    for n in range(4)
)


def day(number: int) -> datetime:
    """The end of a day of June 2026 in China."""
    return datetime(2026, 6, number, 15, 59, 59, tzinfo=UTC)


@pytest.fixture
def mapping(tmp_path: Path, lake: Lake) -> Path:
    """A mapping, after a first delivery of four policies."""
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING, "utf-8")
    (tmp_path / "days").mkdir()
    put(path, HEAD + ROWS)
    assert run(lake, path, day(1)).written
    return path


def put(mapping: Path, policies: str, encoding: str = "utf-8") -> None:
    (mapping.parent / "days" / "客户.csv").write_text(CUSTOMERS, "utf-8")
    (mapping.parent / "days" / "保单.csv").write_text(policies, encoding)


def say(mapping: Path, before: str, after: str) -> None:
    text = mapping.read_text("utf-8")
    assert before in text
    mapping.write_text(text.replace(before, after), "utf-8")


def answer(mapping: Path, drift: Drift) -> None:
    """Write the line of a drift where it says."""
    if drift.section.startswith("[sources"):
        section = (
            drift.section.replace("保单", '"保单"') if '"' not in drift.section else drift.section
        )
        say(mapping, section + "\n", f"{section}\n{drift.line}\n")
    elif drift.section.startswith("[[tables]]"):
        say(mapping, 'name = "policies"\n', f'name = "policies"\n{drift.line}\n')
    elif ".codes]" in drift.section:
        say(mapping, '"意外" = "accident"', f'"意外" = "accident", {drift.line}')
    else:
        name = drift.line.partition(" ")[0]
        (old,) = [row for row in mapping.read_text("utf-8").splitlines() if row.startswith(name)]
        say(mapping, old, drift.line)


def asked(lake: Lake, mapping: Path, kind: str) -> Drift:
    """Run a delivery that stops for one drift; nothing is written, and a trial says the same."""
    before = {path: path.read_bytes() for path in (lake.home / "raw").rglob("*") if path.is_file()}
    tried = check_delivery(lake, mapping, day(2))
    delivery = run(lake, mapping, day(2))
    after = {path: path.read_bytes() for path in (lake.home / "raw").rglob("*") if path.is_file()}
    assert after == before
    assert delivery.verdict.stopped
    assert delivery.drifts == tried.drifts
    (drift,) = delivery.drifts
    assert drift.kind == kind
    assert drift.tables == ("policies",)
    return drift


def answered(lake: Lake, mapping: Path, kind: str) -> Delivery:
    """Answer the one drift of a delivery with its own line: then it is taken."""
    answer(mapping, asked(lake, mapping, kind))
    delivery = run(lake, mapping, day(2))
    assert delivery.drifts == []
    assert not delivery.refused
    return delivery


def policies(delivery: Delivery) -> dict[str, int]:
    (added,) = [versions for versions in delivery.versions if versions.table == "policies"]
    names = ("new", "changed", "unchanged", "vanished")
    return {name: getattr(added, name) for name in names if getattr(added, name)}


def with_column(text: str, heading: str, cell: str) -> str:
    first, *rest = text.splitlines()
    return "\n".join([f"{first},{heading}", *(f"{row},{cell}" for row in rest)]) + "\n"


def test_columns_in_another_order_are_read_by_their_headings(mapping: Path, lake: Lake) -> None:
    swapped = [row.split(",") for row in (HEAD + ROWS).splitlines()]
    put(mapping, "".join(",".join(reversed(cells)) + "\n" for cells in swapped))
    delivery = run(lake, mapping, day(2))
    assert delivery.drifts == []
    assert policies(delivery) == {"unchanged": 4}


def test_a_title_above_the_headings_is_no_drift(mapping: Path, lake: Lake) -> None:
    put(mapping, "保单清单,,,,,,\n" + HEAD + ROWS)
    delivery = run(lake, mapping, day(2))
    assert (delivery.drifts, policies(delivery)) == ([], {"unchanged": 4})


def test_a_new_column(mapping: Path, lake: Lake) -> None:
    put(mapping, with_column(HEAD + ROWS, "备注", "无"))
    assert policies(answered(lake, mapping, "new_column")) == {"unchanged": 4}
    assert 'new_columns = ["备注"]' in mapping.read_text("utf-8")


def test_a_missing_column(mapping: Path, lake: Lake, rows: Rows) -> None:
    put(mapping, "".join(row.rpartition(",")[0] + "\n" for row in (HEAD + ROWS).splitlines()))
    assert policies(answered(lake, mapping, "absent_column")) == {"changed": 4}
    assert 'absent = ["保费"]' in mapping.read_text("utf-8")
    assert {row["written_premium"] for row in rows("policies")[1::2]} == {None}


def test_a_renamed_column_is_proposed_by_heading_and_values(mapping: Path, lake: Lake) -> None:
    put(mapping, HEAD.replace("保单号", "保险单编号") + ROWS)
    assert policies(answered(lake, mapping, "renamed_column")) == {"unchanged": 4}
    assert 'renamed = {"保险单编号" = "保单号"}' in mapping.read_text("utf-8")


def test_a_column_of_other_values_is_not_taken_for_a_renamed_one(mapping: Path, lake: Lake) -> None:
    first, *rest = (HEAD + ROWS).splitlines()
    renamed = [first.replace("保费", "备注"), *(row.rpartition(",")[0] + ",无" for row in rest)]
    put(mapping, "\n".join(renamed) + "\n")
    delivery = run(lake, mapping, day(2))
    assert {drift.kind for drift in delivery.drifts} == {"absent_column", "new_column"}


def test_a_code_never_seen(mapping: Path, lake: Lake, rows: Rows) -> None:
    put(mapping, HEAD + ROWS + "P9,C1,健康险,2026-06-01 09:00:00,2026-06-02,2027-06-02,90\n")
    drift = asked(lake, mapping, "new_code")
    assert (drift.before, drift.now) == ("policies.line", "健康险 (1 rows)")
    assert drift.line == '"健康险" = "health"'
    answer(mapping, drift)
    assert policies(run(lake, mapping, day(2))) == {"new": 1, "unchanged": 4}
    assert rows("policies")[-1]["line"] == "household"


def test_half_the_rows(mapping: Path, lake: Lake) -> None:
    put(mapping, HEAD + "".join(ROWS.splitlines(keepends=True)[:1]))
    assert policies(answered(lake, mapping, "fewer_rows")) == {"unchanged": 1, "vanished": 3}
    assert "least_rows = 0.25" in mapping.read_text("utf-8")


def test_nothing_ends_by_a_dump_of_far_fewer_rows(mapping: Path, lake: Lake) -> None:
    say(mapping, 'drift = "ask"', 'drift = "take"\nvanished = "end"')
    put(mapping, HEAD + "".join(ROWS.splitlines(keepends=True)[:1]))
    assert policies(run(lake, mapping, day(2))) == {"unchanged": 1, "vanished": 3}
    assert not run(lake, mapping, day(3)).written
    say(mapping, 'vanished = "end"', 'vanished = "end"\nleast_rows = 0.2')
    delivery = run(lake, mapping, day(4))
    assert [versions.ended for versions in delivery.versions] == [0, 3]


def test_another_form_of_days(mapping: Path, lake: Lake) -> None:
    turned = ROWS
    for n in range(4):
        turned = turned.replace(f",2026-05-2{n},", f",2{n}/05/2026,")
    put(mapping, HEAD + turned)
    assert policies(answered(lake, mapping, "unread")) == {"unchanged": 4}
    assert 'inception = {from = "起期", order = "dmy", confidence = "sure"}' in mapping.read_text(
        "utf-8"
    )


def test_another_encoding(mapping: Path, lake: Lake) -> None:
    put(mapping, HEAD + ROWS, "gb18030")
    assert policies(answered(lake, mapping, "encoding")) == {"unchanged": 4}
    put(mapping, HEAD + ROWS + "\n")
    drift = asked(lake, mapping, "encoding")
    assert (drift.before, drift.now) == ("'gb18030'", "'utf-8'")


def test_another_delimiter(mapping: Path, lake: Lake) -> None:
    put(mapping, (HEAD + ROWS).replace(",", ";"))
    assert policies(answered(lake, mapping, "delimiter")) == {"unchanged": 4}


def test_a_byte_order_mark_is_no_drift(mapping: Path, lake: Lake) -> None:
    put(mapping, HEAD + ROWS, "utf-8-sig")
    delivery = run(lake, mapping, day(2))
    assert (delivery.drifts, policies(delivery)) == ([], {"unchanged": 4})


def test_another_table_under_the_name_of_this_one(mapping: Path, lake: Lake) -> None:
    put(mapping, CUSTOMERS)
    drift = asked(lake, mapping, "layout")
    assert (drift.now, drift.line) == ("客户号, 手机, 建档时间", "")


def test_no_file_of_a_dump(mapping: Path, lake: Lake) -> None:
    (mapping.parent / "days" / "保单.csv").unlink()
    asked(lake, mapping, "no_file")
    say(mapping, 'drift = "ask"', 'drift = "take"')
    delivery = run(lake, mapping, day(2))
    assert not delivery.refused
    assert [versions.table for versions in delivery.versions] == ["customers"]


def test_a_frozen_table_stays_while_others_go_on(mapping: Path, lake: Lake, rows: Rows) -> None:
    say(mapping, 'drift = "ask"', 'drift = "freeze"')
    put(mapping, with_column(HEAD + ROWS.replace("3000", "9000"), "备注", "无"))
    path = mapping.parent / "days" / "客户.csv"
    path.write_text(CUSTOMERS.replace("13800000001", "13800000009"), "utf-8")
    before = (lake.raw("policies") / "part-0.parquet").read_bytes()
    delivery = run(lake, mapping, day(2))
    assert (delivery.written, delivery.refused) == (True, True)
    assert delivery.verdict.frozen == ("policies",)
    assert (lake.raw("policies") / "part-0.parquet").read_bytes() == before
    assert rows("customers")[2]["phone"] == "13800000009"
    # The file was not taken: with the answer it is.
    say(mapping, 'drift = "freeze"', 'drift = "take"')
    assert policies(run(lake, mapping, day(2))) == {"changed": 1, "unchanged": 3}


def test_what_can_be_taken_is_taken(mapping: Path, lake: Lake) -> None:
    say(mapping, 'drift = "ask"', 'drift = "take"')
    put(mapping, HEAD + ROWS + "P9,C1,宠物,2026-06-01 09:00:00,2026-06-02,2027-06-02,90\n")
    delivery = run(lake, mapping, day(2))
    assert not delivery.refused
    assert [(drift.kind, drift.effect) for drift in delivery.drifts] == [
        ("new_code", "the row waits")
    ]
    (table,) = [table for table in delivery.tables if table.table == "policies"]
    assert (table.good, table.waiting) == (4, 1)


def test_the_page_says_what_to_write_and_goes_when_all_is_well(mapping: Path, lake: Lake) -> None:
    fewer = HEAD + "".join(ROWS.splitlines(keepends=True)[:1])
    put(mapping, with_column(fewer, "备注<b>", "无"))
    page = publish_drift_page(run(lake, mapping, day(2)), mapping)
    assert page is not None
    text = page.read_text("utf-8")
    assert "多了一列" in text
    assert "new_columns = [&#34;备注&lt;b&gt;&#34;]" in text
    assert "保单年度：等待确认" in text
    assert ">4 行</td>" in text
    assert ">1 行</td>" in text
    assert ">无</td>" in text
    assert ">备注&lt;b&gt;</td>" in text
    put(mapping, HEAD + ROWS)
    assert publish_drift_page(run(lake, mapping, day(2)), mapping) is None
    assert not page.exists()


def test_drift_is_kept_once_for_whoever_did_not_see_the_run(mapping: Path, lake: Lake) -> None:
    assert read_drift(lake) == []
    put(mapping, (HEAD + ROWS).replace("2026-05-2", "二十"))
    for _ in range(2):
        assert run(lake, mapping, day(2)).verdict.stopped
    (record,) = read_drift(lake)
    assert (record.delivered, record.stopped, record.frozen) == (day(2), True, ())
    kinds = {drift["kind"]: drift["now"] for drift in record.drifts}
    assert kinds == {"unread": ""}, "cells that cannot be read may name a person"


def test_an_answer_that_names_no_heading_is_refused(mapping: Path, lake: Lake) -> None:
    say(mapping, '[sources."保单"]\n', '[sources."保单"]\nabsent = ["保险费"]\n')
    with pytest.raises(GuanjiaError, match="heading 保险费: is none"):
        run(lake, mapping, day(2))
