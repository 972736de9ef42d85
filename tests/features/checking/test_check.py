"""Every raw row goes on or is held back with every reason; none is lost."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as law
from hypothesis import strategies as st

from features.checking.check import BrokenBoundError, check_tables
from features.checking.table_check import TableCheck
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings

T0, T1, T2 = "2024-01-01 08:00:00+00", "2024-02-01 08:00:00+00", "2024-03-01 08:00:00+00"
Row = dict[str, object]


def customer(**changes: object) -> Row:
    return {
        "customer_id": "C1", "registered_at": T0, "birth_date": "1980-05-01", "gender": "F",
        "city_tier": "2", "recorded_at": T0,
    } | changes  # fmt: skip


def term(**changes: object) -> Row:
    return {
        "policy_id": "P1", "customer_id": "C1", "vehicle_id": "V1", "line": "motor_commercial",
        "private_car": "true", "signed_at": T0, "inception": "2024-01-02", "expiry": "2025-01-02",
        "cancelled_on": None, "written_premium": "2779.10", "sum_insured": "1", "ncd_level": "0",
        "pricing_factor": "1.0", "recorded_at": T0,
    } | changes  # fmt: skip


def claim(**changes: object) -> Row:
    return {
        "claim_id": "K1", "customer_id": "C1", "policy_id": "P1", "occurred_at": T0,
        "reported_at": T0, "surveyed_at": None, "recorded_at": T0,
    } | changes  # fmt: skip


def deliver(lake: Lake, table: str, rows: list[Row], suffix: str = "csv") -> None:
    folder = lake.raw(table)
    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    frame = pa.table(cells)
    if suffix == "csv":
        pc.write_csv(frame, folder / "part.csv")
    else:
        pq.write_table(frame, folder / "part.parquet")


def insurer(lake: Lake, suffix: str = "csv", **delivered: list[Row]) -> dict[str, TableCheck]:
    tables = {"customers": [customer()], "policies": [term()], "claims": [claim()]} | delivered
    for table, rows in tables.items():
        deliver(lake, table, rows, suffix)
    return {check.table: check for check in check_tables(lake)}


def rows_of(path: Path) -> list[Row]:
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path))


def test_good_rows_go_on_typed(lake: Lake) -> None:
    found = insurer(lake)
    assert [(c.rows, c.good, c.bad) for c in found.values()] == [(1, 1, 0)] * 3
    (row,) = rows_of(lake.checked("policies"))
    assert str(row["written_premium"]) == "2779.10"
    assert row["private_car"] is True
    assert row["signed_at"] == datetime(2024, 1, 1, 8, tzinfo=UTC)
    assert row["superseded_at"] is None
    assert row["third_party_limit"] is None
    assert "third_party_limit" in found["policies"].absent_columns


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"line": "boat"}, "line is none of motor_compulsory, motor_commercial, accident"),
        ({"line": None}, "line is missing"),
        ({"inception": "infinity"}, "inception is not a valid day"),
        ({"cancelled_on": "1/2/24"}, "cancelled_on is not a valid day"),
        ({"expiry": "2024-01-02"}, "cover ends after it begins"),
        ({"cancelled_on": "2025-01-03"}, "a term is cancelled no later than it expires"),
        ({"vehicle_id": None}, "a motor term names its vehicle and says"),
        ({"signed_at": T1}, "recorded_at is before signed_at"),
        ({"customer_id": "C9"}, "customer_id is not a known customer"),
    ],
)
def test_each_kind_of_rule_holds_a_row_back(lake: Lake, changes: Row, sentence: str) -> None:
    check = insurer(lake, policies=[term(), term(policy_id="P2", **changes)])["policies"]
    assert (check.rows, check.good, check.bad) == (2, 1, 1)
    ((reason, number),) = check.reasons.items()
    assert reason.startswith(sentence)
    assert number == 1
    (held,) = rows_of(lake.quarantine("policies"))
    assert held["policy_id"] == "P2"
    assert held["reasons"] == [reason]
    assert held[next(iter(changes))] == next(iter(changes.values()))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sum_insured": "-0.01"}, "sum_insured is below 0"),
        ({"pricing_factor": "0"}, "pricing_factor is not above 0"),
        ({"ncd_level": "6"}, "ncd_level is not between -4 and 5"),
        ({"ncd_level": "0.5"}, "ncd_level is not a valid whole number"),
        ({"written_premium": "abc"}, "written_premium is not a valid amount, as 2779.10"),
        ({"pricing_factor": "nan"}, "pricing_factor is not a valid number"),
    ],
)
def test_a_cell_that_may_be_absent_costs_itself(lake: Lake, changes: Row, sentence: str) -> None:
    check = insurer(lake, policies=[term(**changes)])["policies"]
    assert (check.rows, check.good, check.reasons) == (1, 1, {})
    ((column, _),) = changes.items()
    assert check.notes == {f"{column} is left out: {sentence}": 1}
    (row,) = rows_of(lake.checked("policies"))
    assert row[column] is None


def test_every_broken_rule_is_named(lake: Lake) -> None:
    rows = [term(line="boat", ncd_level="9", signed_at=T1), term(policy_id="P2")]
    check = insurer(lake, policies=rows)["policies"]
    assert len(check.reasons) == 3
    assert check.bad == 1


def test_customer_held_back_is_not_known(lake: Lake) -> None:
    customers = [customer(registered_at="soon"), customer(customer_id="C2")]
    claims = [claim(), claim(claim_id="K2", customer_id="C2")]
    terms = [term(), term(policy_id="P2", customer_id="C2")]
    found = insurer(lake, customers=customers, claims=claims, policies=terms)
    assert found["claims"].reasons == {"customer_id is not a known customer": 1}


def test_repeats_are_dropped_and_of_two_versions_of_an_instant_the_last_counts(lake: Lake) -> None:
    claims = [
        claim(), claim(), claim(claim_id="K2", policy_id="P9"), claim(claim_id="K2"),
        claim(claim_id="K2", reported_at=None),
    ]  # fmt: skip
    check = insurer(lake, claims=claims)["claims"]
    assert (check.rows, check.good, check.bad, check.repeated) == (5, 2, 2, 1)
    assert check.reasons == {
        "another row with the same claim_id and recorded_at was delivered later": 2,
        "reported_at is missing": 1,
    }
    kept = {row["claim_id"]: row["policy_id"] for row in rows_of(lake.checked("claims"))}
    assert kept == {"K1": "P1", "K2": "P1"}


def test_yesterdays_extract_beside_todays_is_no_fault(lake: Lake) -> None:
    insurer(lake, policies=[term(), term(policy_id="P2")])
    before = lake.checked("policies").read_bytes()
    folder = lake.raw("policies")
    (folder / "part.csv").rename(folder / "2026-06-29.csv")
    check = insurer(lake, policies=[term(), term(policy_id="P2")])["policies"]
    assert (check.rows, check.good, check.bad, check.repeated) == (4, 2, 0, 2)
    assert lake.checked("policies").read_bytes() == before


def test_versions_are_superseded_by_the_next(lake: Lake) -> None:
    versions = [term(recorded_at=at) for at in (T2, T0, T1)] + [term(policy_id="P2")]
    insurer(lake, policies=versions)
    found = [
        (row["policy_id"], row["recorded_at"], row["superseded_at"])
        for row in rows_of(lake.checked("policies"))
    ]
    first, second, third = (datetime(2024, month, 1, 8, tzinfo=UTC) for month in (1, 2, 3))
    assert found == [
        ("P1", first, second),
        ("P1", second, third),
        ("P1", third, None),
        ("P2", first, None),
    ]


def test_held_back_version_supersedes_nothing(lake: Lake) -> None:
    insurer(lake, policies=[term(), term(recorded_at=T1, line="boat")])
    (row,) = rows_of(lake.checked("policies"))
    assert row["superseded_at"] is None


PLACES = {"csv": ("part.csv", 4), "parquet": ("part.parquet", 3)}
"""Where the third row stands: a line of a text file, a row of a Parquet file."""


def test_csv_equals_parquet(tmp_path: Path) -> None:
    found = []
    for suffix in ("csv", "parquet"):
        lake = Lake(Settings(home=tmp_path / suffix))
        policies = [term(), term(policy_id="P2", ncd_level="x"), term(policy_id="P3", line="x")]
        checks = {
            name: replace(check, examples={})
            for name, check in insurer(lake, suffix, policies=policies).items()
        }
        (held,) = rows_of(lake.quarantine("policies"))
        assert (held.pop("_file"), held.pop("_line")) == PLACES[suffix]
        found.append((checks, rows_of(lake.checked("policies")), held))
    assert found[0] == found[1]


def test_extra_columns_are_ignored_but_reported(lake: Lake) -> None:
    check = insurer(lake, claims=[claim(remark="call back")])["claims"]
    assert check.extra_columns == ("remark",)
    assert "remark" not in rows_of(lake.checked("claims"))[0]


def test_missing_table_and_column_are_named(lake: Lake) -> None:
    deliver(lake, "customers", [customer()])
    deliver(lake, "claims", [claim()])
    with pytest.raises(GuanjiaError, match="table policies: has no Parquet or CSV file"):
        check_tables(lake)
    row = term()
    del row["expiry"]
    with pytest.raises(GuanjiaError, match="table policies: has no column expiry"):
        insurer(lake, policies=[row])


def test_two_formats_at_once_are_refused(lake: Lake) -> None:
    deliver(lake, "customers", [customer()], "parquet")
    with pytest.raises(GuanjiaError, match="both Parquet and CSV"):
        insurer(lake)


def test_withdrawn_optional_table_leaves_nothing(lake: Lake) -> None:
    insurer(lake, consents=[
        {"consent_id": "N1", "customer_id": "C1", "purpose": "profiling", "granted": "true",
         "changed_at": T0, "recorded_at": T0},
    ])  # fmt: skip
    assert lake.has("consents")
    (lake.raw("consents") / "part.csv").unlink()
    check_tables(lake)
    assert not lake.has("consents")
    assert not lake.quarantine("consents").exists()


CELLS = st.fixed_dictionaries(
    {
        "policy_id": st.sampled_from(["P1", "P2"]),
        "customer_id": st.sampled_from(["C1", "C9", None]),
        "line": st.sampled_from(["motor_commercial", "boat", "health"]),
        "ncd_level": st.sampled_from(["0", "9", "x", None]),
        "recorded_at": st.sampled_from([T0, T1, "soon"]),
    }
)


@law(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(CELLS, min_size=1, max_size=6))
def test_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, changes: list[Row]) -> None:
    lake = Lake(Settings(home=tmp_path_factory.mktemp("lake")))
    delivered = [term(**change) for change in changes]
    (lake.home / "check.toml").write_text("quarantined_share_max = 1\n")
    delivered.append(term(policy_id="P3"))  # a table without a good row is refused
    check = insurer(lake, policies=delivered)["policies"]
    assert check.rows == len(delivered) == check.good + check.bad + check.repeated
    kept = duckdb.sql(
        f"SELECT policy_id FROM '{lake.checked('policies')}' UNION ALL"
        f" SELECT policy_id FROM '{lake.quarantine('policies')}'"
    ).fetchall()
    lost = Counter(str(row["policy_id"]) for row in delivered) - Counter(p for (p,) in kept)
    assert lost.total() == check.repeated
    assert {p for (p,) in kept} == {row["policy_id"] for row in delivered}
    assert all(row["reasons"] for row in rows_of(lake.quarantine("policies")))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_many_rows_are_checked_as_few_are(
    lake: Lake, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = [
        *(term(), term(), term(written_premium="2779.104"), term(policy_id="P2", line="boat")),
        term(policy_id="P3", vehicle_id="Ｖ1 ", ncd_level="9"),
    ]
    claims = [claim(), claim(surveyed_at=T1), claim(claim_id="K2", policy_id="P9", remark="?")]
    files = [lake.checked(name) for name in ("customers", "policies", "claims")]
    files += [lake.quarantine("policies"), lake.quarantine("claims")]
    results = []
    for few in (10_000, 0):
        monkeypatch.setattr("features.checking.typed_rows.FEW", few)
        checks = insurer(lake, suffix, policies=policies, claims=claims)
        results.append((checks, [path.read_bytes() for path in files]))
    assert results[0] == results[1]
    assert [check.repeated for check in checks.values()] == [0, 2, 1]
    assert checks["policies"].bad
    assert checks["policies"].notes
    assert checks["claims"].notes


def test_a_required_table_without_a_good_row_stops_the_run(lake: Lake) -> None:
    insurer(lake)
    before = lake.checked("policies").read_bytes()
    with pytest.raises(BrokenBoundError, match=r"table policies has no good row \(1 are held back"):
        insurer(lake, policies=[term(expiry="soon")])
    assert lake.checked("policies").read_bytes() == before
    (lake.raw("policies") / "part.csv").write_text(",".join(term()) + "\n")
    with pytest.raises(BrokenBoundError, match=r"table policies has no good row\."):
        check_tables(lake)


def test_more_than_the_declared_share_in_quarantine_stops_the_run(lake: Lake) -> None:
    rows = [term(policy_id=f"P{n}", line="boat" if n < 2 else "health") for n in range(4)]
    assert insurer(lake, policies=rows)["policies"].bad == 2
    rows[2]["line"] = "boat"
    with pytest.raises(BrokenBoundError, match="3 of the 4 rows of policies are held back") as one:
        insurer(lake, policies=rows)
    assert {check.table: check.bad for check in one.value.checks}["policies"] == 3
    (lake.home / "check.toml").write_text("quarantined_share_max = 0.75")
    assert insurer(lake, policies=rows)["policies"].good == 1
