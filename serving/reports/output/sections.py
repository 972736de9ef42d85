"""Arrange a report as sections with tables, in Chinese: what page, CSV and workbook show alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from features.contracts.vocabulary import CHANNEL_LABELS
from serving.reports.funnel import DEFINITIONS, Figure, FunnelRow
from serving.reports.margins import DEFINITIONS as MARGIN_DEFINITIONS
from serving.reports.monday import Funnel
from serving.reports.settings import LEVELS
from serving.reports.terms import REASONS

CONDITION = "名单条件"
"""Heading of the conditions by which the numbers of a table open as lists."""
MOST_OFFICES = 40
"""Offices that a page shows at most; exports have all."""


@dataclass(frozen=True)
class Percent:
    """A share, shown in percent: `places` decimals; with a sign where it is a difference."""

    share: float | None
    places: int = 1
    signed: bool = False

    def __str__(self) -> str:
        """Write it as a Chinese reader does; an em dash where there is nothing to divide by."""
        if self.share is None:
            return "—"
        return f"{self.share:{'+' if self.signed else ''}.{self.places}%}"


Cell = str | int | float | Percent | date | None


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes
    ----------
    title : str
        Its heading, in Chinese; also the name of its sheet.
    sentences : tuple of str
        What the table says, in words.
    headings : tuple of str
        Headings of the columns.
    rows : list of list of cell
        The table.
    notes : tuple of str
        Definitions of its figures: what is counted, over what.
    """

    title: str
    sentences: tuple[str, ...]
    headings: tuple[str, ...]
    rows: list[list[Cell]]
    notes: tuple[str, ...]


def funnel_sections(funnel: Funnel) -> list[Section]:
    """Make the sections of a funnel: what is due, what is open, and the gap.

    Parameters
    ----------
    funnel : Funnel
        The funnel.
    """
    label = LEVELS[funnel.by]
    due = Section(
        "本月续保",
        (headline(funnel),),
        (label, "本月应续", "已到期", "已续保", "续保率", "95%区间", "目标", "上月同期",
         "上年同期"),
        [
            [
                office_name(funnel, row), row.due, row.expired, row.renewed.yes,
                Percent(row.renewed.share), interval(row.renewed),
                Percent(target_of(funnel, row)), Percent(row.last_month.share),
                Percent(row.last_year.share),
            ]
            for row in [*funnel.offices, funnel.total]
        ],
        definition_notes("due", "expired", "rate"),
    )  # fmt: skip
    total = funnel.total
    pipeline = Section(
        "在池未续",
        (
            f"在池未到期且未续保 {total.open:,} 张：已报价 {share(total.quoted)}，"
            f"已触达 {share(total.reached)}，已查看 {share(total.viewed)}。"
            f"最近7天入池 {total.first_day.of:,} 张，首日报价率 {Percent(total.first_day.share)}；"
            f"首周报价率 {Percent(total.first_week.share)}"
            f"（入池已满7天的 {total.first_week.of:,} 张）。",
        ),
        (label, "在池", "报价率", "95%区间", "报价触达率", "报价查看率", "新入池", "首日报价率",
         "满7天", "首周报价率"),
        [
            [
                office_name(funnel, row), row.open, Percent(row.quoted.share),
                interval(row.quoted), Percent(row.reached.share), Percent(row.viewed.share),
                row.first_day.of, Percent(row.first_day.share), row.first_week.of,
                Percent(row.first_week.share),
            ]
            for row in [*funnel.offices, total]
        ],
        definition_notes("quoted", "reached", "viewed", "first_day", "first_week"),
    )  # fmt: skip
    lost = sum(total.lost.values())
    reasons = "，".join(f"{REASONS[name]} {count:,}" for name, count in total.lost.items())
    total_impact = sum(line.impact for line in funnel.gap_lines)
    gaps: list[list[Cell]] = [
        [_named(funnel, line.key, line.name), line.lost, round(100 * line.impact, 2),
         *line.reasons.values()]
        for line in funnel.gap_lines
    ]  # fmt: skip
    gap = Section(
        "缺口来自哪里",
        (
            f"已到期 {total.expired:,} 张中流失 {lost:,} 张，"
            f"缺口 {Percent(funnel.gap)}：{reasons}。",
        ),
        (label, "流失", "缺口影响（百分点）", *REASONS.values()),
        [*gaps, ["合计", lost, round(100 * total_impact, 2), *total.lost.values()]],
        definition_notes("impact"),
    )  # fmt: skip
    return [due, pipeline, gap]


