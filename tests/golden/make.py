"""Make a small home with an earlier release: what it wrote must stay readable.

This is the script of release e1ac05b (25 November 2026): it calls that release's own functions, so
it runs in a checkout of it and in no other. A later release whose files change gets a folder and a
script of its own; these files are never made again by newer code, or they would prove nothing.

    git worktree add ../release e1ac05b && make -C ../release install
    ../release/.venv/bin/python tests/golden/make.py tests/golden/e1ac05b
"""

import hashlib
import json
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

DAY = date(2026, 6, 30)
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
LEARNED_FROM, SHOWN = 1500, 5
"""Customers whose history the models learn, and customers of the stored snapshot."""
KINDS = {
    "renewal": "trees",
    "churn": "blend",
    "churn_hazard": "deep",
    "claim_frequency": "linear",
    "claim_severity": "flat",
    "cross_sell_accident": "linear",
    "cross_sell_health": "additive",
    "cross_sell_household": "trees",
}
"""How each model is learned: every kind of bundle is there once."""
BEFORE_THERE_WERE_PARTS = "cross_sell_household"
"""The bundle that is rewritten as bundles were when trees were all there was."""
SMALL = {"rounds": 8, "num_leaves": 5, "min_data_in_leaf": 50}
KEPT = ("models", "effects", "snapshots", "tags", "policy.toml")
POLICIES = (
    "salt = 'golden-4'\nexploration_share = 0.0\nholdout_share = 0.2\nmotor_margin_share = 1.0\n",
    "exploration_share = 1.0\nholdout_share = 0.0\nmotor_margin_share = 1.0\n",
)
"""Some are in the control group and the others get the best; then everybody draws a lot."""


def learn(home: Path) -> None:
    """Write a bundle of each model, and of one effect, learned from a simulated insurer."""
    from features.check import check_tables
    from features.lake import Lake
    from features.settings import Settings
    from features.sources.simulated import simulate
    from training import datasets, local_models
    from training.estimators import CANDIDATES, CalibratedModel
    from training.models import MODELS
    from training.predictor import write_bundle
    from training.uplift import trials

    lake = Lake(Settings(home=home.with_name("learning")))
    simulate(lake, LEARNED_FROM, seed=20260630)
    check_tables(lake)
    treatment = trials.find("contact")
    asked = [*(MODELS[name] for name in KINDS), trials.question(treatment)]
    for model, data in zip(asked, datasets.build(lake, asked, DAY), strict=True):
        if model.name not in KINDS:
            effect(home / "effects" / treatment.name, data, treatment)
            continue
        fitted = CalibratedModel(
            {**model.parameters, **SMALL},
            CANDIDATES[KINDS[model.name]],
            kind=model.kind,
            monotone=model.monotone,
        )
        frame, split = data.frame, data.split
        rows, later = frame[split.train], frame[split.calibration]
        fitted.fit(rows, rows["label"].to_numpy(), datasets.held_back(rows), data.features)
        fitted.calibrate(later, later["label"].to_numpy())
        folder = write_bundle(home / "models" / model.name / "1", model, fitted, data.tags)
        if model.name == BEFORE_THERE_WERE_PARTS:
            rewrite(folder, data.tags)
        local_models.point(Lake(Settings(home=home)), model.name, "1")


def effect(folder: Path, data: Any, treatment: Any) -> None:
    """Write an effect model: small, and so of single outcomes instead of what learners say."""
    from training.uplift import bundle, fitting, trials

    bundle.ROUNDS, bundle.DISTILLED["num_leaves"] = 8, 5
    stated = data.frame.groupby("arm")["probability"].first()
    propensity = stated[treatment.name] / (stated[treatment.name] + stated[trials.CONTROL])
    rows = fitting.rows_of(data, treatment, propensity)
    outcomes = fitting.outcomes_of(rows, rows).effect
    names = rows.encoding.features
    about = {
        "name": treatment.model,
        "label": treatment.label,
        "treatment": treatment.name,
        "trial": trials.TRIAL,
        "learner": "single outcomes",
        "halves": fitting.HALVES,
        "service": "uplift",
        "eligible": trials.question(treatment).eligible,
    }
    bundle.write_effect(
        folder,
        about,
        rows.encoding,
        bundle.distil(rows.matrix, outcomes, names),
        bundle.distil(rows.matrix, abs(outcomes) / 20, names),
    )


