"""Summarise an assessment in a few sentences, Chinese and English, for a reader with one minute."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.estimators.losses import LOSSES, RANKINGS
from training.evaluation.assessment import Assessment
from training.evaluation.figures import Figures
from training.evaluation.intervals import FEWEST_PAID, Interval
from training.evaluation.peers import PEER_LABELS

Tone = Literal["good", "watch", "bad"]
ECE_BAR = 0.01
"""An expected calibration error is good unless it is shown to be above this (A)."""


@dataclass(frozen=True)
class Statement:
    """One sentence in both languages, and whether it is good news."""

    tone: Tone
    chinese: str
    english: str


def statements(assessment: Assessment) -> list[Statement]:
    """Summarise order, peers, calibration, months, fairness, single tags and profit.

    A subject that does not apply to the model is left out.
    """
    sentences = [_order(assessment), _peers(assessment), _calibration(assessment)]
    months = _months(assessment)
    sentences += [months] if months else []
    sentences += [_fairness(assessment)] if assessment.fairness else []
    sentences.append(_single_tags(assessment))
    sentences += [_profit(assessment)] if assessment.curves else []
    return sentences


def _order(assessment: Assessment) -> Statement:
    figures = assessment.figures
    if isinstance(figures, Figures):
        low, high, order = figures.auc_low, figures.auc_high, figures.auc
        chance, lift = 0.5, assessment.gain["lift"].iloc[0]
        detail = (
            f"最应触达的10%客户中，目标结果的占比是平均的{lift:.1f}倍。",
            f"Among the tenth to contact first, the outcome is {lift:.1f} times as frequent as on "
            "average.",
        )
    else:
        low, high, order, chance = figures.gini_low, figures.gini_high, figures.gini, 0.0
        detail = (
            f"最高十分位均值是平均的{figures.lift:.1f}倍。",
            f"The highest tenth has {figures.lift:.1f} times the mean outcome.",
        )
    name = RANKINGS[assessment.kind]
    if math.isnan(low):
        return Statement(
            "watch",
            f"{name[0]} {order:.3f}，客户不足{FEWEST_PAID}位，无可靠区间，不作判断。{detail[0]}",
            f"{name[1]} {order:.3f}, of fewer than {FEWEST_PAID} customers: no interval would "
            f"hold, so nothing is concluded. {detail[1]}",
        )
    tone: Tone = "good" if low > chance else "bad"
    figure = f"{order:.3f} ({low:.3f}–{high:.3f})"
    return Statement(tone, f"{name[0]} {figure}。{detail[0]}", f"{name[1]} {figure}. {detail[1]}")


def _peers(assessment: Assessment) -> Statement:
    loss, rank = LOSSES[assessment.kind], RANKINGS[assessment.kind]
    by_loss = {peer.peer: (peer.loss_low, peer.loss_high) for peer in assessment.differences}
    by_rank = {peer.peer: (peer.order_low, peer.order_high) for peer in assessment.differences}
    compared = [_compared(bounds) for bounds in (by_loss, by_rank)]
    tone: Tone = "good"
    if any(level for _, level, _ in compared):
        tone = "watch"
    if any(worse for _, _, worse in compared):
        tone = "bad"
    chinese = "; ".join(
        f"按{name[0]}：{_phrase(sides, 0)}"
        for name, sides in zip((loss, rank), compared, strict=True)
    )
    english = "; by ".join(
        f"{name[1]}: {_phrase(sides, 1)}"
        for name, sides in zip((loss, rank), compared, strict=True)
    )
    return Statement(tone, f"{chinese}。", f"The model by {english}.")


Sides = tuple[list[str], list[str], list[str]]


def _compared(bounds: Mapping[str, Interval]) -> Sides:
    """Sort peers by interval: those the model is better than, level with and worse than."""
    better = [peer for peer, (low, _) in bounds.items() if low > 0]
    worse = [peer for peer, (_, high) in bounds.items() if high < 0]
    return better, [peer for peer in bounds if peer not in (*better, *worse)], worse


def _phrase(sides: Sides, language: int) -> str:
    words = (("优于", "better than"), ("无明显差别：", "level with"), ("不如", "worse than"))
    comma = ("、", ", ")[language]
    return ("，", ", ")[language].join(
        f"{word[language]} {comma.join(PEER_LABELS[peer][language] for peer in side)}"
        for side, word in zip(sides, words, strict=True)
        if side
    )


def _calibration(assessment: Assessment) -> Statement:
    figures = assessment.figures
    if isinstance(figures, Figures):
        figure = f"{figures.ece:.2%} ({figures.ece_low:.2%}–{figures.ece_high:.2%})"
        chance = f"{figures.ece_by_chance:.2%}"
        straight = figures.slope_low <= 1 <= figures.slope_high
        level = figures.intercept_low <= 0 <= figures.intercept_high
        small = figures.ece_low <= ECE_BAR
        tone: Tone = "good" if small and straight and level else "watch"
        if math.isnan(figures.slope):
            return Statement(
                "watch",
                f"校准误差（ECE） {figure}；检验集中结果被完全分开，无法估计斜率与截距。",
                f"Expected calibration error {figure}. Predictions part the outcomes of the test "
                "slice without a fault, so slope and intercept cannot be estimated.",
            )
        line = f"{figures.slope:.2f} ({figures.slope_low:.2f}–{figures.slope_high:.2f})"
        offset = (
            f"{figures.intercept:.2f} ({figures.intercept_low:.2f}–{figures.intercept_high:.2f})"
        )
        return Statement(
            tone,
            f"校准误差（ECE，分组均方根，已扣除偶然误差） {figure}；偶然误差本身为 {chance}；"
            f"斜率 {line}，应为1；截距 {offset}，应为0。",
            f"Expected calibration error {figure}, without the {chance} that chance alone adds on "
            f"as many rows. Slope {line}, 1 is right; intercept {offset}, 0 is right.",
        )
    low, high = figures.total_ratio_low, figures.total_ratio_high
    figure = f"{figures.total_ratio:.3f} ({low:.3f}–{high:.3f})"
    return Statement(
        "good" if low <= 1 <= high else "watch",
        f"预测总额为实际总额的 {figure} 倍。",
        f"The predicted total is {figure} times the observed total.",
    )


def _months(assessment: Assessment) -> Statement | None:
    months = [part for part in assessment.slices if part.attribute == "month" and not part.small]
    if len(months) < 2:
        return None
    off = [month for month in months if not month.gap_interval[0] <= 0 <= month.gap_interval[1]]
    worst = max(months, key=lambda month: abs(month.gap))
    # One in twenty is off by chance.
    tone: Tone = "good" if len(off) <= max(1, len(months) // 10) else "watch"
    scale = "" if assessment.kind != "probability" else "%"
    gap = f"{100 * worst.gap:+.1f}{scale}" if scale else f"{worst.gap:+,.4g}"
    return Statement(
        tone,
        f"{len(months)}个月中有{len(off)}个月预测与实际的差异显著；"
        f"最大偏差 {gap}（{worst.value}）。",
        f"In {len(off)} of {len(months)} months predicted and observed differ beyond chance; "
        f"the largest gap is {gap} ({worst.value}).",
    )


def _fairness(assessment: Assessment) -> Statement:
    verdicts = {attribute.verdict for attribute in assessment.fairness}
    tone: Tone = "bad" if "beyond" in verdicts else "watch" if "undecided" in verdicts else "good"
    chinese = " ".join(attribute.sentence[0] for attribute in assessment.fairness)
    english = " ".join(attribute.sentence[1] for attribute in assessment.fairness)
    return Statement(tone, chinese, english)


def _single_tags(assessment: Assessment) -> Statement:
    name = RANKINGS[assessment.kind][1]
    if not assessment.single_tags:
        return Statement("watch", "没有任何标签可单独区分结果。", "No tag ranks outcomes alone.")
    best = assessment.single_tags[0]
    suspicious = [tag for tag in assessment.single_tags if tag.suspicious]
    if suspicious:
        names = ", ".join(tag.name for tag in suspicious)
        return Statement(
            "watch",
            f"{names} 单独即几乎达到整个模型的{name}：请查是否泄漏。",
            f"{names} alone comes close to the whole model's {name}: look for a leak.",
        )
    return Statement(
        "good",
        f"没有单个标签接近整个模型（最强 {best.name}：{name} {best.order:.3f}），未见泄漏迹象。",
        f"No tag alone comes close to the model (strongest {best.name}: {name} {best.order:.3f}); "
        "no sign of a leak.",
    )


def _profit(assessment: Assessment) -> Statement:
    best = assessment.curves[0]
    if not best.best_share or math.isnan(best.best_profit):
        return Statement(
            "watch",
            "在所列假设下，任何渠道的触达都不盈利。",
            "Under the assumptions listed, contacts through no channel pay.",
        )
    return Statement(
        "good",
        f"在所列假设下，{best.chinese}触达{best.best_share:.0%}客户时利润最高，每千人"
        f"{best.best_profit:,.0f}元（倾向，非增益）。",
        f"Under the assumptions listed, contacting {best.best_share:.0%} by {best.channel} pays "
        f"most: {best.best_profit:,.0f} yuan per 1,000 asked (propensity, not uplift).",
    )
