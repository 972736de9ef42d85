"""Say what became of a day, and what it means for whom: in a sentence for each of them."""

from datetime import date
from typing import Any

from features.texts import Sentence
from guanjia.jobs.daily.history import Attempt, StepRecord
from guanjia.jobs.daily.steps.order import LABELS
from guanjia.jobs.daily.steps.step import chinese_day

WHOM = {
    "customers": "客户与触点",
    "marketers": "营销人员",
    "branches": "分支机构",
    "operators": "运行人员",
}
"""Whom a day is for, with their Chinese."""


def meaning(attempt: Attempt, as_of: date) -> list[dict[str, str]]:
    """Say what an attempt means for customers, marketers, branches and operators.

    Parameters
    ----------
    attempt : Attempt
        The attempt, with its steps and what is published after it.
    as_of : date
        The day.

    Returns
    -------
    list of dict
        `whom`, `english`, `chinese`.
    """
    steps = {step.name: step for step in attempt.steps}
    sentences = {
        "customers": _customers(attempt, as_of),
        "marketers": _marketers(attempt, as_of, steps),
        "branches": _branches(attempt, as_of, steps),
        "operators": _operators(attempt, as_of, steps),
    }
    return [
        {"whom": whom, "english": summary.english, "chinese": summary.chinese}
        for whom, summary in sentences.items()
    ]


def verdict(attempt: Attempt, as_of: date) -> Sentence:
    """Say in one sentence how a day stands after an attempt."""
    day = chinese_day(as_of)
    if attempt.published == as_of.isoformat():
        if attempt.outcome == "done":
            return Sentence(f"{as_of} is published", f"{day}已发布")
        return Sentence(
            f"{as_of} is published; something after it is not in order",
            f"{day}已发布，另有事项待处理",
        )
    if attempt.published is None:
        return Sentence(f"{as_of} is not published", f"{day}未发布")
    before = date.fromisoformat(attempt.published)
    return Sentence(
        f"{as_of} is not published; {before} stays",
        f"{day}未发布，继续使用{chinese_day(before)}的数据",
    )


def _customers(attempt: Attempt, as_of: date) -> Sentence:
    if attempt.published is None:
        return Sentence(
            "no day was ever published: touchpoints answer from what was computed last",
            "本系统尚未发布过任何一天，触点按最近一次计算的结果应答",
        )
    published = date.fromisoformat(attempt.published)
    if published == as_of:
        return Sentence(
            f"predictions, decisions and touchpoints answer with what was known on {as_of}",
            f"预测、决策和触点均按{chinese_day(as_of)}日终的数据应答",
        )
    late = (as_of - published).days
    return Sentence(
        f"predictions, decisions and touchpoints still answer with what was known on {published}, "
        f"{late} days older; events of today count at once all the same",
        f"预测、决策和触点仍按{chinese_day(published)}的数据应答，滞后 {late} 天；"
        "当天上报的事件照常即时生效",
    )


def _marketers(attempt: Attempt, as_of: date, steps: dict[str, StepRecord]) -> Sentence:
    lists = steps.get("lists")
    if attempt.published == as_of.isoformat():
        if lists is not None and lists.outcome in ("done", "skipped"):
            return Sentence(
                f"today's lists are those of {as_of}: {lists.english}",
                f"今天的名单已按{chinese_day(as_of)}的数据生成：{lists.chinese}",
            )
        if lists is not None and lists.outcome != "not today":
            return Sentence(
                f"the lists of {as_of} were not written: {lists.english}",
                f"{chinese_day(as_of)}的名单未能生成，请联系运行人员",
            )
        return Sentence(
            f"lists taken from now on are of {as_of}",
            f"现在起导出的名单均为{chinese_day(as_of)}的数据",
        )
    if attempt.published is None:
        return Sentence("there is no published list", "尚无已发布的名单")
    published = date.fromisoformat(attempt.published)
    return Sentence(
        f"today's lists are still those of {published}: who renewed, complained or refused since "
        "may be on them",
        f"今天的名单仍是{chinese_day(published)}的，此后已续保、投诉或拒绝营销的客户可能仍在其中，"
        "外呼前请核对",
    )


def _branches(attempt: Attempt, as_of: date, steps: dict[str, StepRecord]) -> Sentence:
    capacity = steps.get("capacity")
    if capacity is not None and capacity.outcome in ("done", "skipped"):
        return Sentence(
            f"contacts of the day after {as_of} are priced: {capacity.english}",
            f"{chinese_day(as_of)}次日的产能已定价：{capacity.chinese}",
        )
    triggers = steps.get("triggers")
    if attempt.published == as_of.isoformat() and triggers is not None:
        return Sentence(f"due today: {triggers.english}", f"今天的任务：{triggers.chinese}")
    return Sentence(
        "tasks of branches are those of the day that is published",
        "机构今天的任务沿用已发布那一天的结果",
    )


def _operators(attempt: Attempt, as_of: date, steps: dict[str, StepRecord]) -> Sentence:
    english, chinese = [], []
    stopped = [
        step
        for step in steps.values()
        if step.outcome in ("broken", "fault", "environment", "failed")
    ]
    for step in stopped:
        english.append(f"step {step.name}: {step.english}")
        chinese.append(f"“{LABELS[step.name]}”一步需要处理")
    if attempt.missing:
        days = [date.fromisoformat(day) for day in attempt.missing]
        english.append(f"days that were never published: {', '.join(attempt.missing)}")
        chinese.append(
            f"{'、'.join(map(chinese_day, days))}没有发布过，这些天的变化"
            f"已计入{chinese_day(as_of)}，但没有当天的名单"
        )
    if not english:
        return Sentence("nothing is left to do", "没有待处理事项")
    return Sentence("; ".join(english), "；".join(chinese) + "。")


def broken_findings(attempt: Attempt) -> list[dict[str, Any]]:
    """List the findings of the steps that a bound stopped."""
    return [
        finding for step in attempt.steps if step.outcome == "broken" for finding in step.findings
    ]
