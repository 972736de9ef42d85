"""The public portfolio becomes raw tables, and what it leaks does not."""

import csv
import io
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.sources.lledo_pavia import Imported, import_lledo_pavia

PORTFOLIO = """\
ID;Date_start_contract;Date_last_renewal;Date_next_renewal;Date_birth;Date_driving_licence;\
Distribution_channel;Seniority;Policies_in_force;Max_policies;Max_products;Lapse;Date_lapse;\
Payment;Premium;Cost_claims_year;N_claims_year;N_claims_history;R_Claims_history;Type_risk;Area;\
Second_driver;Year_matriculation;Power;Cylinder_capacity;Value_vehicle;N_doors;Type_fuel;Length;\
Weight
1;05/11/2015;05/11/2015;05/11/2016;15/04/1956;20/03/1976;0;4;1;2;1;0;;0;222.52;0;0;0;0;1;0;0;\
2004;80;599;7068;0;P;NA;190
1;05/11/2015;05/11/2016;05/11/2017;15/04/1956;20/03/1976;0;4;1;2;1;0;;0;213.78;100;3;0;0;1;0;0;\
2004;80;599;7068;0;P;NA;190
2;26/09/2012;26/09/2016;26/09/2017;15/04/1966;20/03/1986;1;4;1;2;1;1;26/09/2017;1;300;0;0;3;.5;3;\
1;1;2010;100;1600;18000;5;D;4.2;1300
2;26/09/2012;26/09/2017;26/09/2018;15/04/1966;20/03/1986;1;4;1;2;1;1;26/09/2017;1;330.5;0;0;3;.5;\
3;1;1;2010;100;1600;18000;5;D;4.2;1300
"""
SAMPLE = """\
ID;Cost_claims_year;Cost_claims_by_type;Claims_type
1;100;40;travel assistance
1;100;60;injuries
"""
TABLES = ["customers", "vehicles", "policies", "quotes", "claims", "claim_movements"]
LEAKING = {
    "Seniority", "Policies_in_force", "Max_policies", "Max_products", "Lapse", "Payment",
    "N_claims_history", "R_Claims_history",
}  # fmt: skip
Row = dict[str, object]


def imported(home: Path, portfolio: str = PORTFOLIO) -> tuple[Lake, Imported]:
    home.mkdir(exist_ok=True)
    (home / "portfolio.csv").write_text(portfolio, encoding="utf-8")
    (home / "sample.csv").write_text(SAMPLE, encoding="utf-8")
    lake = Lake(Settings(home=home))
    return lake, import_lledo_pavia(lake, home / "portfolio.csv", home / "sample.csv")


def raw(lake: Lake, table: str) -> list[Row]:
    rows: list[Row] = pq.read_table(lake.raw(table) / "part-0.parquet").to_pylist()
    return rows


def changed(change: Callable[[dict[str, str]], None]) -> str:
    reader = csv.DictReader(io.StringIO(PORTFOLIO), delimiter=";")
    out = io.StringIO()
    writer = csv.DictWriter(out, list(reader.fieldnames or ()), delimiter=";")
    writer.writeheader()
    for row in reader:
        change(row)
        writer.writerow(row)
    return out.getvalue()


def test_terms_are_the_years_taken_up_and_the_one_before(tmp_path: Path) -> None:
    lake, _ = imported(tmp_path)
    found = [
        (p["customer_id"], p["inception"], p["expiry"], p["written_premium"], p["business_type"])
        for p in raw(lake, "policies")
    ]
    assert [(*head, premium and str(premium), kind) for *head, premium, kind in found] == [
        ("C1", date(2015, 11, 5), date(2016, 11, 5), "222.52", "new"),
        ("C1", date(2016, 11, 5), date(2017, 11, 5), "213.78", "renewal"),
        ("C2", date(2015, 9, 26), date(2016, 9, 26), None, "renewal"),
        ("C2", date(2016, 9, 26), date(2017, 9, 26), "300.00", "renewal"),
    ]
    assert [p["private_car"] for p in raw(lake, "policies")] == [False, False, True, True]


def test_a_term_without_an_offer_is_known_to_end_when_offers_go_out(tmp_path: Path) -> None:
    head, first, *rest = PORTFOLIO.splitlines()
    lake, _ = imported(tmp_path, "\n".join([head, first, *rest[1:]]) + "\n")
    versions = [
        (p["recorded_at"].date(), p["cancelled_on"])  # type: ignore[attr-defined]
        for p in raw(lake, "policies")
        if p["policy_id"] == "P1-20151105"
    ]
    assert versions == [(date(2015, 11, 5), None), (date(2016, 9, 6), date(2016, 11, 5))]
    # Nobody had a claim: a delivery without one is refused as a whole.
    with pytest.raises(GuanjiaError, match="table claims has no good row"):
        check_tables(lake)


