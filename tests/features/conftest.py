"""Builders that the tests of stars and of tags share: tiny tables written, computed, compared.

Test modules cannot import each other, so the builders are given out as fixtures. A module of star
cases declares `cases(star)`; a test of it that asks for `case` runs once for each.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import features.tables  # noqa: F401  (declares the contracts)
from features.contract import CONTRACTS
from features.lake import Lake
from features.settings import Settings, cutoff
from features.spine import spine_of
from features.star import StarSettings, explain_rating, rate
from features.tagging import compute_group
from features.tags.catalogue import catalogue

Row = dict[str, Any]

ZONE = "Asia/Shanghai"
REQUIRED = ("customers", "policies", "claims")


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def exact(value: Any, type_: pa.DataType) -> Any:
    """Money, written as a float in the tests, as the decimal it is in the tables."""
    return Decimal(str(value)) if isinstance(value, float) and pa.types.is_decimal(type_) else value


def put(lake: Lake, table: str, rows: list[Row]) -> None:
    """A checked table of these rows; what a row leaves out is null, or known since 2019."""
    instant = 'timestamp("UTC", 6)'
    contract = CONTRACTS[table]
    civil = {
        **dict.fromkeys(contract.civil_days, "date"),
        **dict.fromkeys(contract.civil_hours, "int64"),
    }
    schema = ibis.schema({**contract.columns, **civil, "superseded_at": instant}).to_pyarrow()
    known = {"recorded_at": at("2019-01-01"), "registered_at": at("2019-01-01"), "line": None}
    full = [
        {
            field.name: exact({**known, **row, **in_zone(table, row)}.get(field.name), field.type)
            for field in schema
        }
        for row in rows
    ]
    lake.checked(table).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(full, schema=schema), lake.checked(table))


def in_zone(table: str, row: Row) -> Row:
    """The civil days and hours that a check would write beside the instants."""
    zone, contract = ZoneInfo(ZONE), CONTRACTS[table]
    local = {
        name: value.astimezone(zone) for name, value in row.items() if isinstance(value, datetime)
    }
    days = {day: local[name].date() for day, name in contract.civil_days.items() if name in local}
    hours = {hour: local[name].hour for hour, name in contract.civil_hours.items() if name in local}
    return days | hours


@pytest.fixture
def answers(tmp_path: Path) -> Callable[..., dict[tuple[str, date], Row]]:
    """Tags of one group for several customers and dates in one pass; rows name their customer, or
    are those of C1. A table that is not given is left out, unless it is required."""

    def compute(
        group: str, pairs: list[tuple[str, date]], **tables: list[Row]
    ) -> dict[tuple[str, date], Row]:
        lake = Lake(Settings(home=tmp_path))
        tables.setdefault("customers", [{"customer_id": name} for name in dict(pairs)])
        for table in {*REQUIRED, *tables}:
            put(lake, table, [{"customer_id": "C1", **row} for row in tables.get(table, [])])
        found = lake.engine.to_pyarrow(compute_group(lake, spine_of(spine_of_pairs(pairs)), group))
        return {(row["customer_id"], row["as_of"]): row for row in found.to_pylist()}

    return compute


@pytest.fixture
def answer(answers: Callable[..., dict[tuple[str, date], Row]]) -> Callable[..., Row]:
    """Tags of one group for customer C1."""

    def compute(group: str, as_of: date = date(2026, 6, 30), **tables: list[Row]) -> Row:
        return answers(group, [("C1", as_of)], **tables)["C1", as_of]

    return compute


@pytest.fixture
def term() -> Callable[..., Row]:
    """A commercial motor term of vehicle V1, signed ten days before it begins."""
    return motor_term


@pytest.fixture
def terms() -> list[Row]:
    """Two terms of a car, its compulsory cover, and its next term, signed but not begun."""
    return [
        motor_term("P1", "2024-07-10", "2025-07-10", 2000, ncd_level=1, channel="agent",
                   third_party_limit=2_000_000),
        motor_term("P2", "2025-07-10", "2026-07-10", 2300, ncd_level=2, channel="online",
                   third_party_limit=1_000_000, business_type="renewal", pricing_factor=0.95,
                   driver_accident_cover=True),
        motor_term("Q2", "2025-09-01", "2026-09-01", 950, line="motor_compulsory"),
        motor_term("P3", "2026-07-10", "2027-07-10", 2100, channel="online"),
    ]  # fmt: skip


def motor_term(
    policy_id: str, inception: str, expiry: str, premium: float | None, **more: Any
) -> Row:
    begins = date.fromisoformat(inception)
    signed = datetime(begins.year, begins.month, begins.day, tzinfo=UTC).timestamp() - 10 * 86_400
    row = {
        "policy_id": policy_id,
        "vehicle_id": "V1",
        "line": "motor_commercial",
        "private_car": True,
        "signed_at": datetime.fromtimestamp(signed, UTC),
        "inception": begins,
        "expiry": date.fromisoformat(expiry),
        "written_premium": premium,
    }
    return {**row, **more}


@pytest.fixture
def expect() -> Callable[..., None]:
    """Assert that the tags named have these values, of these types."""

    def compare(found: Row, **tags: Any) -> None:
        got = {name: found[name] for name in tags}
        assert got == {n: pytest.approx(v) if isinstance(v, float) else v for n, v in tags.items()}
        types = {"int64": int, "float64": float, "string": str, "boolean": bool}
        for name, value in tags.items():
            assert value is None or type(got[name]) is types[catalogue()[name].type], name

    return compare


def spine(dates: dict[str, date]) -> Any:
    """Customers, each with the date to look at."""
    return spine_of_pairs(list(dates.items()))


def spine_of_pairs(pairs: list[tuple[str, date]]) -> Any:
    """Customers with the dates to look at."""
    columns = {
        "customer_id": pa.array([customer for customer, _ in pairs], pa.string()),
        "as_of": pa.array([day for _, day in pairs], pa.date32()),
        "cutoff": pa.array([cutoff(d, ZONE) for _, d in pairs], pa.timestamp("us", "UTC")),
    }
    return ibis.memtable(pa.table(columns))


@dataclass
class Term:
    inception: str
    premium: str = "1000"
    expiry: str | None = None
    cancelled: str | None = None
    line: str = "motor_commercial"
    private: bool | None = True
    vehicle: str = "V1"
    recorded: str | None = None
    later: list[Row] = field(default_factory=list)  # versions: recorded + changes


@dataclass
class Claim:
    occurred: str  # an instant in UTC
    moves: list[tuple[str, str, str]]  # recorded (UTC), paid change, outstanding change
    term: int = 0


@dataclass
class Case:
    name: str
    terms: list[Term]
    expected: tuple[str, str, int, str, int]  # premium, claims, tenure, value, star
    claims: list[Claim] = field(default_factory=list)
    as_of: str = "2025-06-30"
    lapsed: bool = False
    chain_start: str | None = None


def day(text: str) -> date:
    return date.fromisoformat(text)


def noon(when: date) -> datetime:
    return datetime.combine(when, time(4), tzinfo=UTC)


def next_year(when: date) -> date:
    leap = (when.month, when.day) == (2, 29)
    return when.replace(year=when.year + 1, day=28 if leap else when.day)


def yearly(first: str, *premiums: str) -> list[Term]:
    found, start = [], day(first)
    for premium in premiums:
        found.append(Term(start.isoformat(), premium))
        start = next_year(start)
    return found


def write_lake(home: Path, cases: list[Case], *, movements: bool = True) -> Lake:
    """Checked tables of the cases; a customer is named like his case."""
    tables: dict[str, list[Row]] = {"customers": [], "policies": [], "claims": []}
    moves: list[Row] = []
    for case in cases:
        owner = {"customer_id": case.name}
        tables["customers"].append(owner)
        for number, term in enumerate(case.terms):
            tables["policies"] += _versions(case.name, f"{case.name}/{number}", term)
        for number, claim in enumerate(case.claims):
            name, policy = f"{case.name}/claim {number}", f"{case.name}/{claim.term}"
            occurred = {"occurred_at": at(claim.occurred), "recorded_at": at(claim.occurred)}
            tables["claims"].append({"claim_id": name, "policy_id": policy, **owner, **occurred})
            for step, (recorded, paid, outstanding) in enumerate(claim.moves):
                moves.append(
                    {
                        "movement_id": f"{name}/{step}",
                        "claim_id": name,
                        "paid_change": Decimal(paid),
                        "outstanding_change": Decimal(outstanding),
                        "recorded_at": at(recorded),
                        **owner,
                    }
                )
    if movements:
        tables["claim_movements"] = moves
    lake = Lake(Settings(home=home, timezone=ZONE))
    for table, rows in tables.items():
        put(lake, table, rows)
    return lake


def _versions(customer: str, policy: str, term: Term) -> list[Row]:
    inception = day(term.inception)
    first = day(term.recorded) if term.recorded else inception
    row = {
        "policy_id": policy,
        "customer_id": customer,
        "vehicle_id": f"{customer}/{term.vehicle}",
        "line": term.line,
        "private_car": term.private,
        "inception": inception,
        "expiry": day(term.expiry) if term.expiry else next_year(inception),
        "cancelled_on": day(term.cancelled) if term.cancelled else None,
        "written_premium": Decimal(term.premium),
        "recorded_at": noon(first),
    }
    rows = [row]
    for change in term.later:
        recorded = noon(day(change["recorded"]))
        rows[-1] = {**rows[-1], "superseded_at": recorded}
        changed = {**rows[-1], "recorded_at": recorded, "superseded_at": None}
        if "premium" in change:
            changed["written_premium"] = Decimal(change["premium"])
        if "cancelled" in change:
            changed["cancelled_on"] = day(change["cancelled"])
        rows.append(changed)
    return rows


def spine_of_cases(cases: list[Case]) -> Any:
    return spine({case.name: day(case.as_of) for case in cases})


def rated(lake: Lake, cases: list[Case], settings: StarSettings | None = None) -> Row:
    rows = lake.engine.to_pyarrow(rate(lake, spine_of_cases(cases), settings)).to_pylist()
    return {row["customer_id"]: row for row in rows}


def expect_rating(case: Case, row: Row) -> None:
    """The rating is the one the case names."""
    premium, claims, tenure, value, star = case.expected
    found = (row["premium_5y"], row["claims_5y"], row["tenure_years"], row["value"])
    assert found == (Decimal(premium), Decimal(claims), tenure, Decimal(value))
    assert not (row["value"] == 0 and row["value"].is_signed())
    assert (row["star_level"], row["lapsed"]) == (star, case.lapsed)
    if case.chain_start:
        assert row["chain_start"] == day(case.chain_start)


def expect_explained(case: Case, lake: Lake, row: Row) -> None:
    """The explanation of one customer says what the rating of all did, and adds up."""
    rating = explain_rating(lake, case.name, day(case.as_of))
    assert {name: getattr(rating, name) for name in row} == row
    counted = [term.premium for term in rating.terms if term.in_premium]
    assert sum(counted, Decimal(0)) == rating.premium_5y
    costs = [claim.paid + claim.outstanding for claim in rating.claims]
    assert sum(costs, Decimal(0)) == rating.claims_5y


STAR = SimpleNamespace(
    case=Case,
    term=Term,
    claim=Claim,
    yearly=yearly,
    write=write_lake,
    spine=spine_of_cases,
    rated=rated,
    expect=expect_rating,
    expect_explained=expect_explained,
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a star case, named as the case."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", metafunc.module.cases(STAR), ids=lambda case: case.name)


@pytest.fixture(scope="session")
def star() -> SimpleNamespace:
    """The builders of star cases."""
    return STAR


@pytest.fixture(scope="module")
def star_lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The checked tables of the module's cases; tests change nothing in them."""
    return write_lake(tmp_path_factory.mktemp("stars"), request.module.cases(STAR))


@pytest.fixture(scope="module")
def ratings(request: pytest.FixtureRequest, star_lake: Lake) -> Row:
    """All cases of the module, rated in one call."""
    return rated(star_lake, request.module.cases(STAR))