def rewrite(folder: Path, tags: list[str]) -> None:
    """Make the specification what it was before commit 5aa3a36: no kind, no weights of parts."""
    spec = json.loads((folder / "spec.json").read_text("utf-8"))
    for name in ("kind", "candidate", "weights"):
        del spec[name]
    identity = as_json({"name": spec["name"], "files": spec["sha256"], "tags": tags})
    spec["version"] = hashlib.sha256(identity.encode()).hexdigest()[:12]
    (folder / "spec.json").write_text(as_json(spec), "utf-8")


def snapshot(home: Path) -> None:
    """Write the tags of a few customers, and load them online."""
    from features import store
    from features.check import check_tables
    from features.lake import Lake
    from features.settings import Settings
    from features.sources.simulated import simulate
    from features.tagging import write_snapshot

    lake = Lake(Settings(home=home))
    simulate(lake, SHOWN, seed=5)
    check_tables(lake)
    write_snapshot(lake, [DAY])
    store.materialize(lake, DAY, now=NOON)


def predictions(home: Path) -> dict[str, Any]:
    """What every bundle says of the customers by `tags`, and of one of whom nothing is known."""
    from features.lake import Lake
    from features.settings import Settings
    from training.predictor import Predictor
    from training.uplift.bundle import load_effect

    answers: dict[str, Any] = {}
    rows = [*tags(Lake(Settings(home=home))).values(), {}]
    for folder in sorted((home / "models").glob("*/1")):
        model = Predictor.load(folder)
        # The month ahead, or the days to expiry, that is asked about.
        columns = {name: [row.get(name) for row in rows] for name in model.tags}
        columns |= {name: [5.0] * len(rows) for name in model.extra}
        answers[folder.parent.name] = {
            "version": model.version,
            "scores": model.scorer.score(model.matrix(columns)).tolist(),
            "predictions": model.predict(columns).tolist(),
        }
    for folder in sorted((home / "effects").glob("*")):
        model = load_effect(folder)
        columns = {name: [row.get(name) for row in rows] for name in model.features}
        told, lower = model.tell(columns)
        answers[f"effect of {folder.name}"] = {
            "version": model.version,
            "effects": told.tolist(),
            "lower_bounds": lower.tolist(),
        }
    return answers


def tags(lake: Any) -> dict[str, dict[str, Any]]:
    """The tags of the snapshot by customer, as the files say; those that are null are left out."""
    import pyarrow.parquet as pq

    from features.snapshots import read_snapshot

    found: dict[str, dict[str, Any]] = {}
    for file in read_snapshot(lake, DAY, verify=True).files.values():
        for row in pq.read_table(lake.home / file["path"], partitioning=None).to_pylist():
            known = {name: value for name, value in row.items() if value is not None}
            found.setdefault(row["customer_id"], {}).update(known)
    return dict(sorted(found.items()))


def decide(home: Path) -> None:
    """Ask for every customer, and keep one decision of each kind."""
    from features.lake import Lake
    from features.settings import Settings
    from serving.decision.decider import Decider
    from serving.decision.schemas import DecideRequest
    from serving.predict import Door
    from serving.records.database import Records
    from serving.records.tables import decisions
    from serving.touchpoint_menu import TouchpointMenu

    lake = Lake(Settings(home=home))
    records = Records(lake.settings)
    records.migrate()
    for week, policy in enumerate(POLICIES):
        (home / "policy.toml").write_text(policy, "utf-8")
        decider = Decider(Door(lake), records, TouchpointMenu(lake))
        for number, customer in enumerate(tags(lake)):
            at = NOON + timedelta(weeks=week, minutes=number)
            for point in ("daily_batch", "renewal_desk"):
                request = DecideRequest(customer_id=customer, decision_point=point)
                decider.decide(request, at, subject="desk")
    kinds: dict[tuple[Any, ...], str] = {}
    with records.writing() as connection:
        for row in connection.execute(decisions.select()).mappings().all():
            kind = row["touchpoint"], row["randomised"], row["probability"], row["holdout"]
            if kinds.setdefault(kind, row["decision_id"]) != row["decision_id"]:
                number = decisions.c.decision_id == row["decision_id"]
                connection.execute(decisions.delete().where(number))
    records.close()


