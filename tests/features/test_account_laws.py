"""Laws of the customer account over random small insurers, and plain sums beside it."""

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.accounts.account import accounts
from features.accounts.items import BUSINESSES, ITEMS, LEVELS, Level
from features.lake import Lake
from features.settings import cutoff

Row = dict[str, Any]
Tables = dict[str, list[Row]]
LakeOf = Callable[..., Lake]
ZONE = "Asia/Shanghai"
SINCE, END = date(2024, 7, 1), date(2025, 6, 30)
OPEN, CUTOFF = cutoff(SINCE - timedelta(1), ZONE), cutoff(END, ZONE)
CUSTOMERS = ("C1", "C2", "C3", "C4")
FEW = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)


def noon(when: date) -> datetime:
    return datetime.combine(when, time(4), tzinfo=UTC)


def money(low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda fen: Decimal(fen).scaleb(-2))


def maybe(*values: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *values])


days = st.integers(0, 900).map(lambda number: date(2023, 7, 1) + timedelta(number))
POLICIES = tuple(f"P{number}" for number in range(6))


@st.composite
def insurers(draw: st.DrawFn) -> Tables:
    """Rows that may lack customer, policy, claim or price, some of them known late or corrected."""
    customers = [
        {
            "customer_id": name,
            "household_id": draw(maybe("H1", "H2")),
            "account_manager_id": draw(maybe("M1", "M2")),
            "branch": draw(maybe("B1", "B2")),
            "recorded_at": draw(st.sampled_from([noon(date(2019, 1, 1)), CUTOFF])),
        }
        for name in CUSTOMERS
    ]
    tables: Tables = defaultdict(list, customers=customers)
    tables["policies"] = []
    for name in draw(st.lists(st.sampled_from(POLICIES), unique=True, min_size=4)):
        begins = draw(days)
        length = draw(st.sampled_from([365, 365, 30, 7, 1096]))
        cancelled = draw(st.sampled_from([None, None, 0, 7]))
        first = {
            "policy_id": name,
            "customer_id": draw(st.sampled_from(CUSTOMERS)),
            "line": draw(st.sampled_from(["motor_compulsory", "motor_commercial", "health"])),
            "inception": begins,
            "expiry": begins + timedelta(length),
            "cancelled_on": None if cancelled is None else begins + timedelta(cancelled),
            "written_premium": draw(st.one_of(st.none(), money(-5_000, 900_000))),
            "recorded_at": noon(begins - timedelta(draw(st.integers(0, 40)))),
        }
        corrected = first["recorded_at"] + timedelta(draw(st.integers(1, 400)))
        tables["policies"] += [
            {**first, "superseded_at": corrected},
            {**first, "recorded_at": corrected, "written_premium": draw(money(0, 900_000))},
        ]
    claims = draw(st.integers(2, 4))
    tables["claims"] = [
        {
            "claim_id": f"L{number}",
            "customer_id": draw(st.sampled_from(CUSTOMERS)),
            "policy_id": draw(st.sampled_from([*POLICIES, "unknown"])),
            "occurred_at": (occurred := noon(draw(days))),
            "recorded_at": occurred + timedelta(draw(st.integers(0, 90))),
        }
        for number in range(claims)
    ]
    # Claim L9 is known by its movements alone, others have none.
    for name in draw(
        st.lists(st.sampled_from([f"L{n}" for n in range(claims)] + ["L9"]), min_size=3)
    ):
        moved = noon(draw(days))
        tables["claim_movements"].append(
            {
                "movement_id": str(len(tables["claim_movements"])),
                "claim_id": name,
                "customer_id": draw(st.sampled_from(CUSTOMERS)),
                "paid_change": draw(money(-50_000, 900_000)),
                "outstanding_change": draw(money(-900_000, 900_000)),
                "moved_at": moved,
                "recorded_at": moved,
            }
        )
    for number in range(draw(st.integers(3, 5))):
        on = noon(draw(days))
        tables["entitlements"].append(
            {
                "entitlement_id": str(number),
                "customer_id": draw(st.sampled_from(CUSTOMERS)),
                "unit_cost": draw(st.one_of(st.none(), money(0, 50_000))),
                "used_at": draw(st.sampled_from([None, on])),
            }
        )
        tables["interactions"].append(
            {
                "interaction_id": str(number),
                "customer_id": draw(st.sampled_from(CUSTOMERS)),
                "policy_id": draw(maybe(*POLICIES)),
                "cost": draw(st.one_of(st.none(), money(0, 500))),
                "occurred_at": on,
                "recorded_at": on,
            }
        )
    kinds = ("acquisition", "commission", "service", "contact", "other")
    for number in range(draw(st.integers(5, 9))):
        on = noon(draw(days))
        tables["costs"].append(
            {
                "cost_id": str(number),
                "customer_id": draw(maybe(*CUSTOMERS)),
                "policy_id": draw(maybe(*POLICIES)),
                "branch": draw(maybe("B1", "B9")),
                "kind": draw(st.sampled_from(kinds)),
                "amount": draw(money(-50_000, 500_000)),
                "incurred_at": on,
                "recorded_at": on,
            }
        )
    return dict(tables)


