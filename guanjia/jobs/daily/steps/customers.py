"""Say what customers will do and what is due for them: scores, triggers, target lists."""

import hashlib
from pathlib import Path

from features.lake import Lake
from features.lake.pointer import read_pointer
from features.lake.published_lake import published_lake
from features.texts import Sentence
from guanjia.jobs.daily.steps.step import Day, Identities, Step, StepResult
from guanjia.jobs.daily.steps.tags import snapshot_identity
from serving.identity import combined, file_identity, settings_identity

NO_MODEL = Sentence(
    "no model was promoted yet: train and promote one", "尚无投产模型，请先训练并投产"
)


def champions(lake: Lake) -> Identities:
    """Return the identity of each champion that this home has."""
    files = sorted((lake.home / "models").glob("*/champion.json"))
    return {path.parent.name: file_identity(path) for path in files}


def no_model(day: Day) -> Sentence | None:
    """Say that no model was ever promoted."""
    return None if champions(day.lake) else NO_MODEL


def _score_inputs(day: Day) -> Identities:
    return {
        **snapshot_identity(day),
        "champions": combined(champions(day.lake)),
        "settings": settings_identity(day.lake),
    }


def _score_outputs(day: Day) -> Identities:
    from serving.predictions.scores_file import scores_path

    return {"scores": file_identity(scores_path(day.lake, day.as_of))}


def _score(day: Day) -> StepResult:
    from serving.predictions.scoring import score

    scored = score(day.lake, day.as_of, day.report)
    versions = ", ".join(f"{name} {number}" for name, number in scored.model_versions.items())
    summary = Sentence(
        f"{scored.customers:,} customers scored by {versions}",
        f"{scored.customers:,} 位客户完成评分，使用 {len(scored.model_versions)} 个模型",
    )
    return StepResult(summary, scored.customers)


def _trigger_inputs(day: Day) -> Identities:
    from serving.records.contacts.made_contacts import recorded_by

    recorded = recorded_by(day.records, day.lake, day.as_of)
    # Rows come in no order.
    lines = sorted(map(repr, [*recorded.contacts, *recorded.won]))
    return {
        **snapshot_identity(day),
        "interactions": file_identity(day.lake.checked("interactions")),
        "records": hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16],
        "settings": settings_identity(day.lake),
    }


def _trigger_outputs(day: Day) -> Identities:
    from serving.touchpoints.triggers import triggers_path

    return {"triggers": file_identity(triggers_path(day.lake, day.as_of))}


def _triggers(day: Day) -> StepResult:
    from serving.records.contacts.made_contacts import recorded_by
    from serving.touchpoints.triggers import find_due

    recorded = recorded_by(day.records, day.lake, day.as_of)
    due = find_due(day.lake, day.as_of, day.report, recorded)
    findings = [
        {"subject": "touchpoints", "english": warning.english, "chinese": warning.chinese}
        for warning in due.warnings
    ]
    if due.contacts == "not recorded":
        findings.append(
            {
                "subject": "touchpoints",
                "english": "contacts are not recorded, so none could be left out as made",
                "chinese": "没有交付触达记录，无法剔除已触达的客户",
            }
        )
    summary = Sentence(
        f"{due.due:,} contacts are due at {len(due.counts)} touchpoints",
        f"{len(due.counts)} 个触点共 {due.due:,} 次触达到期",
    )
    return StepResult(summary, due.due, tuple(findings))


def list_file(day: Day, name: str) -> Path:
    """Return the file of a list of a day."""
    return day.lake.home / "lists" / f"{name}-{day.as_of}.csv"


def _no_lists(day: Day) -> Sentence | None:
    if not day.settings.lists:
        return Sentence("daily.toml declares no list", "daily.toml 未声明名单")
    return no_model(day)


def _list_inputs(day: Day) -> Identities:
    from serving.records.people.refusals import read_refusals

    pointer = read_pointer(day.lake.home)
    with day.records.reading() as connection:
        refused = read_refusals(connection, day.now)
    return {
        "published": "none" if pointer is None else pointer.generation,
        "lists": hashlib.sha256(repr(day.settings.lists).encode()).hexdigest()[:16],
        "refusals": hashlib.sha256(repr(refused).encode()).hexdigest()[:16],
        "erased customers": file_identity(day.lake.home / "erased.json"),
        "settings": settings_identity(day.lake),
    }


def _list_outputs(day: Day) -> Identities:
    return {name: file_identity(list_file(day, name)) for name in day.settings.lists}


def _lists(day: Day) -> StepResult:
    from guanjia.jobs.handing_out import hand_out

    lake, rows = published_lake(day.lake.settings), 0
    findings = []
    for done, (name, declared) in enumerate(day.settings.lists.items()):
        day.report("lists", done, len(day.settings.lists))
        written = hand_out(
            lake,
            name,
            day.as_of,
            declared.where,
            declared.top,
            out=list_file(day, name),
            who=day.who,
            why="guanjia daily",
            at=day.now,
        )
        rows += written.rows
        findings.append(
            {
                "subject": name,
                "english": f"list {name}: {written.rows:,} customers in {written.path}",
                "chinese": f"名单“{written.label}”：{written.rows:,} 位客户，"
                f"文件 {written.path.name}",
                "rows": written.rows,
            }
        )
    day.report("lists", len(day.settings.lists), len(day.settings.lists))
    count = len(findings)
    summary = Sentence(
        f"{count} lists with {rows:,} customers", f"写出 {count} 份名单，共 {rows:,} 位客户"
    )
    return StepResult(summary, rows, tuple(findings))


SCORES = Step(
    "scores", "客户评分", _score, _score_inputs, _score_outputs, not_today=no_model,
    needs=("tags",),
)  # fmt: skip
TRIGGERS = Step(
    "triggers", "触点到期", _triggers, _trigger_inputs, _trigger_outputs,
    needs=("check", "tags", "contacts"),
)  # fmt: skip
LISTS = Step(
    "lists", "生成名单", _lists, _list_inputs, _list_outputs, not_today=_no_lists,
    needs=("publish",), after_publication=True,
)  # fmt: skip