def headline(funnel: Funnel) -> str:
    """Say the renewal rate of the month in one sentence.

    Parameters
    ----------
    funnel : Funnel
        The funnel.
    """
    total = funnel.total
    text = f"{funnel.month.first.month}月应续 {total.due:,} 张，已到期 {total.expired:,} 张"
    if total.renewed.share is None:
        return f"{text}，尚无到期保单。"
    text += (
        f"，已续保 {total.renewed.yes:,} 张，续保率 {Percent(total.renewed.share)}"
        f"（95%区间 {interval(total.renewed)}）"
    )
    if funnel.target is not None:
        ahead = total.renewed.share - float(funnel.target)
        text += f"，目标 {Percent(float(funnel.target))}，差 {Percent(ahead, signed=True)}"
    others = (("上月同期", total.last_month), ("上年同期", total.last_year))
    text += "".join(f"，{name} {Percent(other.share)}" for name, other in others if other.of)
    return f"{text}。"


def interval(figure: Figure) -> str:
    """Write the interval of a share.

    Parameters
    ----------
    figure : Figure
        The share.
    """
    if figure.low is None or figure.high is None:
        return "—"
    return f"{figure.low:.1%}–{figure.high:.1%}"


def share(figure: Figure) -> str:
    """Write a share with its numerator: `390 张（72.4%）`.

    Parameters
    ----------
    figure : Figure
        The share.
    """
    return f"{figure.yes:,} 张（{Percent(figure.share)}）"


def office_name(funnel: Funnel, row: FunnelRow) -> str:
    """Write the name of an office as its readers know it.

    Parameters
    ----------
    funnel : Funnel
        Says what an office is.
    row : FunnelRow
        The office, or the total.
    """
    return "合计" if row is funnel.total else _named(funnel, row.key, row.name)


def _named(funnel: Funnel, key: str, name: str) -> str:
    if funnel.by == "channel":
        return CHANNEL_LABELS.get(key, key)
    if funnel.by == "star":
        return f"{key}星" if key.isdigit() else key
    return key if name == key else f"{name} {key}"


def target_of(funnel: Funnel, row: FunnelRow) -> float | None:
    """Return the target of an office, as a share; that of the month for the total.

    Parameters
    ----------
    funnel : Funnel
        Has the targets.
    row : FunnelRow
        The office, or the total.
    """
    target: Decimal | None = funnel.target if row is funnel.total else funnel.targets.get(row.key)
    return None if target is None else float(target)


def definition_notes(*names: str) -> tuple[str, ...]:
    """Write the definitions of figures, as notes below a table.

    Parameters
    ----------
    *names : str
        Keys of the definitions of `serving.reports.funnel` and `serving.reports.margins`.
    """
    known = {**DEFINITIONS, **MARGIN_DEFINITIONS}
    return tuple(f"{known[name][0]}: {known[name][1]}" for name in names)


def shown_rows(section: Section) -> Sequence[list[Cell]]:
    """Return the rows that a page shows: the first ones, and the last, which may be the total.

    Parameters
    ----------
    section : Section
        The section.
    """
    if len(section.rows) <= MOST_OFFICES:
        return section.rows
    return [*section.rows[: MOST_OFFICES - 1], section.rows[-1]]
