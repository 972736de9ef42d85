"""Monday's report on the demo: its parts agree with each other, with lists and with training."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import python_calamine

from features.lake import Lake
from features.lake.published_lake import published_lake
from features.settings import Settings
from serving.reports.expected import EXPECTED, completion_curve, expected_table
from serving.reports.monday import MondayReport, report_monday
from serving.reports.months import month_of
from serving.reports.output.chat_text import LONGEST_MESSAGE
from serving.reports.output.files import ReportText, write_file
from serving.reports.output.monday_sections import monday_sections
from serving.reports.settings import ReportSettings
from serving.reports.standing import compare_with_expected
from serving.reports.terms import terms_table

Demo = tuple[Path, dict[str, Any]]
MIDDLE = date(2026, 6, 15)
NOW = datetime(2026, 7, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(demo: Demo) -> Lake:
    return published_lake(Settings(home=demo[0], threads=1, token_key=None))


@pytest.fixture(scope="module")
def report(lake: Lake) -> MondayReport:
    """The report of the middle of June: half of the month is open."""
    return report_monday(lake, MIDDLE, at=NOW)


def test_offices_add_up_to_the_total_and_the_gap(report: MondayReport) -> None:
    funnel = report.funnel
    total = funnel.total
    assert total.due > total.expired > 10
    for name in ("due", "expired", "open"):
        assert sum(getattr(row, name) for row in funnel.offices) == getattr(total, name)
    assert sum(row.renewed.yes for row in funnel.offices) == total.renewed.yes
    lost = sum(line.lost for line in funnel.gap_lines)
    assert lost == sum(total.lost.values()) == total.expired - total.renewed.yes
    assert sum(line.impact for line in funnel.gap_lines) == pytest.approx(funnel.gap, abs=5.1e-5)


def test_expectation_is_that_of_the_champion_as_of_the_entry(report: MondayReport) -> None:
    compared = report.comparisons
    assert compared is not None
    sources = report.expectations.sources
    assert sum(sources.values()) + report.expectations.missing == report.funnel.total.expired
    assert compared.terms == sum(sources.values())
    # The champion knows outcomes up to the end of June: of terms ripe by then, none of June.
    assert report.expectations.learned == 0
    differences = [row.difference for row in compared.offices.values()]
    assert sum(differences) == pytest.approx(0, abs=0.3)


def test_the_forecast_lies_between_what_is_renewed_and_what_is_due(report: MondayReport) -> None:
    end = report.forecast
    assert end is not None
    assert end.renewed <= end.low < end.forecast < end.high <= end.due - end.unknown
    assert end.months >= 2


def test_a_replay_is_the_score_of_the_date(lake: Lake, demo: Demo) -> None:
    as_of = date.fromisoformat(demo[1]["as_of"])
    path = lake.data / "scores" / f"as_of={as_of}.parquet"
    scores = {row["customer_id"]: row["renewal"] for row in
              pq.read_table(path, columns=["customer_id", "renewal"]).to_pylist()}  # fmt: skip
    next_month = month_of(date(2026, 7, 15))
    with (
        terms_table(lake, as_of, next_month.first, next_month.last, ReportSettings()),
        expected_table(lake, as_of, next_month.first, next_month.last, []),
    ):
        rows = lake.con.execute(
            f"SELECT customer_id, p FROM {EXPECTED} JOIN report_terms USING (policy_id)"
        ).fetchall()
    assert len(rows) > 10
    assert [p for _, p in rows] == pytest.approx([scores[customer] for customer, _ in rows])


def test_scores_of_the_entry_are_taken_where_there_are_some(insurer: Lake) -> None:
    scores = {"as_of": date(2026, 5, 5), "renewal": 0.75, "expected_margin": 10.0}
    rows = [{"customer_id": f"C{number}", **scores} for number in range(1, 9)]
    types = {"customer_id": pa.string(), "as_of": pa.date32(), "renewal": pa.float64(),
             "expected_margin": pa.float64()}  # fmt: skip
    folder = insurer.home / "scores"
    folder.mkdir()
    table = pa.Table.from_pylist(rows, pa.schema(list(types.items())))
    pq.write_table(table, folder / "as_of=2026-05-05.parquet")
    day, month = date(2026, 6, 14), month_of(date(2026, 6, 14))
    with (
        terms_table(insurer, day, month.first, month.last, ReportSettings()),
        expected_table(insurer, day, month.first, month.last, []) as expectations,
    ):
        found = dict(insurer.con.execute(f"SELECT policy_id, p FROM {EXPECTED}").fetchall())
        compared = compare_with_expected(insurer, month, "branch")
    # P7 entered the pool on 15 May, ten days after the scores.
    assert found == dict.fromkeys(("P1", "P2", "P3", "P5", "P6"), 0.75)
    assert expectations.sources == {"recorded": 5}
    assert (expectations.missing, expectations.available) == (1, False)
    assert compared is not None
    assert compared.terms == 5
    assert {key: row.renewed for key, row in compared.offices.items()} == {"B1": 1, "B2": 1}


def test_the_completion_curve_rises_to_one(lake: Lake) -> None:
    with terms_table(lake, MIDDLE, date(2025, 6, 1), MIDDLE, ReportSettings()):
        curve = completion_curve(lake, MIDDLE)
    assert curve[-1] == 1
    assert (np.diff(curve) >= 0).all()


def test_each_number_of_calls_opens_its_list(
    run: Callable[..., Any], demo: Demo, tmp_path: Path
) -> None:
    done = run(demo[0], "report", "--by", "manager", "--json")
    assert done.returncode == 0, done.stderr
    calls = json.loads(done.stdout)["calls"]
    row, names = max(calls["rows"], key=lambda row: row["matched"]), ("matched", "to_call")
    for condition, expected in (
        (calls["condition"], [sum(row[name] for row in calls["rows"]) for name in names]),
        (row["condition"], [row["matched"], row["to_call"]]),
    ):  # fmt: skip
        file = tmp_path / "list.csv"
        words = ("list", "renewal_risk", "--where", condition, "--out", str(file), "--json")
        listed = json.loads(run(demo[0], *words).stdout)
        assert [listed["matched"], listed["rows"]] == expected, condition


def test_exports_have_the_figures_of_the_report(report: MondayReport, tmp_path: Path) -> None:
    sections = monday_sections(report)
    text = ReportText("周报", MIDDLE, sections, begun_at=datetime(2026, 7, 6, 9, 12, tzinfo=UTC))
    for ending in (".csv", ".xlsx", ".html", ".txt"):
        write_file(text, tmp_path / f"report{ending}")
    total = report.funnel.total
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["部分", "行", "列", "值"]
    assert ["本月续保", "合计", "本月应续", str(total.due)] in rows
    book = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "report.xlsx"))
    sheet = book.get_sheet_by_name("本月续保").to_python()
    last = dict(zip(sheet[0], sheet[-1], strict=True))
    assert last["本月应续"] == total.due
    assert last["续保率"] == pytest.approx(total.renewed.share)
    page = (tmp_path / "report.html").read_text("utf-8")
    day = f"数据截至 {MIDDLE.year}年{MIDDLE.month}月{MIDDLE.day}日"
    remarks = [row[0] for row in book.get_sheet_by_name("说明").to_python()]
    message = (tmp_path / "report.txt").read_text("utf-8")
    for written in ("\n".join(remarks), page, message, "\n".join(row[3] for row in rows)):
        assert day in written
        assert "生成于 2026-07-06 09:12，此后的授权变更和触达不在其中" in written
    assert "<script" not in page
    assert "http" not in page


def test_messages_fit_into_wecom(report: MondayReport) -> None:
    messages = ReportText("周报", MIDDLE, monday_sections(report)).messages()
    assert messages
    assert all(len(message.encode()) <= LONGEST_MESSAGE for message in messages)
    assert f"应续 {report.funnel.total.due} 张" in messages[0]
    assert "guanjia list" not in "".join(messages)


@pytest.mark.parametrize("by", ["star", "channel"])
def test_a_report_by_another_level_has_the_same_total(
    lake: Lake, report: MondayReport, by: Any
) -> None:
    other = report_monday(lake, MIDDLE, by, at=NOW)
    assert other.funnel.total.due == report.funnel.total.due
    assert other.comparisons is not None
    assert report.comparisons is not None
    assert other.comparisons.expected == pytest.approx(report.comparisons.expected)


def test_week_and_day_are_not_both_given(run: Callable[..., Any], demo: Demo) -> None:
    words = ("report", "--week", "2026-06-29", "--as-of", "2026-06-29")
    done = run(demo[0], *words)
    assert done.returncode == 2
    assert "both name a day" in done.stderr
    later = run(demo[0], "funnel", "--as-of", "2027-01-01")
    assert "is after 2026-06-30, the day whose data are shown" in later.stderr
    wrong = run(demo[0], "funnel", "--out", "report.pdf")
    assert "ends in none of" in wrong.stderr


def test_endpoints_answer_what_the_command_says(
    service: Any, client: httpx.Client, run: Callable[..., Any]
) -> None:
    headers = {"Authorization": f"Bearer {service.token}"}
    answer = client.get("/v1/reports/funnel", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(run(service.home, "funnel", "--json").stdout)
    for name, form, kind in (
        ("monday", "xlsx", "application/vnd.openxmlformats"), ("stars", "csv", "text/csv"),
        ("service", "html", "text/html"), ("stages", "json", "application/json"),
    ):  # fmt: skip
        answer = client.get(f"/v1/reports/{name}", params={"format": form}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith(kind)
    late = client.get("/v1/reports/funnel", params={"as_of": "2027-01-01"}, headers=headers)
    assert late.status_code == 422
    assert "is after 2026-06-30" in late.text
    swapped = client.get("/v1/reports/stars", params={"from": "2026-06-30"}, headers=headers)
    assert swapped.status_code == 422


def test_a_token_of_a_branch_sees_its_branch_alone(
    service: Any, client: httpx.Client, run: Callable[..., Any]
) -> None:
    token = run(service.home, "token", "desk", "--branch", "B01").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    funnel = client.get("/v1/reports/funnel", headers=headers).json()
    assert {row["key"] for row in funnel["offices"]} <= {"B01"}
    calls = client.get("/v1/reports/monday", headers=headers).json()["calls"]
    assert {row["branch"] for row in calls["rows"]} <= {"B01"}
    chain = client.get("/v1/reports/service", headers=headers).json()["chain"]
    assert {row["branch"] for row in chain} <= {"B01", ""}
    other = run(service.home, "token", "desk", "--scope", "predict").stdout.strip()
    refused = client.get("/v1/reports/funnel", headers={"Authorization": f"Bearer {other}"})
    assert refused.status_code == 403
