"""Every recorded claim on a customer's cars counts, whichever policy it names.

Four terms of 6,000 make a premium of 24,000 and, with four years of tenure, the coefficient 1.2:
28,800, five stars. A claim of 9,000 leaves (24,000 - 9,000) * 1.2 = 18,000, four stars.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pytest

from features.checking.check import TableCheck, check_tables
from features.checking.plausible import OVERLAPPING
from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.settings import Settings
from features.stars.explain import explain_rating
from features.stars.value import rate

Row = dict[str, Any]
Put = Callable[[Lake, str, list[Row]], None]
DAY = date(2025, 6, 30)
FIVE, FOUR = (Decimal(28_800), 5), (Decimal(18_000), 4)
T0 = "2024-01-01 00:00:00+00"


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def term(policy: str, inception: str, **more: Any) -> Row:
    begins = date.fromisoformat(inception)
    row = {"policy_id": policy, "customer_id": "C1", "vehicle_id": "V1",
           "line": "motor_commercial", "private_car": True, "inception": begins,
           "expiry": begins.replace(year=begins.year + 1), "written_premium": Decimal(6000),
           "signed_at": at(inception), "recorded_at": at(inception)}  # fmt: skip
    return row | more


TERMS = [term(f"P{year}", f"{year}-03-01") for year in (2022, 2023, 2024, 2025)]
VOID = term("VOID", "2024-05-01", cancelled_on=date(2024, 5, 1))
EARLY = term("EARLY", "2021-05-01", cancelled_on=date(2021, 5, 1))
EARLY_CLAIMS = ("EARLY", "P00")
AHEAD = term("AHEAD", "2025-09-01", recorded_at=at("2025-06-01"), signed_at=at("2025-06-01"))
LATER = term("LATER", "2024-05-01", recorded_at=at("2025-08-01"))
TRUCK = term("TRUCK", "2024-05-01", private_car=False, vehicle_id="V9")
VAN = term("VAN", "2024-05-01", private_car=False)
HOME = term("HOME", "2024-05-01", line="household", private_car=None)

COUNTED: list[tuple[str, str, str | None, list[Row], tuple[Decimal, int]]] = [
    # name, the claim's policy and car, terms beside the four, value and star
    ("its term", "P2024", "V1", [], FOUR),
    ("its term, no car named", "P2024", None, [], FOUR),
    ("its term, another car named", "P2024", "V9", [], FOUR),
    ("an unknown policy, its car", "P0", "V1", [], FOUR),
    ("an unknown policy, no car named", "P0", None, [], FIVE),
    ("an unknown policy, a car of nobody", "P0", "V9", [], FIVE),
    ("a term recorded later", "LATER", "V1", [LATER], FOUR),
    ("a term recorded later, no car named", "LATER", None, [LATER], FIVE),
    ("a term cancelled from its inception", "VOID", "V1", [VOID], FOUR),
    ("the same, no car named", "VOID", None, [VOID], FOUR),
    ("the same, a car that has no other", "VOID", None, [VOID | {"vehicle_id": "V9"}], FIVE),
    # Of a term that never existed, where no other of the car had begun: nobody had cover.
    ("a void term before the first", "EARLY", "V1", [EARLY], FIVE),
    ("an unknown policy before the first", "P00", "V1", [], FOUR),
    ("a term that has not begun", "AHEAD", None, [AHEAD], FOUR),
    ("a term of another kind of car", "TRUCK", "V9", [TRUCK], FIVE),
    ("a term of the car as a van", "VAN", "V1", [VAN], FIVE),
    ("a household policy", "HOME", "V1", [HOME], FIVE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "car", "terms", "rating"),
    [case[1:] for case in COUNTED],
    ids=[case[0] for case in COUNTED],
)
def test_a_claim_counts_by_its_term_or_else_by_its_car(
    put: Put, tmp_path: Path, policy: str, car: str | None, terms: list[Row], rating: Any
) -> None:
    lake = Lake(Settings(home=tmp_path))
    told = {"customer_id": "C1", "claim_id": "K1", "recorded_at": at("2024-06-02")}
    occurred = "2021-06-01" if policy in EARLY_CLAIMS else "2024-06-01"
    put(lake, "customers", [{"customer_id": "C1"}])
    put(lake, "policies", [*TERMS, *terms])
    put(lake, "claims", [told | {"policy_id": policy, "vehicle_id": car,
                                 "occurred_at": at(occurred)}])  # fmt: skip
    put(lake, "claim_movements", [told | {"movement_id": "M1", "moved_at": at("2024-06-02"),
                                          "paid_change": Decimal(9000),
                                          "outstanding_change": Decimal(0)}])  # fmt: skip
    (row,) = rate(lake, spine_of_customers(lake, [DAY])).to_pyarrow().to_pylist()
    # A truck or a van is no private car, but its cover is in the chain all the same.
    assert (row["value"], row["star_level"]) == rating
    explained = explain_rating(lake, "C1", DAY)
    assert (explained.value, explained.star_level) == rating
    assert sum(claim.paid for claim in explained.claims) == explained.claims_5y
    # What does not count is told.
    assert [claim.claim_id for claim in explained.uncounted] == ["K1"] * (rating == FIVE)
    told = [text for text in explained.sentences if text.startswith("Not counted: 1 claim(s)")]
    assert len(told) == (rating == FIVE)


def deliver(lake: Lake, **tables: list[Row]) -> dict[str, TableCheck]:
    """Write the rows as delivered CSV files, and check them."""
    for table, rows in tables.items():
        folder = lake.raw(table)
        folder.mkdir(parents=True, exist_ok=True)
        names = list(dict.fromkeys(name for row in rows for name in row))
        texts = {n: [None if row.get(n) is None else str(row[n]) for row in rows] for n in names}
        cells = {name: pa.array(column, pa.string()) for name, column in texts.items()}
        pc.write_csv(pa.table(cells), folder / "part.csv")
    return {check.table: check for check in check_tables(lake)}


def customer(name: str) -> Row:
    return {"customer_id": name, "registered_at": T0, "recorded_at": T0}


def claim(**more: Any) -> Row:
    return {"claim_id": "K1", "customer_id": "C1", "policy_id": "P2024", "vehicle_id": None,
            "occurred_at": "2024-06-01", "reported_at": "2024-06-01",
            "recorded_at": "2024-06-02"} | more  # fmt: skip


def movement(**more: Any) -> Row:
    return {"movement_id": "M1", "claim_id": "K1", "customer_id": "C1", "moved_at": "2024-06-02",
            "paid_change": "9000", "outstanding_change": "0",
            "recorded_at": "2024-06-02"} | more  # fmt: skip


FOREIGN: list[tuple[str, Row, Row, dict[str, int], tuple[int, int]]] = [
    # name, claim, movement, stars of C1 and C2
    ("all of one customer", {}, {}, {}, (4, 1)),
    ("the claim names another customer", {"customer_id": "C2"}, {"customer_id": "C2"},
     {"the policy is another customer's": 1, "the claim is another customer's": 1}, (4, 1)),
    ("the movement names another customer", {}, {"customer_id": "C2"},
     {"the claim is another customer's": 1}, (4, 1)),
    # It waits for its claim; then it is the claim's.
    ("the movement comes before its claim", {"recorded_at": "2024-06-09"}, {"customer_id": "C2"},
     {"the claim is another customer's": 1}, (4, 1)),
    ("the movement has no claim", {}, {"claim_id": "K9"}, {"claim_id is not a known claim": 1},
     (5, 1)),
    ("nobody knows the policy", {"policy_id": "P0", "vehicle_id": "V1"}, {},
     {"policy_id is not a known policy": 1}, (4, 1)),
    ("the policy is told later", {"customer_id": "C2", "policy_id": "LATER"}, {"customer_id": "C2"},
     {"the policy is another customer's and was recorded after": 1}, (5, 1)),
    ("a void term", {"policy_id": "VOID"}, {}, {"the term was cancelled from its inception": 1},
     (4, 1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("claimed", "moved", "notes", "stars"),
    [case[1:] for case in FOREIGN],
    ids=[case[0] for case in FOREIGN],
)
def test_a_check_says_which_claims_are_odd_and_how_they_count(
    tmp_path: Path, claimed: Row, moved: Row, notes: dict[str, int], stars: tuple[int, int]
) -> None:
    lake = Lake(Settings(home=tmp_path))
    checks = deliver(
        lake,
        customers=[customer("C1"), customer("C2")],
        policies=[*TERMS, VOID, LATER],
        claims=[claim(**claimed)],
        claim_movements=[movement(**moved)],
    )
    checks["policies"].notes.pop(OVERLAPPING)  # LATER covers the car a second time
    told = {note: n for check in checks.values() for note, n in check.notes.items()}
    assert len(told) == len(notes)
    for beginning, number in notes.items():
        assert [n for note, n in told.items() if note.startswith(beginning)] == [number], told
    assert not any(check.bad for check in checks.values())
    rows = rate(lake, spine_of_customers(lake, [DAY])).to_pyarrow().to_pylist()
    assert tuple(row["star_level"] for row in sorted(rows, key=lambda r: r["customer_id"])) == stars
    # Explained of the rows of one customer alone.
    explained = [explain_rating(lake, name, DAY).star_level for name in ("C1", "C2")]
    assert tuple(explained) == stars


def test_a_policy_told_later_moves_no_claim_of_the_past(tmp_path: Path) -> None:
    """The claim of C2 stays with C2 though its policy, told of in August, is C1's."""
    lake = Lake(Settings(home=tmp_path))
    tables = {"customers": [customer("C1"), customer("C2")], "claims":
              [claim(customer_id="C2", policy_id="LATER", vehicle_id="V1")],
              "claim_movements": [movement(customer_id="C2")]}  # fmt: skip
    before = deliver(lake, policies=TERMS, **tables)["claims"].notes
    (then,) = lake.table("claims").to_pyarrow().to_pylist()
    after = deliver(lake, policies=[*TERMS, LATER], **tables)["claims"].notes
    (now,) = lake.table("claims").to_pyarrow().to_pylist()
    assert then == now
    assert then["customer_id"] == "C2"
    assert list(before) != list(after)
