"""Change the raw tables of a simulated insurer, so that they hold what insurers' tables hold.

Unknown values, late records, later versions, cancellations, reopened claims, cars registered on
29 February, words on consent given and taken back.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

Row = dict[str, Any]
LEAP = (date(2016, 2, 29), date(2020, 2, 29), date(2012, 2, 29), date(2024, 2, 29))


def mutated(tables: dict[str, list[Row]], seed: int) -> dict[str, list[Row]]:
    """Return the tables with changes drawn by lot."""
    random = Random(seed)
    changed = {name: list(rows) for name, rows in tables.items()}
    for name, change in CHANGES.items():
        changed[name] = [new for row in changed[name] for new in change(dict(row), random)]
    changed["claim_movements"] += _after_closing(changed["claims"], random)
    changed["consents"] += _words(changed["customers"], random)
    for name, rows in changed.items():
        if name != "customers":
            for row in rows:
                if random.random() < 0.05:
                    row["recorded_at"] += timedelta(days=random.randint(1, 300))
    return changed


def _lose(row: Row, random: Random, names: tuple[str, ...], share: float = 0.08) -> Row:
    """Empty some cells."""
    for name in names:
        if random.random() < share:
            row[name] = None
    return row


def _customers(row: Row, random: Random) -> list[Row]:
    if random.random() < 0.2:
        row["birth_date"] = date(1984, 2, 29)
    return [_lose(row, random, ("birth_date", "gender", "licence_date"))]


def _vehicles(row: Row, random: Random) -> list[Row]:
    if random.random() < 0.4:
        row["first_registered"] = random.choice(LEAP)
    if random.random() < 0.3:
        row["energy"] = random.choice(["electric", "plug_in"])
    if random.random() < 0.1:
        row["kind"] = "van"
    return [_lose(row, random, ("first_registered", "energy", "list_price"))]


def _policies(row: Row, random: Random) -> list[Row]:
    _lose(row, random, ("written_premium", "channel", "account_manager_id", "third_party_limit",
                        "sum_insured", "business_type", "ncd_level"))  # fmt: skip
    if random.random() < 0.15:
        row["business_type"] = "transfer"
        row["previous_insurer"] = random.choice(["PICC", "CPIC"])
    if random.random() < 0.05:
        row["expiry"] = row["inception"] + timedelta(days=random.randint(30, 359))
        if row["cancelled_on"]:
            row["cancelled_on"] = min(row["cancelled_on"], row["expiry"])
    if random.random() > 0.15 or row["cancelled_on"]:
        return [row]
    days = (row["expiry"] - row["inception"]).days
    kept = random.choice([0, 0, days, random.randint(1, days)])
    later = dict(row, cancelled_on=row["inception"] + timedelta(days=kept))
    later["recorded_at"] = row["recorded_at"] + timedelta(days=random.randint(1, 200))
    if row["written_premium"] is not None:
        later["written_premium"] = row["written_premium"] * kept / days
        later["written_premium"] = round(later["written_premium"], 2)
    return [row, later]


def _quotes(row: Row, random: Random) -> list[Row]:
    if random.random() < 0.3:
        row["viewed_at"] = (row["delivered_at"] or row["quoted_at"]) + timedelta(
            hours=random.randint(1, 500)
        )
    return [_lose(row, random, ("premium", "vehicle_id", "delivered_at", "channel"))]


def _claims(row: Row, random: Random) -> list[Row]:
    if random.random() < 0.1:
        row["policy_id"] = f"{row['policy_id']}?"
    return [_lose(row, random, ("at_fault", "injury", "vehicle_id", "kind", "surveyed_at",
                                "adjusted_at", "closed_at", "paid_at"))]  # fmt: skip


def _interactions(row: Row, random: Random) -> list[Row]:
    if random.random() < 0.05:
        row["result"] = random.choice(["opted_out", "refused", "replied", "no_answer"])
    if random.random() < 0.05:
        row["direction"], row["result"] = "in", None
    return [_lose(row, random, ("result", "cost"))]


def _entitlements(row: Row, random: Random) -> list[Row]:
    if random.random() < 0.3:
        row["used_at"] = row["granted_at"] + timedelta(hours=random.randint(1, 9000))
    return [_lose(row, random, ("used_at", "activated_at", "notified_at", "unit_cost"))]


def _trips(row: Row, random: Random) -> list[Row]:
    if random.random() < 0.1:
        row["distance_m"] = row["night_distance_m"] = 0
    return [] if random.random() < 0.5 else [row]


def _cases(row: Row, random: Random) -> list[Row]:
    if random.random() < 0.4:
        row["topic"] = "claims"
    return [_lose(row, random, ("resolved_at", "claim_id"), 0.3)]


CHANGES: dict[str, Callable[[Row, Random], list[Row]]] = {
    "customers": _customers,
    "vehicles": _vehicles,
    "policies": _policies,
    "quotes": _quotes,
    "claims": _claims,
    "interactions": _interactions,
    "entitlements": _entitlements,
    "trips": _trips,
    "surveys_and_complaints": _cases,
}


def _after_closing(claims: list[Row], random: Random) -> list[Row]:
    """Move amounts of some claims after their closing, up or down, and of some twice."""
    moves = []
    for claim in claims:
        if not claim["closed_at"] or random.random() < 0.5:
            continue
        moved: datetime = claim["closed_at"]
        for number in range(random.choice([1, 1, 2])):
            moved += timedelta(days=random.randint(1, 90))
            change = Decimal(random.choice([-500, 0, 800, 60_000]))
            moves.append(
                {
                    "movement_id": f"{claim['claim_id']}+{number}",
                    "claim_id": claim["claim_id"],
                    "customer_id": claim["customer_id"],
                    "moved_at": moved,
                    "paid_change": Decimal(random.choice([0, 300])),
                    "outstanding_change": change if number == 0 else -change,
                    "recorded_at": moved,
                }
            )
    return moves


def _words(customers: list[Row], random: Random) -> list[Row]:
    """Let customers give and take back consents on random days, some of them twice."""
    words = []
    for customer in customers:
        for number in range(random.choice([0, 1, 2, 3, 4])):
            changed = customer["registered_at"] + timedelta(minutes=random.randint(1, 2_000_000))
            purpose = random.choice(["location", "location", "marketing", "profiling"])
            by_channel = purpose == "marketing" and number > 1
            words.append(
                {
                    "consent_id": f"{customer['customer_id']}+{number}",
                    "customer_id": customer["customer_id"],
                    "purpose": purpose,
                    "channel": ("sms", "phone")[number % 2] if by_channel else None,
                    "granted": random.random() < 0.7,
                    "changed_at": changed,
                    "recorded_at": changed,
                }
            )
    return words
