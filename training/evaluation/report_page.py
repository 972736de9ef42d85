"""An assessment as one HTML file that needs no network: `report_page.html` filled in."""

import math
from collections.abc import Sequence
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
from training.evaluation.peers import PEER_LABELS
from training.evaluation.resampling import RESAMPLES, Interval
from training.evaluation.slices import ATTRIBUTES, SMALLEST_EVENTS, SMALLEST_ROWS, Slice
from training.evaluation.statements import statements

MOST_DRAWN = 14
"""Parts of an attribute beyond which a table alone is shown: a picture of forty says nothing."""


def render_report(found: Assessment) -> str:
    """The page as text."""
    template = _environment().get_template("report_page.html")
    return template.render(**_context(found), pictures=_pictures(found))


def render_card(found: Assessment) -> str:
    """The model card as Markdown."""
    text = _environment(escaped=False).get_template("model_card.md.jinja").render(**_context(found))
    return text.rstrip() + "\n"


def _environment(escaped: bool = True) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
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
        "whole": whole,
    }
    return environment


def share(value: float, digits: int = 1) -> str:
    """A share as people write it; a dash of what is not known."""
    return "–" if math.isnan(value) else f"{value:.{digits}%}"


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return "–" if math.isnan(value) else f"{100 * value:+.1f}"


def number(value: float, digits: int = 3) -> str:
    """A number with so many digits."""
    return "–" if math.isnan(value) else f"{value:,.{digits}f}"


def whole(value: float) -> str:
    """A count, or an amount in whole yuan."""
    return "–" if math.isnan(value) else f"{value:,.0f}"


def between(pair: Interval, digits: int = 3, percent: bool = False) -> str:
    """An interval."""
    if any(math.isnan(value) for value in pair):
        return "–"
    return " – ".join(f"{v:.{digits}%}" if percent else f"{v:,.{digits}f}" for v in pair)


def _context(found: Assessment) -> dict[str, Any]:
    tags = catalogue()
    by_attribute = {
        name: list(rows) for name, rows in groupby(found.slices, lambda one: one.attribute)
    }
    return {
        "found": found,
        "model": found.model,
        "family": found.model.family or found.model.name,
        "probability": isinstance(found.figures, Figures),
        "figures": found.figures,
        "order_name": RANKINGS[found.kind],
        "loss_name": LOSSES[found.kind],
        "statements": statements(found),
        "peers": PEER_LABELS,
        "attributes": [
            (one, by_attribute[one.name]) for one in ATTRIBUTES if one.name in by_attribute
        ],
        "labels": {name: tag.label for name, tag in tags.items()},
        "working_share": WORKING_SHARE,
        "smallest_rows": SMALLEST_ROWS,
        "smallest_events": SMALLEST_EVENTS,
        "resamples": RESAMPLES,
    }


def _pictures(found: Assessment) -> dict[str, Any]:
    # Drawn from numbers and names, which the charts escape.
    drawn: dict[str, Any] = {
        "calibration": Markup(_calibration(found)),
        "gain": Markup(_gain(found)),
        "peers": Markup(_peers(found)),
        "importance": Markup(_importance(found)),
        "months": [Markup(one) for one in _months(found)],
        "fairness": {one.attribute: Markup(_fairness(one)) for one in found.fairness},
        "profit": {curve.channel: Markup(_profit(found, curve.channel)) for curve in found.curves},
        "slices": {},
    }
    for attribute in ATTRIBUTES:
        rows = [one for one in found.slices if one.attribute == attribute.name]
        if attribute.name != "month" and 1 < len(rows) <= MOST_DRAWN:
            drawn["slices"][attribute.name] = Markup(_slices(rows, attribute.chinese))
    return drawn


def _scale(found: Assessment, values: Sequence[float]) -> charts.Words:
    """How a mean outcome is written on an axis that shows these."""
    if found.kind != "probability":
        return lambda x: f"{x:,.4g}"
    spread = max(values) - min(values)
    digits = 0 if spread > 0.2 else 1 if spread > 0.02 else 2
    return lambda x: f"{x:.{digits}%}"


def _calibration(found: Assessment) -> str:
    table = found.calibration
    told, seen = table["told"].tolist(), table["observed"].tolist()
    words = _scale(found, [*told, *seen])
    ends = min(*told, *seen), max(*told, *seen)
    band = list(zip(table["low"], table["high"], strict=True))
    return charts.lines(
        [
            Line("", [(ends[0], ends[0]), (ends[1], ends[1])], "guide"),
            Line("", list(zip(told, seen, strict=True)), "model", band, dots=True),
        ],
        "预测 told",
        "实际 observed",
        "校准: 各十分位的预测均值与实际均值; 越靠近对角线越好. "
        "Calibration: told against observed mean by tenth, the diagonal is perfect.",
        words_across=words,
        words_up=words,
    )


