"""An assessment in a few sentences, Chinese and English: what a reader with one minute reads."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.estimators.losses import LOSSES, RANKINGS
from training.evaluation.assessment import Assessment
from training.evaluation.figures import Figures
from training.evaluation.peers import PEER_LABELS
from training.evaluation.resampling import Interval

Tone = Literal["good", "watch", "bad"]
ECE_BAR = 0.01
"""The project's own bar of the expected calibration error."""


@dataclass(frozen=True)
class Statement:
    """One sentence and how to take it."""

    tone: Tone
    chinese: str
    english: str


def statements(found: Assessment) -> list[Statement]:
    """Order, peers, calibration, months, fairness, single tags, profit; as far as they apply."""
    said = [_order(found), _peers(found), _calibration(found)]
    months = _months(found)
    said += [months] if months else []
    said += [_fairness(found)] if found.fairness else []
    said.append(_single(found))
    said += [_profit(found)] if found.curves else []
    return said


def _order(found: Assessment) -> Statement:
    figures = found.figures
    if isinstance(figures, Figures):
        low, high, order = figures.auc_low, figures.auc_high, figures.auc
        chance = 0.5
        detail = (
            f"最应触达的10%客户中, 目标结果是平均的{found.gain['lift'].iloc[0]:.1f}倍。",
            f"Among the tenth to contact first, the outcome is {found.gain['lift'].iloc[0]:.1f} "
            "times as frequent as on average.",
        )
    else:
        low, high, order, chance = figures.gini_low, figures.gini_high, figures.gini, 0.0
        detail = (
            f"最高十分位均值是平均的{figures.lift:.1f}倍。",
            f"The highest tenth has {figures.lift:.1f} times the mean outcome.",
        )
    name = RANKINGS[found.kind]
    tone: Tone = "good" if low > chance else "bad"
    figure = f"{order:.3f} ({low:.3f}–{high:.3f})"
    return Statement(tone, f"{name[0]} {figure}。{detail[0]}", f"{name[1]} {figure}. {detail[1]}")


def _peers(found: Assessment) -> Statement:
    loss, rank = LOSSES[found.kind], RANKINGS[found.kind]
    by_loss = {one.peer: (one.loss_low, one.loss_high) for one in found.differences}
    by_rank = {one.peer: (one.order_low, one.order_high) for one in found.differences}
    compared = [_compared(bounds) for bounds in (by_loss, by_rank)]
    tone: Tone = "good"
    if any(level for _, level, _ in compared):
        tone = "watch"
    if any(worse for _, _, worse in compared):
        tone = "bad"
    chinese = "; ".join(
        f"按{name[0]}: {_said(sides, 0)}"
        for name, sides in zip((loss, rank), compared, strict=True)
    )
    english = "; by ".join(
        f"{name[1]} {_said(sides, 1)}" for name, sides in zip((loss, rank), compared, strict=True)
    )
    return Statement(tone, f"{chinese}。", f"The model is by {english}.")


Sides = tuple[list[str], list[str], list[str]]


def _compared(bounds: Mapping[str, Interval]) -> Sides:
    """Peers that the model is better than, level with and worse than, by the whole interval."""
    better = [peer for peer, (low, _) in bounds.items() if low > 0]
    worse = [peer for peer, (_, high) in bounds.items() if high < 0]
    return better, [peer for peer in bounds if peer not in (*better, *worse)], worse


def _said(sides: Sides, language: int) -> str:
    words = (("优于", "better than"), ("无明显差别:", "level with"), ("不如", "worse than"))
    comma = ("、", ", ")[language]
    return ", ".join(
        f"{word[language]} {comma.join(PEER_LABELS[one][language] for one in side)}"
        for side, word in zip(sides, words, strict=True)
        if side
    )


