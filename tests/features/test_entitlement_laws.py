"""Laws of the entitlement ledger over random histories, and a second implementation by the day."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.lake import Lake
from features.lake.compiled import compile_once
from features.lake.spine import spine_of, spine_of_customers
from features.settings import cutoff
from features.stars.entitlements import balances
from features.stars.explain import StarSettings
from features.stars.ledger import explain_entitlements
from features.stars.value import rate

Row = dict[str, Any]
Tables = dict[str, list[Row]]
ZONE = "Asia/Shanghai"
END = date(2025, 6, 30)
CUTOFF = cutoff(END, ZONE)
CUSTOMERS = [f"C{number}" for number in range(5)]
RULE = StarSettings()
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


@st.composite
def histories(draw: st.DrawFn) -> Tables:
    """Terms renewed or not, claims that move stars within the year, grants around all of them."""
    tables: Tables = {
        "customers": [{"customer_id": name} for name in CUSTOMERS],
        "policies": [],
        "claims": [],
        "claim_movements": [],
        "entitlements": [],
    }
    for name in CUSTOMERS:
        begins = date(2021, 6, 1) + timedelta(draw(st.integers(0, 700)))
        for number in range(draw(st.integers(2, 5))):
            policy = _term(draw, name, number, begins)
            tables["policies"].append(policy)
            for claim in range(draw(st.sampled_from([0, 0, 1, 2]))):
                _add_claim(draw, tables, policy, claim)
            begins = policy["expiry"] + timedelta(draw(st.sampled_from([0, 0, 0, 60, 250])))
        for number in range(draw(st.integers(3, 8))):
            tables["entitlements"].append(_grant(draw, name, number))
    return tables


def _term(draw: st.DrawFn, customer: str, number: int, begins: date) -> Row:
    cancelled = draw(st.sampled_from([None, None, None, None, 0, 100]))
    return {
        "policy_id": f"{customer}-{number}",
        "customer_id": customer,
        "line": "motor_commercial",
        "private_car": True,
        "inception": begins,
        "expiry": begins + timedelta(365),
        "cancelled_on": None if cancelled is None else begins + timedelta(cancelled),
        "written_premium": draw(money(100_000, 1_500_000)),
        "recorded_at": noon(begins - timedelta(draw(st.integers(-40, 40)))),
    }


def _add_claim(draw: st.DrawFn, tables: Tables, policy: Row, number: int) -> None:
    occurred = noon(policy["inception"] + timedelta(draw(st.integers(0, 364))))
    name = {
        "customer_id": policy["customer_id"],
        "claim_id": f"{policy['policy_id']}-{number}",
    }
    tables["claims"].append(
        {**name, "policy_id": policy["policy_id"], "occurred_at": occurred, "recorded_at": occurred}
    )
    for step in range(draw(st.integers(1, 3))):
        tables["claim_movements"].append(
            {
                **name,
                "movement_id": f"{name['claim_id']}-{step}",
                "paid_change": draw(money(0, 300_000)),
                "outstanding_change": draw(money(-600_000, 600_000)),
                "recorded_at": occurred + timedelta(hours=draw(st.integers(0, 8000))),
            }
        )


def _grant(draw: st.DrawFn, customer: str, number: int) -> Row:
    granted = noon(date(2021, 6, 1)) + timedelta(hours=draw(st.integers(0, 36_000)))
    used = draw(st.sampled_from([None, None, 1, 50, 300]))
    return {
        "entitlement_id": f"{customer}-{number}",
        "customer_id": customer,
        "service": "any",
        "service_class": draw(st.sampled_from("AABC")),
        "granted_at": granted,
        "activated_at": draw(st.sampled_from([None, granted + timedelta(days=3)])),
        "used_at": None if used is None else granted + timedelta(days=used),
        "expires_on": granted.date() + timedelta(draw(st.integers(30, 365))),
        "unit_cost": draw(st.one_of(st.none(), money(0, 50_000))),
        "recorded_at": granted + timedelta(days=draw(st.sampled_from([0, 0, 0, 30, 400]))),
    }


def ledger(lake: Lake, *, every_year: bool = True) -> list[Row]:
    spine = spine_of_customers(lake, [END])
    rows = lake.engine.to_pyarrow(balances(lake, spine, every_year=every_year)).to_pylist()
    return sorted(rows, key=lambda row: (row["customer_id"], str(row["year_start"]), *row.values()))


def stars_by_day(lake: Lake, first: date) -> dict[tuple[str, date], Row]:
    """The rating of every customer on every day: what the ledger finds with far fewer."""
    days = [first + timedelta(number) for number in range((END - first).days + 1)]
    pairs = [(name, day) for name in CUSTOMERS for day in days]
    spine = pa.table(
        {
            "customer_id": pa.array([name for name, _ in pairs], pa.string()),
            "as_of": pa.array([day for _, day in pairs], pa.date32()),
            "cutoff": pa.array([cutoff(day, ZONE) for _, day in pairs], pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(spine, lake.home / "spine.parquet")
    by_day = lake.read(str(lake.home / "spine.parquet"), "spine_of_laws")
    for table in ("policies", "claims", "claim_movements"):
        lake.table(table)
    # The SQL is the same whatever the rows are; it reads the tables by name.
    query = compile_once(lake, ("stars by day",), lambda: rate(lake, spine_of(by_day), RULE))
    rows = lake.con.sql(query).to_arrow_table().to_pylist()
    return {(row["customer_id"], row["as_of"]): row for row in rows}


def civil_day(instant: datetime) -> date:
    return (instant + timedelta(hours=8)).date()  # Shanghai has had no summer time since 1991


def plainly(tables: Tables, row: Row, stars: dict[tuple[str, date], Row]) -> Row:
    """A row of the ledger by the sentences of docs/entitlements.md, its year given."""
    start, end = row["year_start"], row["year_end"]
    allowed = [0]
    day = start
    while start and day < end and day <= END:
        star = stars[row["customer_id"], day]
        if star["cover_end"] and star["cover_end"] > day:
            tier = RULE.tier(star["star_level"])
            allowed.append(getattr(tier, f"{row['service_class'].lower()}_services"))
        day += timedelta(1)
    granted = [
        one
        for one in tables["entitlements"]
        if (one["customer_id"], one["service_class"]) == (row["customer_id"], row["service_class"])
        and one["recorded_at"] < CUTOFF
        and (not start or start <= civil_day(one["granted_at"]) < end)
    ]
    used = [one for one in granted if one["used_at"] and one["used_at"] < CUTOFF]
    unused = [one for one in granted if one not in used]
    expired = [one for one in unused if one["expires_on"] <= END]
    return {
        "allowance": max(allowed),
        "granted": len(granted),
        "activated": sum(
            1 for one in granted if one["activated_at"] and one["activated_at"] < CUTOFF
        ),
        "used": len(used),
        "expired": len(expired),
        "open": len(unused) - len(expired),
        "used_cost": sum((one["unit_cost"] or Decimal(0) for one in used), Decimal(0)),
        "balance": max(allowed) - len(granted),
        "beyond_allowance": max(len(granted) - max(allowed), 0),
    }


def with_later_rows(tables: Tables, seed: int, amount: Decimal) -> Tables:
    """The tables shuffled, and changed in all that became known, or happened, after the date."""
    changed: Tables = {}
    for name, rows in tables.items():
        changed[name] = []
        for row in rows:
            known = row.get("recorded_at", CUTOFF - timedelta(days=1)) < CUTOFF
            other = {key: amount for key in row if key.endswith(("premium", "change", "unit_cost"))}
            other |= {key: None for key in row if key in ("used_at", "activated_at")}
            if not known:
                changed[name].append({**row, **other})
                continue
            # What had not happened by then, and a version of the first instant after.
            ahead = {
                key: value + timedelta(days=3)
                for key, value in row.items()
                if key in ("used_at", "activated_at") and value and value >= CUTOFF
            }
            changed[name].append({**row, **ahead, "superseded_at": CUTOFF})
            changed[name].append({**row, **other, "recorded_at": CUTOFF})
        random.Random(seed).shuffle(changed[name])
    return changed


@FEW
@given(tables=histories(), seed=st.integers(0, 99), amount=money(0, 900_000))
def test_equals_the_rule_read_day_by_day_of_what_was_known(
    lake_of: Callable[..., Lake], tables: Tables, seed: int, amount: Decimal
) -> None:
    lake = lake_of(**with_later_rows(tables, seed, amount))
    rows = ledger(lake)
    stars = stars_by_day(
        lake_of(**tables), min(policy["inception"] for policy in tables["policies"])
    )
    for row in rows:
        if row["year_start"]:
            plain = plainly(tables, row, stars)
            assert {name: row[name] for name in plain} == plain
        assert row["granted"] == row["used"] + row["expired"] + row["open"]
        assert (row["balance"] < 0) == (row["beyond_allowance"] > 0)
        assert row["balance"] == row["allowance"] - row["granted"]
    # No grant is lost or counted twice, in a year or outside all.
    known = [one for one in tables["entitlements"] if one["recorded_at"] < CUTOFF]
    assert sum(row["granted"] for row in rows) == len(known)
    # The running year is one of them, and the lines say of it what the sums do.
    running = {
        (row["customer_id"], row["service_class"]): row
        for row in rows
        if row["year_end"] and row["year_end"] > END
    }
    for row in ledger(lake, every_year=False):
        key = (row["customer_id"], row["service_class"])
        assert row == running.get(key, row)
        assert row["year_start"] or (row["allowance"], row["granted"]) == (0, 0)
    for one in sorted({row["customer_id"] for row in rows})[seed % 2 :: 2]:
        lines = explain_entitlements(lake, one, END).lines
        mine = [row["beyond_allowance"] for row in rows if row["customer_id"] == one]
        assert sum(line["beyond_allowance"] for line in lines) == sum(mine)