def live(home: Path) -> None:
    """Write a row at least into every table of the records."""
    from features.settings import Settings
    from serving.contact_caps import load_contact_caps
    from serving.event_triggers import Due
    from serving.records.audit import note_export, note_read
    from serving.records.capacity import CapacityPrice, set_prices
    from serving.records.caps import Caps, Wanted
    from serving.records.consents import ConsentChange, change
    from serving.records.database import Records
    from serving.records.decisions import Decision, write_decision
    from serving.records.due_touchpoints import Found, write_due
    from serving.records.erasure import erase
    from serving.records.handover import handover
    from serving.records.outcomes import Outcome, note_outcome
    from serving.records.reviews import answer_review, ask_review
    from serving.records.tasks import Task, close_task, open_task

    records, caps = Records(Settings(home=home)), Caps(load_contact_caps(home), "Asia/Shanghai")
    later = NOON + timedelta(days=3)
    with records.writing() as connection:
        for customer in ("客户-一", "客户-二", "客户-三"):
            made = write_decision(
                connection,
                Decision(customer, "app_open", NOON, {"of": customer}, branch="B1"),
                client_key=f"app {customer}",
                request={"customer_id": customer},
            )
            number = made.decision_id
            wanted = Wanted(
                customer, "renewal_30d", "renewal", "service", "sms", NOON, branch="B1",
                account_manager_id="M1", cost=Decimal("0.05"), message=f"{customer}: 您好",
            )  # fmt: skip
            caps.reserve(connection, wanted, NOON, decision_id=number)
            clicked = Outcome("clicked", NOON, decision_id=number, detail={"page": "quote"})
            note_outcome(connection, clicked, NOON, client_key=f"outcome {customer}")
            note_outcome(connection, replace(clicked, kind="opted_out"), NOON)
            for purpose, granted in (("marketing", True), ("profiling", False), ("location", True)):
                change(connection, ConsentChange(customer, purpose, granted, later), later)
            asked = ask_review(connection, number, customer, "不同意", later)
            if customer == "客户-二":
                answer_review(connection, asked.review_id, "reviewer", "维持", True, later)
            task = Task(customer, "B1", "M1", "renewal_30d", DAY, note="请致电")
            opened = open_task(connection, task, NOON)
            if customer == "客户-二":
                close_task(connection, opened, "done", later)
            due = Due(
                customer, "accident_care", f"event {customer}", "报案", NOON, later, "service",
                "person", ("phone",), "standard", 4,
            )  # fmt: skip
            write_due(connection, [Found(due, "claim_reported", NOON, "B1")], NOON)
        handover(connection, "B1", "M1", "M2", "boss", later, customers=["客户-一"])
        note_read(connection, "app", "/predict", ["客户-一", "客户-三"], NOON, "service")
        note_export(connection, "ann", "renewal_risk", ["姓名"], ["客户-一"], NOON, "campaign")
        set_prices(connection, DAY, [CapacityPrice("B1", "phone", 20.0, 1.75)], NOON)
        erase(connection, "客户-三", "compliance", later, b"k" * 32)
    records.scrub()
    records.close()


def rows(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as the release reads it; of decisions not the facts."""
    from features.settings import Settings
    from serving.records.database import Records
    from serving.records.tables import METADATA

    records, found = Records(Settings(home=home)), {}
    with records.reading() as connection:
        for table in METADATA.sorted_tables:
            query = table.select().order_by(*table.primary_key.columns)
            found[table.name] = [dict(row) for row in connection.execute(query).mappings()]
    records.close()
    for row in found["decisions"]:
        row["document"] = {
            name: row["document"][name] for name in row["document"] if name != "facts"
        }
    return found


def as_json(value: object) -> str:
    """Text of a value; floats are written so that they are read as the same floats."""
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n"


def main(target: Path) -> None:
    """Make everything in a scratch folder and bring over what the release leaves to later ones."""
    from features.lake import Lake
    from features.settings import Settings

    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        home.mkdir()
        learn(home)
        snapshot(home)
        decide(home)
        live(home)
        shutil.rmtree(target, ignore_errors=True)
        for name in KEPT:
            copy = shutil.copytree if (home / name).is_dir() else shutil.copyfile
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            copy(home / name, target / name)
        for name, value in {
            "predictions": predictions(home),
            "tags": tags(Lake(Settings(home=home))),
            "rows": rows(home),
        }.items():
            (target / f"{name}.json").write_text(as_json(value), "utf-8")
        with closing(sqlite3.connect(home / "records.db")) as connection:
            # Small pages, and no log beside the file: the repository keeps it.
            for words in ("journal_mode = DELETE", "page_size = 512"):
                connection.execute(f"PRAGMA {words}")
            connection.execute("VACUUM")
        shutil.copyfile(home / "records.db", target / "records.db")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