def known(tables: Tables, name: str) -> list[Row]:
    return [
        row
        for row in tables.get(name, [])
        if row.get("recorded_at", OPEN) < CUTOFF
        and not (row.get("superseded_at") and row["superseded_at"] < CUTOFF)
    ]


def inside(instant: datetime | None) -> bool:
    return instant is not None and OPEN <= instant < CUTOFF


def earned_by(policy: Row, day: date) -> Decimal:
    total = ((policy["cancelled_on"] or policy["expiry"]) - policy["inception"]).days or 1
    passed = min(max((day - policy["inception"]).days + 1, 0), total)
    exact = policy["written_premium"] * 100 * passed / total
    # Half up means upwards for refunds too, as in the entries.
    half = (exact + 1_000_000).quantize(Decimal(1), ROUND_HALF_UP) - 1_000_000
    return half.scaleb(-2)


def plain_entries(  # noqa: PLR0912
    tables: Tables,
) -> list[tuple[str | None, str | None, str, str, Decimal]]:
    """Customer, own branch, business, item and amount, by the sentences of docs/account.md."""
    policies = {row["policy_id"]: row for row in known(tables, "policies")}
    claims = {row["claim_id"]: row for row in known(tables, "claims")}
    found: list[tuple[str | None, str | None, str, str, Decimal | None]] = []

    def business(policy_id: str | None) -> str:
        if policy_id not in policies:
            return "unallocated"
        return "motor" if policies[policy_id]["line"].startswith("motor") else "non_motor"

    for name, row in policies.items():
        owner = (row["customer_id"], None, business(name))
        if SINCE <= row["inception"] <= END:
            found.append((*owner, "written_premium", row["written_premium"]))
        if row["written_premium"] is not None:
            earned = earned_by(row, END) - earned_by(row, SINCE - timedelta(1))
            found.append((*owner, "earned_premium", earned))
    for row in known(tables, "claim_movements"):
        claim = claims.get(row["claim_id"])
        if inside(claim["occurred_at"] if claim else row["moved_at"]):
            owner = (claim or row)["customer_id"]
            amount = row["paid_change"] + row["outstanding_change"]
            line = business(claim and claim["policy_id"])
            found.append((owner, None, line, "claims", amount))
    for row in known(tables, "entitlements"):
        if inside(row["used_at"]):
            found.append((row["customer_id"], None, "motor", "service_cost", row["unit_cost"]))
    for row in known(tables, "interactions"):
        if inside(row["occurred_at"]):
            line = business(row["policy_id"])
            found.append((row["customer_id"], None, line, "contact_cost", row["cost"]))
    for row in known(tables, "costs"):
        policy = policies.get(row["policy_id"])
        owner = row["customer_id"] or (policy and policy["customer_id"])
        item = "acquisition_cost" if row["kind"] == "commission" else f"{row['kind']}_cost"
        counts = inside(row["incurred_at"])
        if item == "acquisition_cost" and policy:
            counts = SINCE <= policy["inception"] <= END
        if row["kind"] in ("service", "contact") and owner:
            item = "booked_again"
        if counts:
            found.append((owner, row["branch"], business(row["policy_id"]), item, row["amount"]))
    return [(*rest, amount) for *rest, amount in found if amount]  # type: ignore[misc]