def _gain(found: Assessment) -> str:
    gain = found.gain
    asked = [0.0, *(gain["rows"].cumsum() / gain["rows"].sum()).tolist()]
    reached = [0.0, *gain["found"].tolist()]
    first = reached[min(2, len(reached) - 1)]
    return charts.lines(
        [
            Line("", [(0.0, 0.0), (1.0, 1.0)], "guide"),
            Line("", list(zip(asked, reached, strict=True)), "model", dots=True),
        ],
        "触达客户占比 share contacted",
        "找到的占比 share found",
        f"增益: 触达前20%可找到{first:.0%}. Gain: contacting the first 20% finds {first:.0%}.",
        words_across=lambda x: f"{x:.0%}",
        words_up=lambda y: f"{y:.0%}",
    )


def _peers(found: Assessment) -> str:
    marks = [
        Mark(" ".join(PEER_LABELS[one.peer]), one.loss_gain, one.loss_low, one.loss_high)
        for one in found.differences
    ]
    return charts.intervals(
        marks,
        0.0,
        f"本模型比各基线低多少{LOSSES[found.kind][0]}及区间; 右侧为更好. How much lower the "
        f"{LOSSES[found.kind][1]} is than each peer's; right of the line the model is better.",
        words=lambda x: f"{x:.4f}",
    )


def _importance(found: Assessment) -> str:
    rows = [
        (f"{one.chinese} {one.english}", one.share) for one in found.importance.themes if one.share
    ]
    return charts.bars(
        rows, "各主题对预测的影响占比. Share of each theme in what moves predictions.",
        words=lambda x: f"{x:.1%}",
    )  # fmt: skip


def _months(found: Assessment) -> list[str]:
    rows = [one for one in found.slices if one.attribute == "month" and not one.small]
    if len(rows) < 2:
        return []
    names = [one.value for one in rows]
    words = _scale(found, [value for one in rows for value in (one.told, one.observed)])

    def line(values: Sequence[float], style: str, band: Sequence[Interval] = ()) -> Line:
        return Line("", list(enumerate(values)), style, band, dots=True)

    told = charts.lines(
        [
            line([one.observed for one in rows], "peer"),
            line([one.told for one in rows], "model"),
        ],
        "月份 month", "占比 mean" if found.kind == "probability" else "均值 mean",
        "各月预测 (蓝) 与实际 (灰) 均值. Told (blue) and observed (grey) mean by month.",
        words_across=str, words_up=words, names=names, height=260,
    )  # fmt: skip
    ranked = [one for one in rows if not math.isnan(one.order)]
    if len(ranked) < 2:
        return [told]
    order = charts.lines(
        [line([one.order for one in ranked], "model", [one.order_interval for one in ranked])],
        "月份 month", RANKINGS[found.kind][1],
        f"各月{RANKINGS[found.kind][0]}及95%区间. By month, with interval.",
        words_across=str, words_up=lambda y: f"{y:.2f}",
        names=[one.value for one in ranked], height=260,
    )  # fmt: skip
    return [told, order]


def _slices(rows: Sequence[Slice], chinese: str) -> str:
    marks = [
        Mark(one.chinese if one.chinese == one.value else f"{one.chinese} {one.value}",
             one.gap, *one.gap_interval)
        for one in rows
    ]  # fmt: skip
    return charts.intervals(
        marks, 0.0, f"{chinese}: 预测减实际及区间. Told minus observed with interval.",
        words=lambda x: f"{100 * x:+.1f}" if abs(x) < 1 else f"{x:+,.4g}",
    )  # fmt: skip


def _fairness(one: Fairness) -> str:
    marks = [
        Mark(group.chinese if group.chinese == group.value else f"{group.chinese} {group.value}",
             group.gap, *group.gap_interval)
        for group in one.groups
    ]  # fmt: skip
    return charts.intervals(
        marks, 0.0, f"{one.chinese}: 各组预测减实际. Told minus observed by {one.english}.",
        words=lambda x: f"{100 * x:+.1f}",
    )  # fmt: skip


def _profit(found: Assessment, channel: str) -> str:
    curve = next(one for one in found.curves if one.channel == channel)
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
        "每千人利润(元) yuan per 1,000",
        f"{curve.chinese}触达的利润曲线, 最优占比 {curve.best_share:.0%}. Profit of contacts by "
        f"{channel} by share contacted; best at {curve.best_share:.0%}.",
        words_across=lambda x: f"{x:.0%}",
        words_up=lambda y: f"{y:,.0f}",
        spot=spot,
        height=260,
    )
