"""Decisions on the record, to be made again: a call that turns a tenth of renewals."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from features.lake import Lake
from serving.decision.candidates import Candidate
from serving.decision.core import Facts, settle
from serving.decision.gates import Permission
from serving.decision.record import STORED
from serving.decision.worth.policy import load_policy
from serving.measurement.simulation.edited_rules import EditedRules, read_edited
from serving.measurement.simulation.policy_simulation import simulate_policy
from serving.measurement.simulation.simulated_world import PolicySimulation
from serving.records.contacts.decisions import Decision, write_decision
from serving.records.database import Records

NOON = datetime(2026, 7, 6, 4, tzinfo=UTC)
BEGIN, END = datetime(2026, 6, 30, 16, tzinfo=UTC), datetime(2026, 7, 31, 16, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
SHIPPED = load_policy(Path("a home without a policy of its own"))
POLICY = SHIPPED.model_copy(update={"exploration_share": 0.0, "holdout_share": 0.0})
CALL = Candidate("renewal_30d", "到期前30天", "renewal", "marketing", "phone", 1.0, "renewal")
CARE = Candidate("accident_care", "出险关怀", "claims", "service", "phone", 1.0)


def facts_of(customer: str, margin: float, *candidates: Candidate, **more: Any) -> Facts:
    """Facts of a decision whose contact turns 10% of renewals, worth `margin`."""
    plain: dict[str, Any] = {
        "customer_id": customer,
        "decision_point": "tests",
        "day": NOON.astimezone(ZONE).date(),
        "tags": {
            "renewal_quote_premium": 0.0,
            "commercial_premium_current": 0.0,
            "open_claims": 0,
            "open_complaints": 0,
        },
        "predictions": {"renewal": 0.5},
        "effects": {"contact": 0.1},
        "margin": margin,
        "permission": Permission({"phone": True}, True),
        "candidates": list(candidates),
        "blocks": [None] * len(candidates),
        "recent_contacts": 0,
        "capacity_prices": {},
        "policy": POLICY,
        "lot": customer,
    }
    return Facts(**{**plain, **more})


def decide(records: Records, facts: Facts, at: datetime = NOON) -> tuple[str, str, str] | None:
    """Put a decision on the record, and return what it chose."""
    result = settle(facts)
    chosen = result.chosen.candidate if result.chosen else None
    action = None if chosen is None else {"touchpoint": chosen.touchpoint,
                                          "channel": chosen.channel, "offer": None}  # fmt: skip
    stored = {STORED.get(name, name): value for name, value in vars(facts).items()}
    document = {
        "facts": json.loads(to_json(stored)),
        "answer": {"action": action},
        "request": {"context": {"campaign": None, "stage": None}},
    }
    decision = Decision(
        facts.customer_id, "tests", at, document, "B1",
        touchpoint=chosen.touchpoint if chosen else None,
        channel=chosen.channel if chosen else None,
        mandatory=result.mandatory, randomised=result.drawn, probability=result.probability,
    )  # fmt: skip
    with records.writing() as connection:
        write_decision(connection, decision)
    return chosen.key if chosen else None


def simulate(lake: Lake, records: Records, folder: Path | None = None) -> PolicySimulation:
    edited = EditedRules() if folder is None else read_edited(folder, lake.settings.timezone)
    return simulate_policy(lake, records, edited, BEGIN, END)


def edit(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "edited"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder
