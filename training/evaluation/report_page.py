"""Render an assessment as one HTML file that needs no network, and as a model card."""

import math
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from features.tags.catalogue import catalogue
from training.estimators.losses import LOSSES, RANKINGS
from training.evaluation import charts
from training.evaluation.assessment import Assessment
from training.evaluation.charts import Line, Mark
from training.evaluation.contact import WORKING_SHARE
from training.evaluation.fairness import Fairness
from training.evaluation.figures import Figures
from training.evaluation.intervals import FEWEST_PAID, Interval
from training.evaluation.peers import PEER_LABELS
from training.evaluation.slices import (
    ATTRIBUTES,
    SMALLEST_EVENTS,
    SMALLEST_ROWS,
    Slice,
)
from training.evaluation.statements import statements

MOST_DRAWN = 14
"""An attribute of more parts is shown as a table only: a chart of forty rows says nothing."""


def render_report(assessment: Assessment) -> str:
    """Render the report as an HTML page."""
    template = _environment().get_template("report_page.html")
    return template.render(**_context(assessment), pictures=_pictures(assessment))


def render_card(assessment: Assessment) -> str:
    """Render the model card as Markdown."""
    text = (
        _environment(escaped=False)
        .get_template("model_card.md.jinja")
        .render(**_context(assessment))
    )
    return text.rstrip() + "\n"


@cache
def _environment(escaped: bool = True) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "share": share,
        "number": number,
        "between": between,
        "points": points,
        "integer": integer,
    }
    return environment


def share(value: float, digits: int = 1) -> str:
    """Format a share as a percentage; a dash if it is NaN."""
    return "–" if math.isnan(value) else f"{value:.{digits}%}"


def points(value: float) -> str:
    """Format a difference of shares in percentage points, with its sign; a dash if it is NaN."""
    return "–" if math.isnan(value) else f"{100 * value:+.1f}"


def number(value: float, digits: int = 3) -> str:
    """Format a number with a fixed number of decimals; a dash if it is NaN."""
    return "–" if math.isnan(value) else f"{value:,.{digits}f}"


def integer(value: float) -> str:
    """Format a count, or an amount in whole yuan; a dash if it is NaN."""
    return "–" if math.isnan(value) else f"{value:,.0f}"


def between(pair: Interval, digits: int = 3, percent: bool = False) -> str:
    """Format an interval; a dash if an end of it is NaN.

    Parameters
    ----------
    pair : (float, float)
        Low and high.
    digits : int
        Decimals.
    percent : bool
        Whether the ends are shares to be written as percentages.
    """
    if any(math.isnan(value) for value in pair):
        return "–"
    return " – ".join(f"{v:.{digits}%}" if percent else f"{v:,.{digits}f}" for v in pair)


def _context(assessment: Assessment) -> dict[str, Any]:
    tags = catalogue()
    by_attribute = {
        name: list(rows) for name, rows in groupby(assessment.slices, lambda part: part.attribute)
    }
    return {
        "assessment": assessment,
        "model": assessment.model,
        "family": assessment.model.family or assessment.model.name,
        "probability": isinstance(assessment.figures, Figures),
        "figures": assessment.figures,
        "order_name": RANKINGS[assessment.kind],
        "loss_name": LOSSES[assessment.kind],
        "statements": statements(assessment),
        "peers": PEER_LABELS,
        "attributes": [
            (attribute, by_attribute[attribute.name])
            for attribute in ATTRIBUTES
            if attribute.name in by_attribute
        ],
        "labels": {name: tag.label for name, tag in tags.items()},
        "working_share": WORKING_SHARE,
        "smallest_rows": SMALLEST_ROWS,
        "smallest_events": SMALLEST_EVENTS,
        "fewest_paid": FEWEST_PAID,
    }


def _pictures(assessment: Assessment) -> dict[str, Any]:
    # Drawn from numbers and names, which the charts escape.
    drawn: dict[str, Any] = {
        "calibration": Markup(_calibration(assessment)),
        "gain": Markup(_gain(assessment)),
        "peers": Markup(_peers(assessment)),
        "importance": Markup(_importance(assessment)),
        "months": [Markup(chart) for chart in _months(assessment)],
        "fairness": {part.attribute: Markup(_fairness(part)) for part in assessment.fairness},
        "profit": {
            curve.channel: Markup(_profit(assessment, curve.channel)) for curve in assessment.curves
        },
        "slices": {},
    }
    for attribute in ATTRIBUTES:
        rows = [part for part in assessment.slices if part.attribute == attribute.name]
        if attribute.name != "month" and 1 < len(rows) <= MOST_DRAWN:
            drawn["slices"][attribute.name] = Markup(_slices(rows, attribute.chinese))
    return drawn


def _scale(assessment: Assessment, values: Sequence[float]) -> charts.Formatter:
    """Choose how mean outcomes are written on an axis that shows these values."""
    if assessment.kind != "probability":
        return lambda x: f"{x:,.4g}"
    spread = max(values) - min(values)
    digits = 0 if spread > 0.2 else 1 if spread > 0.02 else 2
    return lambda x: f"{x:.{digits}%}"


def _calibration(assessment: Assessment) -> str:
    table = assessment.calibration
    predicted, observed = table["told"].tolist(), table["observed"].tolist()
    formatter = _scale(assessment, [*predicted, *observed])
    ends = min(*predicted, *observed), max(*predicted, *observed)
    band = list(zip(table["low"], table["high"], strict=True))
    return charts.lines(
        [
            Line("", [(ends[0], ends[0]), (ends[1], ends[1])], "guide"),
            Line("", list(zip(predicted, observed, strict=True)), "model", band, dots=True),
        ],
        "预测 predicted",
        "实际 observed",
        "校准：各十分位的预测均值与实际均值；越靠近对角线越好。 "
        "Calibration: predicted against observed mean by tenth, the diagonal is perfect.",
        format_across=formatter,
        format_up=formatter,
    )


def _gain(assessment: Assessment) -> str:
    gain = assessment.gain
    contacted = [0.0, *(gain["rows"].cumsum() / gain["rows"].sum()).tolist()]
    reached = [0.0, *gain["found"].tolist()]
    first = reached[min(2, len(reached) - 1)]
    return charts.lines(
        [
            Line("", [(0.0, 0.0), (1.0, 1.0)], "guide"),
            Line("", list(zip(contacted, reached, strict=True)), "model", dots=True),
        ],
        "触达客户占比 share contacted",
        "找到的占比 share found",
        f"增益：触达前20%可找到{first:.0%}. Gain: contacting the first 20% finds {first:.0%}.",
        format_across=lambda x: f"{x:.0%}",
        format_up=lambda y: f"{y:.0%}",
    )


def _peers(assessment: Assessment) -> str:
    marks = [
        Mark(" ".join(PEER_LABELS[peer.peer]), peer.loss_gain, peer.loss_low, peer.loss_high)
        for peer in assessment.differences
    ]
    return charts.intervals(
        marks,
        0.0,
        f"本模型比各基线低多少{LOSSES[assessment.kind][0]}及区间；右侧为更好。How much lower the "
        f"{LOSSES[assessment.kind][1]} is than each peer's; right of the line the model is better.",
        formatter=lambda x: f"{x:.4f}",
    )


def _importance(assessment: Assessment) -> str:
    rows = [
        (f"{theme.chinese} {theme.english}", theme.share)
        for theme in assessment.importance.themes
        if theme.share
    ]
    return charts.bars(
        rows, "各主题对预测的影响占比. Share of each theme in what moves predictions.",
        formatter=lambda x: f"{x:.1%}",
    )  # fmt: skip


def _months(assessment: Assessment) -> list[str]:
    months = [part for part in assessment.slices if part.attribute == "month" and not part.small]
    if len(months) < 2:
        return []
    names = [month.value for month in months]
    means = [mean for month in months for mean in (month.predicted, month.observed)]
    formatter = _scale(assessment, means)

    def line(values: Sequence[float], style: str, band: Sequence[Interval] = ()) -> Line:
        return Line("", list(enumerate(values)), style, band, dots=True)

    means_chart = charts.lines(
        [
            line([month.observed for month in months], "peer"),
            line([month.predicted for month in months], "model"),
        ],
        "月份 month", "占比 mean" if assessment.kind == "probability" else "均值 mean",
        "各月预测（蓝）与实际（灰）均值. Predicted (blue) and observed (grey) mean by month.",
        format_across=str, format_up=formatter, names=names, height=260,
    )  # fmt: skip
    ranked = [month for month in months if not math.isnan(month.order)]
    if len(ranked) < 2:
        return [means_chart]
    orders, bands = [month.order for month in ranked], [month.order_interval for month in ranked]
    banded = not any(math.isnan(end) for pair in bands for end in pair)
    words = ("及95%区间", ", with interval") if banded else ("", "")
    order_chart = charts.lines(
        [line(orders, "model", bands if banded else ())],
        "月份 month", RANKINGS[assessment.kind][1],
        f"各月{RANKINGS[assessment.kind][0]}{words[0]}. By month{words[1]}.",
        format_across=str, format_up=lambda y: f"{y:.2f}",
        names=[month.value for month in ranked], height=260,
    )  # fmt: skip
    return [means_chart, order_chart]


def _slices(rows: Sequence[Slice], chinese: str) -> str:
    marks = [
        Mark(part.chinese if part.chinese == part.value else f"{part.chinese} {part.value}",
             part.gap, *part.gap_interval)
        for part in rows
    ]  # fmt: skip
    return charts.intervals(
        marks, 0.0, f"{chinese}: 预测减实际及区间. Predicted minus observed, with interval.",
        formatter=lambda x: f"{100 * x:+.1f}" if abs(x) < 1 else f"{x:+,.4g}",
    )  # fmt: skip


def _fairness(attribute: Fairness) -> str:
    marks = [
        Mark(group.chinese if group.chinese == group.value else f"{group.chinese} {group.value}",
             group.gap, *group.gap_interval)
        for group in attribute.groups
    ]  # fmt: skip
    return charts.intervals(
        marks, 0.0,
        f"{attribute.chinese}：各组预测减实际。Predicted minus observed by {attribute.english}.",
        formatter=lambda x: f"{100 * x:+.1f}",
    )  # fmt: skip


def _profit(assessment: Assessment, channel: str) -> str:
    curve = next(curve for curve in assessment.curves if curve.channel == channel)
    table = curve.table
    shares = [0.0, *table["share"].tolist()]
    band = [(0.0, 0.0), *zip(table["low"], table["high"], strict=True)]
    spot = (curve.best_share, curve.best_profit) if curve.best_share else None
    return charts.lines(
        [
            Line("", list(zip(shares, [0.0, *table["at_random"]], strict=True)), "guide"),
            Line("", list(zip(shares, [0.0, *table["profit"]], strict=True)), "model", band),
        ],
        "触达占比 share contacted",
        "每千人利润（元） yuan per 1,000",
        f"{curve.chinese}触达的利润曲线，最优占比 {curve.best_share:.0%}. Profit of contacts by "
        f"{channel} by share contacted; best at {curve.best_share:.0%}.",
        format_across=lambda x: f"{x:.0%}",
        format_up=lambda y: f"{y:,.0f}",
        spot=spot,
        height=260,
    )