def test_every_year_is_a_quote_even_one_not_taken_up(tmp_path: Path) -> None:
    lake, _ = imported(tmp_path)
    found = [
        (q["quoted_at"].date(), q["policy_id"], str(q["premium"])) for q in raw(lake, "quotes")
    ]  # type: ignore[attr-defined]
    assert found == [
        (date(2015, 11, 5), None, "222.52"),
        (date(2016, 9, 6), "P1-20151105", "213.78"),
        (date(2016, 7, 28), "P2-20150926", "300.00"),
        (date(2017, 7, 28), "P2-20160926", "330.50"),
    ]


def test_claims_lie_at_mid_term_and_cost_splits_to_the_cent(tmp_path: Path) -> None:
    lake, _ = imported(tmp_path)
    claims = raw(lake, "claims")
    assert [c["kind"] for c in claims] == ["injuries", "travel assistance", None]
    assert [c["injury"] for c in claims] == [True, False, None]
    assert {c["occurred_at"].date() for c in claims} == {date(2017, 5, 6)}  # type: ignore[attr-defined]
    moved = raw(lake, "claim_movements")
    assert sorted(str(m["paid_change"]) for m in moved if m["paid_change"]) == [
        "33.33", "33.33", "33.34",
    ]  # fmt: skip
    assert sum(m["outstanding_change"] for m in moved) == 0  # type: ignore[misc]


def test_every_imported_row_passes_the_check(tmp_path: Path) -> None:
    lake, done = imported(tmp_path)
    assert done.counts == {
        "customers": 2, "vehicles": 4, "policies": 4, "quotes": 4, "claims": 3,
        "claim_movements": 6,
    }  # fmt: skip
    assert done.left_out == {}
    assert {check.table: check.bad for check in check_tables(lake)} == dict.fromkeys(TABLES, 0)


def test_leaking_columns_reach_no_raw_table(tmp_path: Path) -> None:
    def spoil(row: dict[str, str]) -> None:
        for name in LEAKING:
            row[name] = "77" if row[name] != "77" else "78"
        if row["Date_lapse"] != row["Date_last_renewal"]:
            row["Date_lapse"] = "31/12/2018" if not row["Date_lapse"] else ""

    lake, _ = imported(tmp_path / "as_published")
    spoilt, _ = imported(tmp_path / "spoilt", changed(spoil))
    for table in TABLES:
        part = "part-0.parquet"
        assert (lake.raw(table) / part).read_bytes() == (spoilt.raw(table) / part).read_bytes()


def test_row_order_is_irrelevant(tmp_path: Path) -> None:
    head, *rows = PORTFOLIO.splitlines()
    lake, _ = imported(tmp_path / "as_published")
    turned, _ = imported(tmp_path / "turned", "\n".join([head, *reversed(rows)]) + "\n")
    assert [raw(lake, table) for table in TABLES] == [raw(turned, table) for table in TABLES]


def test_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(GuanjiaError, match="has no column Premium"):
        imported(tmp_path, PORTFOLIO.replace("Premium", "Prime"))


def test_every_source_column_is_documented() -> None:
    page = Path(__file__).parents[2] / "docs" / "lledo-pavia.md"
    text = page.read_text(encoding="utf-8")
    columns = [*PORTFOLIO.splitlines()[0].split(";"), *SAMPLE.splitlines()[0].split(";")]
    assert [name for name in columns if f"| `{name}` |" not in text] == []


@pytest.mark.portfolio
@pytest.mark.slow
def test_published_portfolio_passes_the_check(tmp_path: Path) -> None:
    folder = os.environ.get("GUANJIA_LLEDO_PAVIA")
    if not folder:
        pytest.skip("GUANJIA_LLEDO_PAVIA does not name the folder of the public files")
    files = [
        Path(folder) / n for n in ("Motor vehicle insurance data.csv", "sample type claim.csv")
    ]
    lake = Lake(Settings(home=tmp_path))
    done = import_lledo_pavia(lake, *files)
    with files[0].open(encoding="utf-8-sig") as text:
        rows = sum(1 for _ in text) - 1
    assert done.counts["quotes"] == rows
    for check in check_tables(lake):
        assert check.bad <= 0.001 * check.rows, check


def test_the_command_imports_in_a_process_of_its_own(
    tmp_path: Path, home: Path, process: Any
) -> None:
    """Nothing that a test imported before helps it: contracts are there for whoever asks first."""
    files = [tmp_path / "portfolio.csv", tmp_path / "sample.csv"]
    for file, text in zip(files, (PORTFOLIO, SAMPLE), strict=True):
        file.write_text(text, encoding="utf-8")
    done = process(home, "import", "lledo-pavia", *map(str, files), "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["counts"]
    assert list(counts) == TABLES
    assert counts["customers"] == 2
    assert process(home, "check").returncode == 0
