"""Make the day visible: load its online rows, audit, move the pointer."""

from dataclasses import asdict

from features.lake.pointer import read_pointer
from features.texts import Sentence
from guanjia.jobs.daily.steps.step import Day, Identities, Step, StepResult, chinese_day
from guanjia.jobs.daily.steps.tables import checked_identity
from guanjia.jobs.daily.steps.tags import snapshot_identity
from serving.identity import ABSENT, file_identity, settings_identity


def _inputs(day: Day) -> Identities:
    data = day.lake.data
    files = {
        name: data / name / f"as_of={day.as_of}.{ending}"
        for name, ending in (
            ("scores", "parquet"),
            ("triggers", "parquet"),
            ("segments", "parquet"),
            ("clusters", "parquet"),
            ("quality", "json"),
        )
    }
    return {
        **snapshot_identity(day),
        "checked": checked_identity(day.lake),
        **{name: file_identity(path) for name, path in files.items()},
        "erased customers": file_identity(day.lake.home / "erased.json"),
        "settings": settings_identity(day.lake),
    }


def _outputs(day: Day) -> Identities:
    pointer = read_pointer(day.lake.home)
    return {"published": ABSENT if pointer is None else pointer.generation}


def _publish(day: Day) -> StepResult:
    from guanjia.jobs.publication.publish import publish_day

    publication = publish_day(day.lake, day.as_of, day.now, day.report)
    findings = tuple(
        {"subject": finding.thing, "english": finding.sentence, **asdict(finding)}
        for finding in publication.findings
    )
    if publication.outcome == "refused":
        return StepResult(_refused(day, len(findings)), None, findings, broken=True)
    published = publication.day
    assert published is not None  # every other outcome leaves a day
    if publication.outcome == "published":
        summary = Sentence(
            f"published as {published.generation}", f"{chinese_day(day.as_of)}的数据已发布"
        )
    else:
        summary = Sentence(
            f"{published.as_of} is published already; nothing changed",
            f"已发布的是{chinese_day(published.as_of)}，内容未变",
        )
    return StepResult(summary, None, findings)


def _refused(day: Day, count: int) -> Sentence:
    pointer = read_pointer(day.lake.home)
    stays = "nothing is published yet" if pointer is None else f"{pointer.as_of} stays published"
    english = f"not published: {count} bounds are broken; {stays}"
    if pointer is None:
        return Sentence(english, f"未发布：{count} 项越界；此前没有已发布的数据")
    return Sentence(english, f"未发布：{count} 项越界；继续使用{chinese_day(pointer.as_of)}的数据")


PUBLISH = Step(
    "publish",
    "审核发布",
    _publish,
    _inputs,
    _outputs,
    needs=("check", "tags", "quality", "segments", "scores", "triggers"),
)
