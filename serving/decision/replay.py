"""A decision made again from its record: the same answer, or exactly what is no longer the same.

Three things are held against the record: what the facts decide now, what the models of the recorded
versions tell of the recorded tags, and whether the recorded tags are those of the snapshot.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.errors import GuanjiaError
from features.lake import Lake
from features.snapshots.lookup import SnapshotLookup
from features.tags.catalogue import catalogue
from serving.decision.core import settle
from serving.decision.effects import Effects
from serving.decision.record import facts_of
from serving.predictions.probabilities import Served, predict_one
from serving.records.contacts.decisions import find_decision
from serving.records.database import Records
from training.estimators.bundle import Predictor


@dataclass(frozen=True)
class Replayed:
    """What a replay found.

    Attributes
    ----------
    action, recorded : str
        What the recorded facts decide now, and what was decided then: `silence`, or touchpoint,
        channel and offer.
    same : bool
        Whether the answer is the same and nothing it rests on has changed.
    changed : list of str
        What has, a sentence each.
    notes : list of str
        What could not be held against anything.
    """

    decision_id: str
    action: str
    recorded: str
    same: bool
    changed: list[str]
    notes: list[str]


def replay(lake: Lake, records: Records, decision_id: str) -> Replayed:
    """Make a decision again.

    Raises
    ------
    UnknownDecisionError
        If there is no such decision.
    """
    with records.reading() as connection:
        row = find_decision(connection, decision_id)
    document: Mapping[str, Any] = row["document"]
    answer, facts = document["answer"], facts_of(document["facts"])
    settled = settle(facts)
    now = _named(settled.chosen.candidate.key if settled.chosen else None)
    action = answer["action"]
    then = _named(
        (action["touchpoint"], action["channel"], action["offer"] or "") if action else None
    )
    changed, notes = [], []
    if now != then:
        changed.append(
            f"the facts decide {now} instead of {then}: the rules of this release differ"
        )
    if settled.probability != answer["probability"]:
        changed.append(
            f"the probability of the choice is {settled.probability:g}, not "
            f"{answer['probability']:g}"
        )
    if answer["profile_used"]:
        again, missing = _told_again(lake, document, facts.tags)
        notes += missing
        changed += [
            f"{name} tells {value} instead of {facts.predictions.get(name)}"
            for name, value in again.items()
            if value != facts.predictions.get(name)
        ]
        changed += _effects_again(lake, answer, facts.tags, facts.effects, notes)
    notes += _tags_again(lake, answer, facts.customer_id, facts.tags)
    return Replayed(decision_id, now, then, not changed, changed, notes)


def _told_again(
    lake: Lake, document: Mapping[str, Any], tags: Mapping[str, Any]
) -> tuple[dict[str, float | None], list[str]]:
    """What the recorded versions tell of the recorded tags; and which of them are gone."""
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
        models[name] = Served(name, version, Predictor.load(folder))
    lead = document["request"]["context"]["lead_days"]
    return predict_one(models, tags, lead), missing


def _effects_again(
    lake: Lake,
    answer: Mapping[str, Any],
    tags: Mapping[str, Any],
    recorded: Mapping[str, float],
    notes: list[str],
) -> list[str]:
    effects = Effects(lake)
    stated = answer["versions"]["effects"]
    kept = {name for name, version in effects.versions.items() if stated.get(name) == version}
    notes += [f"version {stated[name]} of the effect of {name} is no longer here"
              for name in stated if name not in kept]  # fmt: skip
    again = effects.lower(tags) if kept else {}
    return [
        f"the effect of {name} is {again.get(name)} instead of {value}"
        for name, value in recorded.items()
        if name in kept and again.get(name) != value
    ]


def _tags_again(
    lake: Lake, answer: Mapping[str, Any], customer_id: str, tags: Mapping[str, Any]
) -> list[str]:
    """Whether the recorded tags are the snapshot's; an event of the day may have moved them."""
    stated = answer["tags"]
    known = catalogue()
    names = [name for name in tags if name in known]
    try:
        (found,) = SnapshotLookup(lake).read([customer_id], names)
    except GuanjiaError as error:
        return [f"the tags cannot be held against the snapshot: {error}"]
    if not found["known"] or str(found["as_of"]) != str(stated["as_of"]):
        return [f"the snapshot of {stated['as_of']} is no longer the latest"]
    moved = [name for name in names if found[name] != tags[name]]
    if not moved:
        return []
    told = ", ".join(f"{name} {found[name]} -> {tags[name]}" for name in moved[:10])
    return [f"moved since the snapshot, by events: {told}"]


def _named(key: tuple[str, str, str] | None) -> str:
    return "silence" if key is None else ", ".join(part for part in key if part)
