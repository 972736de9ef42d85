"""Builders of star cases: terms and claims of a customer, and the rating that must come out.

A module of star cases declares `cases(star)`; a test of it that asks for `case` runs once for each.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from features.lake import Lake
from features.lake.spine import spine_of
from features.settings import Settings
from features.stars.explain import StarSettings, explain_rating
from features.stars.value import rate

Row = dict[str, Any]
Put = Callable[[Lake, str, list[Row]], None]
ZONE = "Asia/Shanghai"


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


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


def write_lake(put: Put, home: Path, cases: list[Case], *, movements: bool = True) -> Lake:
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


def dates_of(cases: list[Case]) -> dict[str, date]:
    return {case.name: day(case.as_of) for case in cases}


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


WORDS = SimpleNamespace(case=Case, term=Term, claim=Claim, yearly=yearly)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a star case, named as the case."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", metafunc.module.cases(WORDS), ids=lambda case: case.name)


@pytest.fixture(scope="session")
def star(put: Put, pairs_of: Callable[[dict[str, date]], Any]) -> SimpleNamespace:
    """The builders of star cases."""

    def pairs(cases: list[Case]) -> Any:
        return pairs_of(dates_of(cases))

    def rated(lake: Lake, cases: list[Case], settings: StarSettings | None = None) -> Row:
        rows = rate(lake, spine_of(pairs(cases)), settings).to_pyarrow().to_pylist()
        return {row["customer_id"]: row for row in rows}

    return SimpleNamespace(
        **vars(WORDS),
        write=partial(write_lake, put),
        spine=pairs,
        rated=rated,
        expect=expect_rating,
        expect_explained=expect_explained,
    )


@pytest.fixture(scope="module")
def star_lake(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, star: Any
) -> Lake:
    """The checked tables of the module's cases; tests change nothing in them."""
    lake: Lake = star.write(tmp_path_factory.mktemp("stars"), request.module.cases(WORDS))
    return lake


@pytest.fixture(scope="module")
def ratings(request: pytest.FixtureRequest, star_lake: Lake, star: Any) -> Row:
    """All cases of the module, rated in one call."""
    found: Row = star.rated(star_lake, request.module.cases(WORDS))
    return found
