"""Compute what is known of each customer: tags, their quality, segments."""

from features.lake import Lake
from features.snapshots.definitions import definitions
from features.snapshots.snapshots import read_snapshot, snapshot_dates
from features.sources.raw_source import source_of
from features.texts import Sentence
from guanjia.jobs.daily.steps.step import Day, Identities, Step, StepResult, chinese_day
from guanjia.jobs.daily.steps.tables import checked_identity, quarantine_identity
from serving.identity import file_identity, settings_identity


def snapshot_identity(day: Day) -> Identities:
    """Return the identity of the day's snapshot; nothing where it is not there."""
    path = day.lake.data / "snapshots" / f"{day.as_of}.json"
    return {"snapshot": read_snapshot(day.lake, day.as_of).snapshot_id} if path.exists() else {}


def _tag_inputs(day: Day) -> Identities:
    return {"checked": checked_identity(day.lake), "definitions": definitions(day.lake)}


def _tags(day: Day) -> StepResult:
    from features.snapshots.compute import write_snapshot
    from features.snapshots.known_dates import refuse_unknown_dates

    refuse_unknown_dates(day.lake, [day.as_of], None if source_of(day.lake) else day.now)
    (snapshot,) = write_snapshot(day.lake, [day.as_of], day.report)
    total, base = snapshot.customers, snapshot.base
    if base is None:
        summary = Sentence(
            f"{total:,} customers, all computed: there is no earlier snapshot of the same "
            "definitions",
            f"{total:,} 位客户，全部重新计算（没有口径一致的往日快照可沿用）",
        )
    else:
        summary = Sentence(
            f"{total:,} customers, {snapshot.recomputed:,} of them recomputed, the others carried "
            f"from {base}",
            f"{total:,} 位客户，其中 {snapshot.recomputed:,} 位重新计算，其余沿用 {base} 的结果",
        )
    return StepResult(summary, snapshot.recomputed)


def _reference(lake: Lake, day: Day) -> str:
    """Return the id of the snapshot that the day's is compared with."""
    before = max((date for date in snapshot_dates(lake) if date < day.as_of), default=None)
    return "none" if before is None else read_snapshot(lake, before).snapshot_id


def _quality_inputs(day: Day) -> Identities:
    return {
        **snapshot_identity(day),
        "reference": _reference(day.lake, day),
        "quarantine": quarantine_identity(day.lake),
        "settings": settings_identity(day.lake),
    }


def _quality_outputs(day: Day) -> Identities:
    stem = day.lake.data / "quality" / f"as_of={day.as_of}"
    return {"report": file_identity(stem.with_name(f"{stem.name}.json"))}


def _quality(day: Day) -> StepResult:
    from features.quality.assess import assess
    from features.quality.files import write_quality

    assessed = assess(day.lake, day.as_of, report=day.report)
    write_quality(day.lake, assessed)
    broken = len(assessed.broken)
    findings = tuple(
        {
            "subject": finding.subject,
            "english": f"{finding.subject}: {finding.sentence}",
            "chinese": f"{finding.label}：{finding.chinese}",
        }
        for finding in assessed.broken
    )
    watched = len(assessed.findings) - broken
    english = f"{len(assessed.tags)} tags: {broken} broken bounds, {watched} changes to look at"
    chinese = f"{len(assessed.tags)} 个标签，越界 {broken} 项，需留意 {watched} 项"
    if assessed.against is not None:
        english += f" against {assessed.against}"
        chinese += f"（与{chinese_day(assessed.against)}相比）"
    # Whether the day is published in spite of it, the audit says: it knows who accepted what.
    return StepResult(Sentence(english, chinese), len(assessed.tags), findings)


def _segment_inputs(day: Day) -> Identities:
    return {**snapshot_identity(day), "settings": settings_identity(day.lake)}


def _segment_outputs(day: Day) -> Identities:
    from features.segments.segments import segments_path

    return {"segments": file_identity(segments_path(day.lake, day.as_of))}


def _segments(day: Day) -> StepResult:
    from features.segments.segments import write_segments

    assigned = write_segments(day.lake, day.as_of, report=day.report)
    findings = tuple(
        {"subject": "segments", "english": warning.english, "chinese": warning.chinese}
        for warning in assigned.warnings
    )
    summary = Sentence(
        f"{assigned.customers:,} customers in {len(assigned.segments)} segments",
        f"{assigned.customers:,} 位客户归入 {len(assigned.segments)} 个分群",
    )
    return StepResult(summary, assigned.customers, findings)


TAGS = Step("tags", "计算标签", _tags, _tag_inputs, snapshot_identity, needs=("check",))
QUALITY = Step(
    "quality", "评估质量", _quality, _quality_inputs, _quality_outputs, needs=("check", "tags")
)
SEGMENTS = Step(
    "segments", "划分分群", _segments, _segment_inputs, _segment_outputs, needs=("tags",)
)
