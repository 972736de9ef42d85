"""The entitlement ledger on tiny histories, every number worked out by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.lake.spine import spine_of_customers
from features.stars.entitlements import balances
from features.stars.explain import StarSettings
from features.stars.ledger import explain_entitlements

Row = dict[str, Any]
LakeOf = Callable[..., Lake]
CUSTOMER = {"customer_id": "C1"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def term(policy_id: str, inception: str, expiry: str, premium: float = 0.0, **more: Any) -> Row:
    """A private car's term, known from noon of its first day in the insurer's time zone."""
    row = {
        "policy_id": policy_id,
        "line": "motor_commercial",
        "private_car": True,
        "inception": date.fromisoformat(inception),
        "expiry": date.fromisoformat(expiry),
        "written_premium": premium,
        "recorded_at": at(f"{inception}T04:00"),
    }
    return {**CUSTOMER, **row, **more}


def grant(entitlement_id: str, service_class: str, granted: str, expires: str, **more: Any) -> Row:
    row = {
        "entitlement_id": entitlement_id,
        "service": "any",
        "service_class": service_class,
        "granted_at": at(granted),
        "expires_on": date.fromisoformat(expires),
        "unit_cost": 25.0,
        "recorded_at": at(granted),
    }
    return {**CUSTOMER, **row, **more}


def claim(claim_id: str, policy_id: str, occurred: str) -> Row:
    row = {"claim_id": claim_id, "policy_id": policy_id}
    return {**CUSTOMER, **row, "occurred_at": at(occurred), "recorded_at": at(occurred)}


def move(claim_id: str, recorded: str, outstanding: float) -> Row:
    row = {"movement_id": claim_id + recorded, "claim_id": claim_id, "recorded_at": at(recorded)}
    return {**CUSTOMER, **row, "paid_change": 0.0, "outstanding_change": outstanding}


# 2023: first year, coefficient 0, bronze. On 2024-03-01 (10,000 - 2,000) * 1 = 8,000, silver; the
# reserve is released in the first minute of 10 September: 10,000, gold; a new claim leaves 1,000,
# bronze. On 2025-03-01 (13,000 - 9,000) * 1.1 = 4,400, bronze.
RISEN: dict[str, list[Row]] = {
    "customers": [CUSTOMER],
    "policies": [
        term("P1", "2023-03-01", "2024-03-01", 6000.0),
        term("P2", "2024-03-01", "2025-03-01", 4000.0),
        term("P3", "2025-03-01", "2026-03-01", 3000.0),
    ],
    "claims": [claim("L1", "P1", "2024-01-15T04:00"), claim("L2", "P2", "2024-10-01T04:00")],
    "claim_movements": [
        move("L1", "2024-02-01T04:00", 2000.0),
        move("L1", "2024-09-09T16:00", -2000.0),
        move("L2", "2024-10-01T05:00", 9000.0),
    ],
    "entitlements": [],
}


def found(lake: Lake, *days: str, **more: Any) -> dict[tuple[Any, ...], Row]:
    """Balances by date and class, and by the year where every year is asked for."""
    spine = spine_of_customers(lake, [date.fromisoformat(day) for day in days])
    rows = lake.engine.to_pyarrow(balances(lake, spine, **more)).to_pylist()
    by = (["year_start"] if more.get("every_year") else []) + ["service_class"]
    keyed = {(str(row["as_of"]), *(str(row[name]) for name in by)): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def allowances(rows: dict[tuple[Any, ...], Row], day: str) -> tuple[Any, ...]:
    return tuple(rows[day, name]["allowance"] for name in "ABC")


def test_an_upgrade_counts_at_once_and_a_downgrade_next_year(lake_of: LakeOf) -> None:
    expected = {
        "2024-02-29": (2, 0, 0),
        "2024-03-01": (3, 1, 0),
        "2024-09-09": (3, 1, 0),
        "2024-09-10": (3, 3, 0),
        "2024-10-01": (3, 3, 0),
        "2025-02-28": (3, 3, 0),
        "2025-03-01": (2, 0, 0),
    }
    lake = lake_of(**RISEN)
    rows = found(lake, *expected)
    assert {day: allowances(rows, day) for day in expected} == expected
    # By setting, the first day of the year decides.
    rows = found(lake, *expected, settings=StarSettings(entitlement_upgrade_at_once=False))
    risen = dict.fromkeys(("2024-09-10", "2024-10-01", "2025-02-28"), (3, 1, 0))
    assert {day: allowances(rows, day) for day in expected} == {**expected, **risen}


def test_a_claim_that_leaves_the_window_raises_the_allowance_that_day(lake_of: LakeOf) -> None:
    """Five terms of 2,000 yuan in the window: (10,000 - 6,000) * 1.3 is silver, 13,000 gold."""
    tables: dict[str, list[Row]] = {"policies": [], "claims": [], "claim_movements": []}
    # Five years after 29 February is the last day on which such a claim counts.
    for name, occurred in (("C1", "2020-02-29"), ("C2", "2020-03-10")):
        owner = {"customer_id": name}
        for year in range(2020, 2026):
            policy = term(f"{name}-{year}", f"{year}-02-01", f"{year + 1}-02-01", 2000.0)
            tables["policies"].append({**policy, **owner})
        tables["claims"].append({**claim(name, f"{name}-2020", f"{occurred}T04:00"), **owner})
        tables["claim_movements"].append({**move(name, f"{occurred}T05:00", 6000.0), **owner})
    customers = [{"customer_id": name} for name in ("C1", "C2")]
    lake = lake_of(customers=customers, entitlements=[], **tables)
    days = [date(2025, 2, 28), date(2025, 3, 1), date(2025, 3, 9), date(2025, 3, 10)]
    rows = lake.engine.to_pyarrow(balances(lake, spine_of_customers(lake, days))).to_pylist()
    told = {
        (row["customer_id"], row["as_of"].isoformat()): row["allowance"]
        for row in rows
        if row["service_class"] == "B"
    }
    assert told == {
        ("C1", "2025-02-28"): 1,
        ("C1", "2025-03-01"): 3,
        ("C1", "2025-03-09"): 3,
        ("C1", "2025-03-10"): 3,
        ("C2", "2025-02-28"): 1,
        ("C2", "2025-03-01"): 1,
        ("C2", "2025-03-09"): 1,
        ("C2", "2025-03-10"): 3,
    }


def test_counts_cost_and_balance_of_a_year(lake_of: LakeOf) -> None:
    grants = [
        # The year begins on 1 March in Shanghai, which is 16:00 of 29 February in UTC.
        grant("E0", "A", "2024-02-29T15:59", "2025-03-01"),
        grant("E1", "A", "2024-02-29T16:00", "2025-03-01", unit_cost=180.0,
              notified_at=at("2024-03-02T00:00"), activated_at=at("2024-03-03T00:00"),
              used_at=at("2024-04-01T00:00")),
        grant("E2", "A", "2024-03-05T00:00", "2024-06-30", notified_at=at("2024-03-06T00:00")),
        grant("E3", "A", "2024-05-05T00:00", "2025-03-01", used_at=at("2024-06-30T16:00")),
        grant("E4", "B", "2024-03-05T00:00", "2024-07-01", unit_cost=None,
              used_at=at("2024-06-30T15:59")),
        grant("E5", "B", "2024-03-06T00:00", "2025-03-01"),
        # Granted later, or known later: not there on 30 June.
        grant("E6", "B", "2024-07-01T00:00", "2025-03-01", recorded_at=at("2024-06-01T00:00")),
        grant("E7", "B", "2024-06-01T00:00", "2025-03-01", recorded_at=at("2024-07-01T00:00")),
    ]  # fmt: skip
    lake = lake_of(**{**RISEN, "entitlements": grants})
    rows = found(lake, "2024-06-30")
    names = ("allowance", "granted", "notified", "activated", "used", "expired", "open")
    counts = {name: tuple(rows["2024-06-30", name][n] for n in names) for name in "ABC"}
    assert counts == {
        "A": (3, 3, 2, 1, 1, 1, 1),
        "B": (1, 2, 0, 0, 1, 0, 1),
        "C": (0, 0, 0, 0, 0, 0, 0),
    }
    money = {name: rows["2024-06-30", name]["used_cost"] for name in "ABC"}
    assert money == {"A": Decimal("180.00"), "B": Decimal("0.00"), "C": Decimal("0.00")}
    ends = ("used_without_cost", "balance", "beyond_allowance")
    assert [tuple(rows["2024-06-30", name][n] for n in ends) for name in "ABC"] == [
        (0, 0, 0),
        (1, -1, 1),
        (0, 0, 0),
    ]
    # The earlier year keeps its grant; the next day the late and the new ones are there too.
    every = found(lake, "2024-06-30", "2024-07-01", every_year=True)
    assert every["2024-06-30", "2023-03-01", "A"]["granted"] == 1
    assert every["2024-06-30", "2024-03-01", "B"]["granted"] == 2
    assert every["2024-07-01", "2024-03-01", "B"]["granted"] == 4
    assert every["2024-07-01", "2024-03-01", "B"]["beyond_allowance"] == 3
    assert every["2024-07-01", "2024-03-01", "A"]["used"] == 2


def test_the_lines_behind_a_balance(lake_of: LakeOf) -> None:
    grants = [
        grant("E2", "B", "2024-05-01T04:00", "2025-03-01", used_at=at("2024-05-02T04:00")),
        grant("E1", "B", "2024-04-01T04:00", "2024-06-30"),
        grant("E3", "A", "2024-04-01T04:00", "2025-03-01"),
        grant("E4", "B", "2022-12-31T04:00", "2023-12-31"),
    ]
    lake = lake_of(**{**RISEN, "entitlements": grants})
    days = date(2024, 6, 30), date(2024, 9, 10)
    rows = [row for day in days for row in explain_entitlements(lake, "C1", day).lines]
    told = {
        (str(row["as_of"]), row["entitlement_id"]): (
            row["year_start"] and str(row["year_start"]),
            row["state"],
            row["number"],
            row["allowance"],
            row["beyond_allowance"],
        )
        for row in rows
    }
    assert told == {
        ("2024-06-30", "E1"): ("2024-03-01", "expired", 1, 1, False),
        ("2024-06-30", "E2"): ("2024-03-01", "used", 2, 1, True),
        ("2024-06-30", "E3"): ("2024-03-01", "open", 1, 3, False),
        ("2024-06-30", "E4"): (None, "expired", 1, 0, True),
        # Gold allows three: what was granted too early is covered now.
        ("2024-09-10", "E1"): ("2024-03-01", "expired", 1, 3, False),
        ("2024-09-10", "E2"): ("2024-03-01", "used", 2, 3, False),
        ("2024-09-10", "E3"): ("2024-03-01", "open", 1, 3, False),
        ("2024-09-10", "E4"): (None, "expired", 1, 0, True),
    }


def years_of(rows: dict[tuple[Any, ...], Row], day: str) -> list[tuple[str, str]]:
    found = [row for (on, *_), row in rows.items() if on == day and row["year_start"]]
    return sorted({(str(row["year_start"]), str(row["year_end"])) for row in found})


def test_years_follow_the_chain(lake_of: LakeOf) -> None:
    policies = [
        # A chain from 29 February, over a gap of less than six months ...
        term("P1", "2024-02-29", "2025-02-28"),
        term("P2", "2025-06-30", "2026-06-30"),
        # ... and a new chain, which cuts the old one's last year short.
        term("P3", "2027-01-15", "2028-01-15"),
    ]
    lake = lake_of(customers=[CUSTOMER], policies=policies, claim_movements=[], entitlements=[])
    rows = found(lake, "2026-01-01", "2026-12-31", "2027-01-15", every_year=True)
    old = [("2024-02-29", "2025-02-28"), ("2025-02-28", "2026-02-28")]
    assert years_of(rows, "2026-01-01") == old
    last = ("2026-02-28", "2027-02-28")
    assert years_of(rows, "2026-12-31") == [*old, last]
    cut = ("2026-02-28", "2027-01-15")
    assert years_of(rows, "2027-01-15") == [*old, cut, ("2027-01-15", "2028-01-15")]
    calendar = StarSettings(entitlement_year="calendar")
    rows = found(lake, "2026-01-01", settings=calendar, every_year=True)
    assert years_of(rows, "2026-01-01") == [
        ("2024-02-29", "2025-01-01"),
        ("2025-01-01", "2026-01-01"),
        ("2026-01-01", "2027-01-01"),
    ]


def test_nothing_is_allowed_without_cover(lake_of: LakeOf) -> None:
    policies = [
        term("P1", "2024-03-01", "2025-03-01"),
        # Known only after it had ended: nobody could have been entitled.
        term("P2", "2025-05-01", "2025-06-01", recorded_at=at("2025-07-01T04:00")),
    ]
    grants = [grant("E1", "A", "2025-04-01T04:00", "2025-12-31")]
    lake = lake_of(
        customers=[CUSTOMER, {"customer_id": "C2"}],
        policies=policies,
        claim_movements=[],
        entitlements=grants,
    )
    spine = spine_of_customers(lake, [date(2025, 2, 28), date(2025, 4, 30), date(2025, 7, 1)])
    rows = lake.engine.to_pyarrow(balances(lake, spine)).to_pylist()
    told = {
        (row["customer_id"], str(row["as_of"])): (str(row["year_start"]), row["allowance"])
        for row in rows
        if row["service_class"] == "A"
    }
    assert told == {
        ("C1", "2025-02-28"): ("2024-03-01", 2),
        ("C1", "2025-04-30"): ("None", 0),
        ("C1", "2025-07-01"): ("2025-03-01", 0),
        **{("C2", day): ("None", 0) for day in ("2025-02-28", "2025-04-30", "2025-07-01")},
    }
    # What was granted without a year is not lost.
    every = found(lake, "2025-04-30", every_year=True)
    assert every["2025-04-30", "None", "A"]["beyond_allowance"] == 1


def test_a_term_cancelled_from_its_inception_makes_no_year(lake_of: LakeOf) -> None:
    first = term("P1", "2024-03-01", "2025-03-01", superseded_at=at("2024-03-20T04:00"))
    gone = {**first, "recorded_at": at("2024-03-20T04:00"), "superseded_at": None}
    gone["cancelled_on"] = date(2024, 3, 1)
    lake = lake_of(
        customers=[CUSTOMER],
        policies=[first, gone],
        claim_movements=[],
        entitlements=[grant("E1", "A", "2024-03-02T04:00", "2025-03-01")],
    )
    assert found(lake, "2024-03-19")["2024-03-19", "A"]["balance"] == 1
    after = found(lake, "2024-03-20", every_year=True)
    assert list(after) == [("2024-03-20", "None", "A")]
    assert after["2024-03-20", "None", "A"]["balance"] == -1


def test_without_movements_the_allowance_is_unknown(lake_of: LakeOf) -> None:
    tables = {**RISEN, "entitlements": [grant("E1", "A", "2024-03-02T04:00", "2025-03-01")]}
    del tables["claim_movements"]
    lake = lake_of(**tables)
    row = found(lake, "2024-06-30")["2024-06-30", "A"]
    assert (row["granted"], row["allowance"], row["balance"]) == (1, None, None)
    (line,) = explain_entitlements(lake, "C1", date(2024, 6, 30)).lines
    assert line["beyond_allowance"] is None


def test_the_ledger_of_one_customer(lake_of: LakeOf) -> None:
    grants = [grant("E1", "B", "2024-04-30T16:30", "2025-03-01", used_at=at("2024-05-02T04:00"))]
    lake = lake_of(**{**RISEN, "entitlements": grants})
    ledger = explain_entitlements(lake, "C1", date(2024, 12, 31))
    assert (ledger.year_start, ledger.year_end) == (date(2024, 3, 1), date(2025, 3, 1))
    assert [(str(step.day), step.star_level, step.covered) for step in ledger.stars] == [
        ("2024-03-01", 2, True),
        ("2024-09-10", 3, True),
        ("2024-10-01", 1, True),
    ]
    assert ledger.covered
    assert [line["granted_on"] for line in ledger.lines] == [date(2024, 5, 1)]
    running = [row for row in ledger.balances if row["year_start"] == ledger.year_start]
    assert [(row["service_class"], row["balance"]) for row in running] == [
        ("A", 3),
        ("B", 2),
        ("C", 0),
    ]
    # Cancelled in the middle of the year: the year runs on, but nothing may be granted.
    policies = [*RISEN["policies"][:1], {**RISEN["policies"][1], "cancelled_on": date(2024, 8, 1)}]
    left = lake_of(**{**RISEN, "policies": policies})
    ledger = explain_entitlements(left, "C1", date(2024, 12, 31))
    assert (ledger.year_start, ledger.covered) == (date(2024, 3, 1), False)


def test_an_unknown_customer_or_missing_table_is_refused(lake_of: LakeOf) -> None:
    lake = lake_of(**RISEN)
    with pytest.raises(GuanjiaError, match="customer C9: is not known as of 2024-12-31"):
        explain_entitlements(lake, "C9", date(2024, 12, 31))
    lake.checked("entitlements").unlink()
    with pytest.raises(GuanjiaError, match="table entitlements: has no checked rows"):
        explain_entitlements(lake, "C1", date(2024, 12, 31))
