"""Whether service pays: rows of literal terms, the report of a simulated insurer, its endpoint."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis.expr.schema import Schema

from features.checking.check import check_tables
from features.contracts.tables import CONTRACTS
from features.errors import GuanjiaError, UnknownNameError
from features.lake import Lake
from features.lake.known_at import checked_types
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from guanjia.commands.marketing.service_effect import _line
from serving.api.app import create_app
from serving.auth.tokens import make_token
from serving.measurement.acquisition import acquisition_costs
from serving.measurement.service import measure_service
from serving.measurement.service_figures import ServiceReport
from serving.measurement.service_file import publish_service, read_service
from serving.measurement.service_rows import ServiceRows, gather_service_rows

RIPE = date(2025, 2, 9)
"""Thirty days after the expiry of the literal terms."""


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T04:00").replace(tzinfo=UTC)


def write(lake: Lake, table: str, *rows: dict[str, Any]) -> None:
    """Write checked rows; what they do not say is null."""
    schema = Schema(checked_types(CONTRACTS[table])).to_pyarrow()
    told = [{name: row.get(name) for name in schema.names} for row in rows]
    path = lake.checked(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(told, schema), path)


def term(policy: str, customer: str, inception: str, expiry: str, **more: Any) -> dict[str, Any]:
    signed = more.pop("signed", inception)
    row = {
        "policy_id": policy, "customer_id": customer, "vehicle_id": f"V{customer}",
        "line": "motor_commercial", "private_car": True, "signed_at": noon(signed),
        "signed_on": date.fromisoformat(signed), "inception": date.fromisoformat(inception),
        "expiry": date.fromisoformat(expiry), "written_premium": 2000, "branch": "B01",
        "channel": "agent", "business_type": "renewal", "recorded_at": noon(signed),
    }  # fmt: skip
    return {**row, **more}


def grant(number: str, customer: str, service_class: str, used: str | None = None, **more: Any):
    row = {
        "entitlement_id": number, "customer_id": customer, "service": "roadside",
        "service_class": service_class, "granted_at": noon("2024-01-10"),
        "granted_on": date(2024, 1, 10), "expires_on": date(2025, 1, 10), "unit_cost": 80,
        "used_at": used and noon(used), "used_on": used and date.fromisoformat(used),
        "recorded_at": noon("2024-01-10"),
    }  # fmt: skip
    return {**row, **more}


def lot(policy: str, arm: str, probability: float = 0.4, trial: str = "use_reminder_A"):
    return {
        "assignment_id": policy + trial, "customer_id": "C", "policy_id": policy, "trial": trial,
        "arm": arm, "probability": probability, "assigned_at": noon("2024-01-13"),
        "assigned_on": date(2024, 1, 13), "recorded_at": noon("2024-01-13"),
    }  # fmt: skip


@pytest.fixture
def literal(tmp_path: Path) -> Lake:
    """C1 renews and used A; C2 does not renew and used nothing; C1 has a second car."""
    lake = Lake(Settings(home=tmp_path / "literal", memory_limit="1GB"))
    write(
        lake,
        "policies",
        term("P1", "C1", "2024-01-10", "2025-01-10"),
        term("P2", "C1", "2025-01-10", "2026-01-10", signed="2025-01-05"),
        term("P9", "C1", "2023-12-01", "2024-12-01", vehicle_id="V9"),
        term("Q1", "C2", "2024-01-10", "2025-01-10", branch="B02"),
        term("Q2", "C2", "2024-06-01", "2025-06-01", vehicle_id="V8"),
    )
    write(
        lake,
        "customers",
        *(
            {"customer_id": name, "registered_at": noon("2019-01-01"), "household_id": "H",
             "branch": branch, "recorded_at": noon("2019-01-01")}
            for name, branch in (("C1", "B01"), ("C2", "B02"))
        ),
    )  # fmt: skip
    write(
        lake,
        "entitlements",
        grant("E1", "C1", "A", "2024-05-01"),
        grant("E2", "C1", "A"),
        grant("E3", "C1", "B", "2024-12-20"),  # after renewals have begun
        grant("E4", "C2", "A"),
        grant("E5", "C1", "B", "2023-12-20", granted_on=date(2023, 12, 1),
              granted_at=noon("2023-12-01"), expires_on=date(2024, 12, 1), unit_cost=None),
    )  # fmt: skip
    write(lake, "assignments", lot("P1", "reminder"), lot("Q1", "control", 0.6),
          lot("Q1", "contact", trial="renewal_contact"))  # fmt: skip
    return lake


def found(rows: ServiceRows) -> list[tuple[Any, ...]]:
    """What the rows say, by branch and class: used, renewed, cost, drawn, reminded, probability."""
    columns = (rows.levels["branch"], rows.levels["class"], rows.used, rows.renewed, rows.cost,
               rows.drawn, rows.reminded, rows.probability.round(6))  # fmt: skip
    return sorted(zip(*(column.tolist() for column in columns), strict=True), key=str)


def test_terms_with_what_was_used_of_each_class(literal: Lake) -> None:
    told = found(gather_service_rows(literal, RIPE))
    nan = pytest.approx(np.nan, nan_ok=True)
    assert told == [
        ("B01", "A", True, True, 80.0, True, True, 0.4),
        ("B01", "B", False, True, 0.0, False, False, nan),  # P1: used too late to keep anyone
        ("B01", "B", True, False, 0.0, False, False, nan),  # P9: the other car was not renewed
        ("B02", "A", False, False, 0.0, True, False, 0.4),
    ]


def test_a_term_counts_once_it_is_ripe(literal: Lake) -> None:
    early = found(gather_service_rows(literal, date(2025, 2, 8)))
    assert [row[:2] for row in early] == [("B01", "B")]
    with pytest.raises(GuanjiaError, match="none that are ripe"):
        gather_service_rows(literal, date(2024, 6, 30))


def test_use_and_lots_known_later_do_not_count(literal: Lake) -> None:
    write(literal, "entitlements", grant("E1", "C1", "A", "2024-05-01"),
          grant("E4", "C2", "A", "2024-05-01", recorded_at=noon("2025-03-01")))  # fmt: skip
    write(literal, "assignments", lot("P1", "reminder") | {"recorded_at": noon("2025-03-01")})
    assert found(gather_service_rows(literal, RIPE)) == [
        ("B01", "A", True, True, 80.0, False, False, pytest.approx(np.nan, nan_ok=True))
    ]


def test_what_is_not_delivered_is_not_needed(literal: Lake) -> None:
    literal.checked("assignments").unlink()
    rows = gather_service_rows(literal, RIPE, branches=["B02"])
    assert found(rows)[0][:2] == ("B02", "A")
    assert not rows.drawn.any()
    assert acquisition_costs(literal, RIPE) is None
    literal.checked("entitlements").unlink()
    with pytest.raises(GuanjiaError):
        gather_service_rows(literal, RIPE)


def test_uses_without_a_cost_are_counted(literal: Lake) -> None:
    assert gather_service_rows(literal, RIPE).without_cost == 1


def test_what_winning_a_customer_costs(literal: Lake) -> None:
    """A new motor year of two covers costs 300, two renewed ones 100 and 60."""
    write(
        literal,
        "policies",
        term("N1", "C3", "2024-06-01", "2025-06-01", business_type="new"),
        term("N2", "C3", "2024-06-01", "2025-06-01", line="motor_compulsory", business_type="new"),
        term("R1", "C4", "2024-06-01", "2025-06-01"),
        term("R2", "C5", "2024-06-01", "2025-06-01"),
        term("R3", "C6", "2023-06-01", "2024-06-01"),
    )
    costs = [("N2", 300), ("R1", 100), ("R2", 60), ("R3", 999)]
    write(
        literal,
        "costs",
        *(
            {"cost_id": policy, "policy_id": policy, "kind": "commission", "amount": amount,
             "incurred_at": noon("2024-06-01"), "recorded_at": noon("2024-06-01")}
            for policy, amount in costs
        ),
    )  # fmt: skip
    known = acquisition_costs(literal, RIPE)
    assert known is not None
    assert (known.new_terms, known.renewed_terms) == (1, 2)
    assert (known.new_cost, known.renewed_cost, known.saved) == (300, 80, 220)


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A simulated insurer with checked tables."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("insurer"), memory_limit="1GB"))
    simulate(lake, 1500, seed=3)
    check_tables(lake)
    return lake


@pytest.fixture(scope="module")
def report(insurer: Lake) -> ServiceReport:
    return measure_service(insurer, date(2026, 6, 30))


def test_the_report_of_an_insurer(report: ServiceReport) -> None:
    by_level = {(group.breakdown, group.level): group for group in report.groups}
    everything = by_level["all", "all"]
    assert [group.level for group in report.groups if group.breakdown == "class"] == ["A", "B", "C"]
    for breakdown in ("class", "star", "branch"):
        parts = [group for group in report.groups if group.breakdown == breakdown]
        assert sum(group.rows for group in parts) == everything.rows
        assert sum(group.users for group in parts) == everything.users
    # Users renew more; that a lot does not confirm.
    assert everything.raw_low is not None
    assert everything.raw_low > 0.03
    assert everything.method == "lot"
    assert everything.lot is not None
    assert everything.lot.mismatch is None
    assert everything.lot.use_added == pytest.approx(0.13, abs=0.04)
    assert everything.lot.renewal.low is not None
    assert everything.lot.renewal.low < 0.012 < (everything.lot.renewal.high or 0)
    # The adjusted one never lacks where the raw one is, if anything can be compared.
    assert everything.observed is not None
    assert everything.observed.renewal.value < everything.raw_difference
    assert report.acquisition is not None
    assert everything.acquisition_saved == pytest.approx(
        report.acquisition.saved * everything.lot.renewal.value
    )
    # Use keeps one customer in ninety, worth 200 yuan, and costs 67: too little to see at 1,500.
    assert everything.verdict == "too_small"
    assert everything.needed_rows is not None
    assert everything.needed_rows > everything.lot.rows


def test_it_is_published_and_read_back(insurer: Lake) -> None:
    """Where a renewal is worth next to nothing, a use costs what it costs, and that is proven."""
    report = measure_service(insurer, date(2026, 6, 30), worth_share=0.001)
    for group in report.groups[:3]:
        assert group.verdict == "does_not_pay"
        assert group.lot is not None
        assert group.lot.yuan.value == pytest.approx(-(group.cost or 0), rel=0.25)
    path = publish_service(insurer, report)
    assert json.loads(path.read_text("utf-8"))["worth_share"] == 0.001
    assert read_service(insurer.home) == report
    seen = read_service(insurer.home, date(2026, 6, 30), ["B01", "B02"])
    assert {(group.breakdown, group.level) for group in seen.groups} == {
        ("branch", "B01"), ("branch", "B02"),
    }  # fmt: skip
    with pytest.raises(UnknownNameError, match="there are 2026-06-30"):
        read_service(insurer.home, date(2026, 5, 31))
    with pytest.raises(GuanjiaError, match="not above 0"):
        measure_service(insurer, date(2026, 6, 30), worth_share=0.0)


def test_a_lot_of_other_sizes_than_stated_decides_nothing(insurer: Lake, tmp_path: Path) -> None:
    """Half of the control rows are lost: the lot is named a mismatch, and does not decide."""
    lots = pq.read_table(insurer.checked("assignments")).to_pandas()
    lost = (lots["arm"] == "control") & (np.arange(len(lots)) % 2 == 0)
    home = tmp_path / "lost"
    (home / "checked").mkdir(parents=True)
    for file in (insurer.home / "checked").iterdir():
        (home / "checked" / file.name).symlink_to(file)
    broken = home / "checked" / "assignments.parquet"
    broken.unlink()
    schema = pq.read_schema(insurer.checked("assignments"))
    pq.write_table(pa.Table.from_pandas(lots[~lost], schema, preserve_index=False), broken)
    report = measure_service(Lake(Settings(home=home, memory_limit="1GB")), date(2026, 6, 30))
    everything = report.groups[0]
    assert everything.lot is not None
    assert "due" in (everything.lot.mismatch or "")
    assert everything.method == "observational"


def test_the_command(insurer: Lake, run: Callable[..., Any]) -> None:
    done = run(insurer.home, "service-effect", "--as-of", "2026-06-30", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(
        (insurer.home / "reports" / "service_effect" / "2026-06-30.json").read_text("utf-8")
    )


def test_what_is_shown(report: ServiceReport) -> None:
    lines = [_line(group) for group in report.groups]
    assert lines[0]["group"] == "全部"
    assert lines[0]["verdict"] == "样本不足"
    assert lines[0]["raw"].startswith(f"{100 * (report.groups[0].raw_difference or 0):.1f} [")
    (none,) = (line for line in lines if line["group"] == "服务类别 C")
    assert none["observed"] == "-"


def test_the_endpoint_shows_a_caller_their_branches(
    insurer: Lake, report: ServiceReport, literal: Lake
) -> None:
    publish_service(insurer, report)
    app = create_app()

    def read(lake: Lake, *scopes: str, branches: list[str] | None = None) -> httpx.Response:
        app.state.service = SimpleNamespace(lake=lake)
        valid = timedelta(days=1)
        token = make_token(lake.settings, "t", datetime.now(tz=UTC), valid, scopes, branches)

        async def get() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                headers = {"Authorization": f"Bearer {token}"}
                return await client.get("/v1/service-effect", headers=headers)

        return asyncio.run(get())

    everything = read(insurer, "reports:read")
    assert everything.status_code == 200, everything.text
    assert everything.json()["groups"][0]["verdict"] == "too_small"
    own = read(insurer, "reports:read", branches=["B03"]).json()["groups"]
    assert [(group["breakdown"], group["level"]) for group in own] == [("branch", "B03")]
    assert read(insurer, "predict").status_code == 403
    missing = read(literal, "reports:read")
    assert missing.status_code == 404
    assert "guanjia service-effect" in missing.text
