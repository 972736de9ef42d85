"""Render a day as one HTML page in Chinese (`page.html` filled in) that needs no network."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.publishing import published
from guanjia.jobs.daily.history import Attempt, DayHistory, StepRecord, day_file
from guanjia.jobs.daily.meaning import WHOM, verdict
from guanjia.jobs.daily.steps.order import LABELS
from guanjia.jobs.daily.steps.step import chinese_day

OUTCOMES = {
    "done": "完成",
    "skipped": "未变，跳过",
    "not today": "今天不做",
    "broken": "越界",
    "fault": "有误",
    "environment": "环境故障",
    "failed": "程序错误",
    "cut off": "中断",
}
"""Endings of steps and attempts in Chinese."""
CURES = {
    "broken": "超出界限的数据没有发布。请核对下列各项；确认无误可用 guanjia publish --accept 发布，"
    "数据有误则请重新交付后再运行一次。",
    "fault": "请按下面的说明处理，再运行一次；已完成的步骤不会重做。",
    "environment": "磁盘、数据库或在线存储不可用，与数据质量无关。"
    "恢复后再运行一次，会从中断处继续。",
    "failed": "程序出现错误，请把日志交给维护人员；已发布的数据不受影响。",
    "cut off": "运行被中断，再运行一次会从中断处继续。",
}
"""What to do about an ending."""
FINDINGS_SHOWN = 30


def write_page(home: Path, history: DayHistory, timezone: str) -> Path:
    """Publish the page of a day; it replaces an older one at once.

    Parameters
    ----------
    home : Path
        The home.
    history : DayHistory
        The day with its attempts; the last one is shown in full.
    timezone : str
        The insurer's time zone, for times of the day.
    """
    path = day_file(home, history.as_of, ".html")
    with published(path) as draft:
        draft.write_text(render(history, timezone), encoding="utf-8")
    return path


def render(history: DayHistory, timezone: str) -> str:
    """Render the page as HTML text.

    Parameters
    ----------
    history : DayHistory
        The day with at least one attempt.
    timezone : str
        The insurer's time zone.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    zone = ZoneInfo(timezone)
    environment.filters |= {
        "seconds": _seconds,
        "clock": lambda instant: _clock(instant, zone),
        "day": lambda text: chinese_day(date.fromisoformat(text)),
        "rows": lambda rows: "" if rows is None else f"{rows:,}",
    }
    attempt = history.attempts[-1]
    return environment.get_template("page.html").render(
        day=history.as_of,
        title=verdict(attempt, history.as_of).chinese,
        attempt=attempt,
        earlier=history.attempts[:-1],
        labels=LABELS,
        outcomes=OUTCOMES,
        whom=WHOM,
        cure=CURES.get(attempt.outcome),
        findings=_findings(attempt),
        most=FINDINGS_SHOWN,
    )


def _findings(attempt: Attempt) -> list[tuple[StepRecord, list[str]]]:
    """List the steps that have findings, the broken ones first, with their sentences."""
    steps = [step for step in attempt.steps if step.findings]
    ordered = sorted(steps, key=lambda step: step.outcome != "broken")
    return [(step, [str(finding["chinese"]) for finding in step.findings]) for step in ordered]


def _seconds(seconds: float) -> str:
    """Write a duration as a Chinese reader does."""
    if seconds < 90:
        return f"{seconds:.1f} 秒"
    return f"{seconds / 60:.0f} 分钟"


def _clock(instant: str | None, zone: ZoneInfo) -> str:
    """Write an instant as the time of the insurer's clocks."""
    if instant is None:
        return "—"
    local = datetime.fromisoformat(instant).astimezone(zone)
    return f"{chinese_day(local.date())} {local:%H:%M}"