def _calibration(found: Assessment) -> Statement:
    figures = found.figures
    if isinstance(figures, Figures):
        figure = f"{figures.ece:.2%} ({figures.ece_low:.2%}–{figures.ece_high:.2%})"
        chance = f"{figures.ece_by_chance:.2%}"
        straight = figures.slope_low <= 1 <= figures.slope_high
        level = figures.intercept_low <= 0 <= figures.intercept_high
        small = figures.ece <= max(ECE_BAR, figures.ece_by_chance)
        tone: Tone = "good" if small and straight and level else "watch"
        line = f"{figures.slope:.2f} ({figures.slope_low:.2f}–{figures.slope_high:.2f})"
        offset = (
            f"{figures.intercept:.2f} ({figures.intercept_low:.2f}–{figures.intercept_high:.2f})"
        )
        return Statement(
            tone,
            f"校准误差(ECE) {figure}, 同样样本量下无误差模型也会显示 {chance}; "
            f"斜率 {line}, 应为1; 截距 {offset}, 应为0。",
            f"Expected calibration error {figure}; a model without error would show {chance} on "
            f"as many rows. Slope {line}, 1 is right; intercept {offset}, 0 is right.",
        )
    low, high = figures.total_ratio_low, figures.total_ratio_high
    figure = f"{figures.total_ratio:.3f} ({low:.3f}–{high:.3f})"
    return Statement(
        "good" if low <= 1 <= high else "watch",
        f"预测总额为实际总额的 {figure} 倍。",
        f"The sum told is {figure} times the sum observed.",
    )


def _months(found: Assessment) -> Statement | None:
    months = [one for one in found.slices if one.attribute == "month" and not one.small]
    if len(months) < 2:
        return None
    off = [one for one in months if not one.gap_interval[0] <= 0 <= one.gap_interval[1]]
    worst = max(months, key=lambda one: abs(one.gap))
    # One in twenty is off by chance.
    tone: Tone = "good" if len(off) <= max(1, len(months) // 10) else "watch"
    scale = "" if found.kind != "probability" else "%"
    gap = f"{100 * worst.gap:+.1f}{scale}" if scale else f"{worst.gap:+,.4g}"
    return Statement(
        tone,
        f"{len(months)}个月中有{len(off)}个月预测与实际的差在区间外; "
        f"最大偏差 {gap} ({worst.value})。",
        f"In {len(off)} of {len(months)} months told and observed differ beyond their interval; "
        f"the largest gap is {gap} ({worst.value}).",
    )


def _fairness(found: Assessment) -> Statement:
    verdicts = {one.verdict for one in found.fairness}
    tone: Tone = "bad" if "beyond" in verdicts else "watch" if "undecided" in verdicts else "good"
    chinese = " ".join(one.sentence[0] for one in found.fairness)
    english = " ".join(one.sentence[1] for one in found.fairness)
    return Statement(tone, chinese, english)


def _single(found: Assessment) -> Statement:
    name = RANKINGS[found.kind][1]
    if not found.single_tags:
        return Statement("watch", "没有可单独排序的标签。", "No tag orders anything alone.")
    best = found.single_tags[0]
    suspicious = [one for one in found.single_tags if one.suspicious]
    if suspicious:
        names = ", ".join(one.name for one in suspicious)
        return Statement(
            "watch",
            f"{names} 单独即几乎达到整个模型的{name}: 请查是否泄漏。",
            f"{names} alone comes close to the whole model's {name}: look for a leak.",
        )
    return Statement(
        "good",
        f"没有单个标签接近整个模型 (最强 {best.name}: {name} {best.order:.3f}), 未见泄漏迹象。",
        f"No tag alone comes close to the model (strongest {best.name}: {name} {best.order:.3f}); "
        "no sign of a leak.",
    )


def _profit(found: Assessment) -> Statement:
    best = found.curves[0]
    if not best.best_share or math.isnan(best.best_profit):
        return Statement(
            "watch",
            "在所列假设下, 任何渠道的触达都不盈利。",
            "Under the assumptions listed, contacts through no channel pay.",
        )
    return Statement(
        "good",
        f"在所列假设下, {best.chinese}触达{best.best_share:.0%}客户时利润最高, 每千人"
        f"{best.best_profit:,.0f}元 (倾向, 非增益)。",
        f"Under the assumptions listed, contacting {best.best_share:.0%} by {best.channel} pays "
        f"most: {best.best_profit:,.0f} yuan per 1,000 asked (propensity, not uplift).",
    )