def plain_account(tables: Tables, by: Level) -> dict[str | None, dict[str, Decimal]]:
    people = {row["customer_id"]: row for row in known(tables, "customers")}
    found: dict[str | None, dict[str, Decimal]] = {}
    for customer, branch, business, item, amount in plain_entries(tables):
        person = people.get(customer, {})
        key = {
            "customer": customer,
            "household": person.get("household_id") or customer,
            "manager": person.get("account_manager_id"),
            "branch": person.get("branch") if customer else branch,
        }[by]
        sums = found.setdefault(key, defaultdict(Decimal))
        sums[f"{item}_{business}"] += amount
    return found


def with_later_rows(tables: Tables, seed: int, amount: Decimal) -> Tables:
    """The tables shuffled, with other amounts in all that became known after the period."""
    changed: Tables = {"claim_movements": []}
    for name, rows in tables.items():
        changed[name] = []
        for row in rows:
            later = {
                key: amount
                for key in row
                if key in ("written_premium", "paid_change", "unit_cost", "cost", "amount")
            }
            if row.get("recorded_at", OPEN) >= CUTOFF:
                changed[name].append({**row, **later})
            elif row.get("superseded_at"):
                changed[name].append(row)
            else:
                changed[name].append({**row, "superseded_at": CUTOFF})
                changed[name].append({**row, **later, "recorded_at": CUTOFF})
        random.Random(seed).shuffle(changed[name])
    return changed


@FEW
@given(tables=insurers(), seed=st.integers(0, 99), amount=money(1, 900_000))
def test_every_level_is_the_plain_sum_of_what_was_known(
    lake_of: LakeOf, tables: Tables, seed: int, amount: Decimal
) -> None:
    lake = lake_of(**with_later_rows(tables, seed, amount))
    totals = []
    for by in LEVELS:
        done = accounts(lake, SINCE, END, by)
        rows = {row["key"]: row for row in done.rows.to_pylist()}
        plain = plain_account(tables, by)
        assert rows.keys() == plain.keys()
        for key, row in rows.items():
            for item in ITEMS:
                parts = [row[f"{item}_{business}"] for business in BUSINESSES]
                wanted = [plain[key].get(f"{item}_{business}", 0) for business in BUSINESSES]
                assert (parts, row[item]) == (wanted, sum(wanted)), (by, key, item)
            spent = row["claims"] + sum(row[item] for item in ITEMS if item.endswith("_cost"))
            assert row["profit"] == row["written_premium"] - spent
            assert row["earned_profit"] == row["earned_premium"] - spent
            assert row["profit"] == sum(row[f"profit_{business}"] for business in BUSINESSES)
        totals.append({name: value for name, value in done.total.items() if name != "customers"})
    assert totals[1:] == totals[:-1]


@FEW
@given(
    premiums=st.lists(st.tuples(money(-90_000, 90_000_000), st.integers(1, 1100)), min_size=30),
    cut=st.integers(1, 900),
)
def test_periods_side_by_side_earn_the_premium(
    lake_of: LakeOf, premiums: list[tuple[Decimal, int]], cut: int
) -> None:
    begins, ends = date(2023, 1, 1), date(2026, 12, 31)
    policies = [
        {
            "policy_id": str(number),
            "customer_id": "C1",
            "line": "health",
            "inception": begins + timedelta(number % 300),
            "expiry": begins + timedelta(number % 300 + length),
            "written_premium": premium,
        }
        for number, (premium, length) in enumerate(premiums)
    ]
    lake = lake_of(customers=[{"customer_id": "C1"}], policies=policies)
    middle = begins + timedelta(cut)
    halves = ((begins, middle), (middle + timedelta(1), ends), (begins, ends))
    earned = [accounts(lake, *half, "customer").total["earned_premium"] for half in halves]
    assert earned[0] + earned[1] == earned[2] == sum(premium for premium, _ in premiums)
