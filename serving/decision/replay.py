"""Replay a decision from its record: the same answer, or exactly what has changed.

Three things are compared with the record: what the facts decide now, what the models of the
recorded versions predict from the recorded tags, and whether those tags are the snapshot's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake
from features.snapshots.lookup import SnapshotLookup
from features.tags.catalogue import catalogue
from serving.decision.core import settle
from serving.decision.record import restore_facts
from serving.decision.worth.effects import Effects
from serving.predictions.probabilities import ServedModel, chain, predict_one
from serving.records.contacts.decisions import find_decision
from serving.records.database import Records
from training.estimators.bundle import Predictor

DIGITS = 1e-12
"""How far a number may be from the recorded one, as a share of it."""


@dataclass(frozen=True)
class ReplayReport:
    """What a replay showed.

    Attributes
    ----------
    decision_id : str
        Number of the decision.
    action, recorded : str
        What the recorded facts decide now, and what was decided then: `silence`, or touchpoint,
        channel and offer.
    same : bool
        Whether the answer is the same and nothing it rests on has changed.
    changed : list of str
        What has changed, one sentence for each change.
    notes : list of str
        What could not be compared, and tags that events have moved since the snapshot.
    """

    decision_id: str
    action: str
    recorded: str
    same: bool
    changed: list[str]
    notes: list[str]


def replay(lake: Lake, records: Records, decision_id: str) -> ReplayReport:
    """Make a decision again from its record, and compare.

    Parameters
    ----------
    lake : Lake
        The home with models, effect models and snapshots.
    records : Records
        Where the decision is stored.
    decision_id : str
        Number of the decision.

    Raises
    ------
    UnknownDecisionError
        If there is no such decision.
    """
    with records.reading() as connection:
        row = find_decision(connection, decision_id)
    document: Mapping[str, Any] = row["document"]
    answer, facts = document["answer"], restore_facts(document["facts"])
    result = settle(facts)
    now = _action_name(result.chosen.candidate.key if result.chosen else None)
    action = answer["action"]
    then = _action_name(
        (action["touchpoint"], action["channel"], action["offer"] or "") if action else None
    )
    changed, notes = [], []
    if now != then:
        changed.append(
            f"the facts decide {now} instead of {then}: the rules of this release differ"
        )
    if result.probability != answer["probability"]:
        changed.append(
            f"the probability of the choice is {result.probability:g}, not "
            f"{answer['probability']:g}"
        )
    if answer["profile_used"]:
        neutral = facts.policy.neutral_tags(facts.tags)
        predictions, missing = _predict_again(lake, document, neutral)
        notes += missing
        changed += [
            f"{name} predicts {value} instead of {facts.predictions.get(name)}"
            for name, value in predictions.items()
            if not _equal(value, facts.predictions.get(name))
        ]
        changed += _compare_effects(lake, answer, neutral, facts.effects, notes)
    notes += _compare_tags(lake, answer, facts.customer_id, facts.tags)
    return ReplayReport(decision_id, now, then, not changed, changed, notes)


def _predict_again(
    lake: Lake, document: Mapping[str, Any], tags: Mapping[str, Any]
) -> tuple[dict[str, float | None], list[str]]:
    """Predict from the recorded tags with the recorded versions; list those no longer here."""
    models, missing = {}, []
    for name, version in document["answer"]["versions"]["models"].items():
        folder = next(
            (
                path.parent
                for path in sorted((lake.home / "models" / name).glob("*/spec.json"))
                if json.loads(path.read_text("utf-8"))["version"] == version
            ),
            None,
        )
        if folder is None:
            missing.append(f"version {version} of {name} is no longer here")
            continue
        models[name] = ServedModel(name, version, Predictor.load(folder))
    lead = document["request"]["context"]["lead_days"]
    return predict_one(chain(models), tags, lead), missing


def _compare_effects(
    lake: Lake,
    answer: Mapping[str, Any],
    tags: Mapping[str, Any],
    recorded: Mapping[str, float],
    notes: list[str],
) -> list[str]:
    """List the effects that the recorded versions estimate differently now."""
    effects = Effects(lake)
    stated = answer["versions"]["effects"]
    here = {name for name, version in effects.versions.items() if stated.get(name) == version}
    notes += [f"version {stated[name]} of the effect of {name} is no longer here"
              for name in stated if name not in here]  # fmt: skip
    bounds = effects.lower_bounds(tags) if here else {}
    return [
        f"the effect of {name} is {bounds.get(name)} instead of {value}"
        for name, value in recorded.items()
        if name in here and not _equal(bounds.get(name), value)
    ]


def _compare_tags(
    lake: Lake, answer: Mapping[str, Any], customer_id: str, tags: Mapping[str, Any]
) -> list[str]:
    """Compare the recorded tags with the snapshot's; an event of the day may have moved them."""
    stated = answer["tags"]
    known = catalogue()
    names = [name for name in tags if name in known]
    try:
        (row,) = SnapshotLookup(lake).read([customer_id], names)
    except GuanjiaError as error:
        return [f"the tags cannot be compared with the snapshot: {error}"]
    if not row["known"] or str(row["as_of"]) != str(stated["as_of"]):
        return [f"the snapshot of {stated['as_of']} is no longer the latest"]
    moved = [name for name in names if row[name] != tags[name]]
    if not moved:
        return []
    moves = ", ".join(f"{name} {row[name]} -> {tags[name]}" for name in moved[:10])
    return [f"moved since the snapshot, by events: {moves}"]


def _equal(value: float | None, recorded: float | None) -> bool:
    """Compare two numbers but for the last digits.

    Exponentials of two kinds of processor, or of two releases of NumPy, differ in the last bit.
    """
    if value is None or recorded is None:
        return value is recorded
    return isclose(value, recorded, rel_tol=DIGITS)


def _action_name(key: tuple[str, str, str] | None) -> str:
    return "silence" if key is None else ", ".join(part for part in key if part)
