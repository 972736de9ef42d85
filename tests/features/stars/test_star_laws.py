"""Laws of the star rule over random histories, and a second implementation in plain Python."""

import tempfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contracts.tables import CONTRACTS
from features.lake import Lake
from features.lake.compiled import compile_once
from features.lake.spine import spine_of
from features.settings import Settings, cutoff
from features.stars.explain import StarSettings, Tier
from features.stars.value import rate

INSTANT, DAY = pa.timestamp("us", "UTC"), pa.date32()
TABLES = ("policies", "claims", "claim_movements")
END = date(2025, 6, 30)
RULE = StarSettings()
FEW = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
Tables = dict[str, list[dict[str, Any]]]


def noon(when: date) -> datetime:
    return datetime.combine(when, time(4), tzinfo=UTC)


def money(low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda fen: Decimal(fen).scaleb(-2))


@st.composite
def histories(draw: st.DrawFn) -> Tables:
    """Terms and claims of eight customers over ten years, some recorded after the date."""
    tables: Tables = {name: [] for name in TABLES}
    for customer in range(8):
        for term in range(draw(st.integers(0, 6))):
            inception = date(2016, 1, 1) + timedelta(draw(st.integers(0, 3600)))
            length = draw(st.sampled_from([365, 365, 365, 366, 90, 1000]))
            cancelled = draw(st.sampled_from([None, None, None, 0, 30, 89]))
            recorded = inception - timedelta(draw(st.integers(-40, 40)))
            policy = {
                "policy_id": f"P{customer}-{term}",
                "customer_id": f"C{customer}",
                "line": draw(st.sampled_from(["motor_compulsory", "motor_commercial", "health"])),
                "private_car": draw(st.sampled_from([True, True, True, False])),
                "inception": inception,
                "expiry": inception + timedelta(length),
                "cancelled_on": None
                if cancelled is None
                else inception + timedelta(days=cancelled),
                "written_premium": draw(money(0, 1_500_000)),
                "recorded_at": noon(recorded),
                "superseded_at": None,
            }
            tables["policies"].append(policy)
            for claim in range(draw(st.sampled_from([0, 0, 1, 2]))):
                _add_claim(draw, tables, policy, claim)
    return tables


def _add_claim(draw: st.DrawFn, tables: Tables, policy: dict[str, Any], number: int) -> None:
    occurred = noon(policy["inception"] + timedelta(draw(st.integers(0, 364))))
    claim_id = f"{policy['policy_id']}-{number}"
    version = {"superseded_at": None}
    tables["claims"].append(
        {
            "claim_id": claim_id,
            "customer_id": policy["customer_id"],
            "policy_id": policy["policy_id"],
            "occurred_at": occurred,
            "occurred_on": occurred.date(),
            "recorded_at": occurred,
            **version,
        }
    )
    for _ in range(draw(st.integers(0, 3))):
        tables["claim_movements"].append(
            {
                "claim_id": claim_id,
                "customer_id": policy["customer_id"],
                "paid_change": draw(money(-50_000, 500_000)),
                "outstanding_change": draw(money(-200_000, 500_000)),
                "recorded_at": occurred + timedelta(draw(st.integers(0, 400))),
                **version,
            }
        )


def rated(tables: Tables) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Settings(home=Path(folder), timezone="Asia/Shanghai"))
        (lake.home / "checked").mkdir()
        for name in TABLES:
            days = dict.fromkeys(CONTRACTS[name].civil_days, "date")
            more = {**days, "superseded_at": "timestamp('UTC', 6)"}
            schema = ibis.schema({**CONTRACTS[name].columns, **more}).to_pyarrow()
            pq.write_table(pa.Table.from_pylist(tables[name], schema), lake.checked(name))
        spine = pa.table(
            {
                "customer_id": pa.array([f"C{number}" for number in range(8)], pa.string()),
                "as_of": pa.array([END] * 8, DAY),
                "cutoff": pa.array([cutoff(END, "Asia/Shanghai")] * 8, INSTANT),
            }
        )
        pq.write_table(spine, lake.home / "spine.parquet")
        # The SQL is the same whatever the rows are; it reads the tables by name.
        pairs = lake.read(str(lake.home / "spine.parquet"), "spine_of_laws")
        for name in TABLES:
            lake.table(name)
        query = compile_once(lake, ("star laws",), lambda: rate(lake, spine_of(pairs), RULE))
        found = lake.con.sql(query).to_arrow_table().to_pylist()
        lake.engine.disconnect()
    found.sort(key=lambda row: row["customer_id"])
    # A law about no rows would hold of any rule.
    assert [row["customer_id"] for row in found] == [f"C{number}" for number in range(8)]
    return found


def plus_months(when: date, months: int) -> date:
    years, month = divmod(when.year * 12 + when.month - 1 + months, 12)
    following = date(years + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last = (following - timedelta(1)).day
    return date(years, month + 1, min(when.day, last))


def plainly(tables: Tables, customer: str) -> dict[str, Any]:
    """The rule of docs/star.md for one customer, read off sentence by sentence."""
    known = cutoff(END, "Asia/Shanghai")
    terms = [
        term
        for term in tables["policies"]
        if term["customer_id"] == customer
        and term["line"].startswith("motor")
        and term["recorded_at"] < known
        and term["inception"] <= END
        and term["cancelled_on"] != term["inception"]
    ]
    private = {term["policy_id"]: term for term in terms if term["private_car"]}
    start = plus_months(END, -60)
    premium = sum(
        (term["written_premium"] for term in private.values() if term["inception"] > start),
        Decimal(0),
    )
    opened = cutoff(start, "Asia/Shanghai")
    counted = {
        claim["claim_id"]
        for claim in tables["claims"]
        if claim["policy_id"] in private and opened <= claim["occurred_at"] < known
    }
    claims = sum(
        (
            move["paid_change"] + move["outstanding_change"]
            for move in tables["claim_movements"]
            if move["claim_id"] in counted and move["recorded_at"] < known
        ),
        Decimal(0),
    )
    first = latest = end = None
    for term in sorted(terms, key=lambda term: term["inception"]):
        if end is None or term["inception"] > plus_months(end, 6):
            first = term["inception"]
        latest = term["inception"]
        ends = term["cancelled_on"] or term["expiry"]
        end = max(end, ends) if end else ends
    lapsed = end is not None and plus_months(end, 6) < END
    tenure = 0
    if first and latest and not lapsed:
        tenure = 1 + ((latest - first).days + 30) * 100 // 36525
    value = (premium - claims) * [0, 0, 1, Decimal("1.1"), Decimal("1.2"), Decimal("1.3")][
        min(tenure, 5)
    ]
    star = 1 + sum(value >= threshold for threshold in (5_000, 10_000, 16_000, 25_000))
    return {
        "premium_5y": premium,
        "claims_5y": claims,
        "tenure_years": tenure,
        "chain_start": first,
        "latest_inception": latest,
        "cover_end": end,
        "value": value,
        "star_level": star,
        "lapsed": lapsed,
    }


@FEW
@given(histories())
def test_equals_the_rule_read_sentence_by_sentence(tables: Tables) -> None:
    for row in rated(tables):
        plain = plainly(tables, row["customer_id"])
        assert {name: row[name] for name in plain} == plain
        # Decimals compare equal with either sign of zero, so the sign is looked at by itself.
        assert not (row["value"] == 0 and row["value"].is_signed())
        if row["tenure_years"] <= 1:
            assert row["value"] == 0


@FEW
@given(st.lists(st.tuples(st.sampled_from(RULE.tiers), st.integers(-3, 3)), min_size=8, max_size=8))
def test_thresholds_are_inclusive(near: list[tuple[Tier, int]]) -> None:
    tables: Tables = {name: [] for name in TABLES}
    for number, (tier, fen) in enumerate(near):
        # Two terms, 365 days apart: tenure 2, coefficient 1, so the value is the premium.
        total = tier.threshold + Decimal(fen).scaleb(-2)
        for start, premium in (("2024-01-02", total), ("2025-01-01", Decimal(0))):
            tables["policies"].append(_term(number, date.fromisoformat(start), premium))
    for row, (tier, fen) in zip(rated(tables), near, strict=True):
        assert row["star_level"] == (tier.level if fen >= 0 else max(tier.level - 1, 1))


def _term(number: int, inception: date, premium: Decimal) -> dict[str, Any]:
    return {
        "policy_id": f"P{number}-{inception}",
        "customer_id": f"C{number}",
        "line": "motor_commercial",
        "private_car": True,
        "inception": inception,
        "expiry": inception + timedelta(365),
        "cancelled_on": None,
        "written_premium": premium,
        "recorded_at": noon(inception),
        "superseded_at": None,
    }


@FEW
@given(histories(), st.lists(money(0, 1_000_000), min_size=3, max_size=3))
def test_more_premium_never_lowers_value(tables: Tables, more_each: list[Decimal]) -> None:
    before = rated(tables)
    more = {
        **tables,
        "policies": [
            {**row, "written_premium": row["written_premium"] + more_each[number % 3]}
            for number, row in enumerate(tables["policies"])
        ],
    }
    for old, new in zip(before, rated(more), strict=True):
        assert new["value"] >= old["value"]
        assert new["star_level"] >= old["star_level"]


@FEW
@given(histories(), st.randoms(use_true_random=False))
def test_row_order_is_irrelevant(tables: Tables, random: Any) -> None:
    shuffled = {name: random.sample(rows, len(rows)) for name, rows in tables.items()}
    assert rated(shuffled) == rated(tables)


@FEW
@given(histories(), money(0, 1_000_000))
def test_what_is_recorded_later_changes_nothing(tables: Tables, amount: Decimal) -> None:
    known = cutoff(END, "Asia/Shanghai")
    changed: Tables = {name: [] for name in TABLES}
    for name, rows in tables.items():
        for row in rows:
            if row["recorded_at"] >= known:
                fresh = {key: amount for key in row if key.endswith(("premium", "change"))}
                changed[name].append({**row, **fresh})
                continue
            # A version recorded in the first instant after the date supersedes what was known.
            later = {key: amount for key in row if key.endswith(("premium", "change"))}
            changed[name].append({**row, "superseded_at": known})
            changed[name].append({**row, **later, "recorded_at": known})
    assert rated(changed) == rated(tables)
