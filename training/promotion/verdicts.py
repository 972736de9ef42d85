"""Write the verdict of a gate in both languages, from its kind and its figures.

A kind has one text in each language: the sentence, and what to do where the gate does not hold. A
figure that one of them names is in the other, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.estimators.losses import LOSSES

GATES = {
    "file hashes": "文件完整",
    "trial load": "试加载",
    "signature": "输入一致",
    **{english: chinese for chinese, english in LOSSES.values()},
    "calibration": "校准",
    "segments": "分群",
    "fairness": "公平性",
}
"""Gate -> its Chinese name."""

Text = tuple[str, str]
"""The sentence, and what to do."""

TRAIN_AGAIN_CHINESE = "重新训练：`guanjia train {family}`"
RECALIBRATE = "train with a later --known-by, so that the calibration slice is nearer"
RECALIBRATE_CHINESE = "用更晚的 --known-by 重新训练，让校准用的数据更近"
WITH_RELEASE = "run `guanjia train {family}` with this release"
WITH_RELEASE_CHINESE = "用现在的程序重新训练：`guanjia train {family}`"
SEE_SEGMENTS = (
    "see `guanjia compare` by segment; add what tells these customers apart, or keep the champion"
)
SEE_SEGMENTS_CHINESE = "用 `guanjia compare` 看各分群；补充能区分这些客户的标签，或继续用现在的版本"
SEE_GAPS = (
    "see the gaps of `guanjia compare --json`; calibrate on more of these customers, or leave out "
    "tags that stand for the group"
)
SEE_GAPS_CHINESE = (
    "用 `guanjia compare --json` 看各组偏差；用更多这类客户作校准，或去掉代表这一组的标签"
)

KINDS: Mapping[str, tuple[Text, Text]] = {
    "loss": (
        (
            "{challenger:.4f}, {peer} {champion:.4f}: {difference:+.2%} of the {base}'s "
            "({low:+.2%} to {high:+.2%}), at most {bound:+.2%} allowed",
            "see `guanjia compare` for where it loses; train with other parameters, tags or a "
            "later --known-by, or compare on more outcomes",
        ),
        (
            "{challenger:.4f}，{chinese_peer} {champion:.4f}：相差{chinese_base}的 "
            "{difference:+.2%}（95% 区间 {low:+.2%} 至 {high:+.2%}），最多允许 {bound:+.2%}",
            "用 `guanjia compare` 看它在哪里更差；换参数、标签或更晚的 --known-by 重新训练，"
            "或等更多结果成熟后再比",
        ),
    ),
    "calibration": (
        (
            "ECE {challenger:.4f}, champion {champion:.4f}: {difference:+.4f} "
            "({low:+.4f} to {high:+.4f}), at most {bound:+.4f} allowed",
            RECALIBRATE,
        ),
        (
            "校准误差 {challenger:.4f}，在用版本 {champion:.4f}：相差 {difference:+.4f}"
            "（95% 区间 {low:+.4f} 至 {high:+.4f}），最多允许 {bound:+.4f}",
            RECALIBRATE_CHINESE,
        ),
    ),
    "own_calibration": (
        (
            "ECE {difference:.4f} ({low:+.4f} to {high:+.4f}), at most {bound:+.4f} allowed",
            RECALIBRATE,
        ),
        (
            "校准误差 {difference:.4f}（95% 区间 {low:+.4f} 至 {high:+.4f}），"
            "最多允许 {bound:+.4f}",
            RECALIBRATE_CHINESE,
        ),
    ),
    "no_segments": (
        ("no segment has customers and outcomes enough to be judged", SEE_SEGMENTS),
        ("没有一个分群的客户和结果多到可以判断", SEE_SEGMENTS_CHINESE),
    ),
    "segments_hold": (
        (
            "{segments} segments judged; largest {worst:+.2%} ({where}); none harmed beyond "
            "{bound:+.2%} of the {base}'s {loss}",
            SEE_SEGMENTS,
        ),
        (
            "判断了 {segments} 个分群，变差最多的是{chinese_where}（{worst:+.2%}），"
            "没有一个超过{chinese_base}{chinese_loss}的 {bound:+.2%}",
            SEE_SEGMENTS_CHINESE,
        ),
    ),
    "segments_harmed": (
        (
            "{segments} segments judged; largest {worst:+.2%} ({where}); harmed: {names} beyond "
            "{bound:+.2%} of the {base}'s {loss}",
            SEE_SEGMENTS,
        ),
        (
            "判断了 {segments} 个分群，变差最多的是{chinese_where}（{worst:+.2%}），"
            "超过{chinese_base}{chinese_loss} {bound:+.2%} 的有：{chinese_names}",
            SEE_SEGMENTS_CHINESE,
        ),
    ),
    "no_groups": (
        ("no group of gender, age or region has customers and outcomes enough to be judged",
         SEE_GAPS),
        ("性别、年龄、地区各组的客户和结果都没有多到可以判断", SEE_GAPS_CHINESE),
    ),
    "groups_hold": (
        (
            "{groups} groups of gender, age and region judged; largest {worst:.4f} ({where}); "
            "none misjudged by more than {bound:.4f}",
            SEE_GAPS,
        ),
        (
            "按性别、年龄、地区判断了 {groups} 组，偏差最大的是{chinese_where}（{worst:.4f}），"
            "没有一组超过 {bound:.4f}",
            SEE_GAPS_CHINESE,
        ),
    ),
    "groups_misjudged": (
        (
            "{groups} groups of gender, age and region judged; largest {worst:.4f} ({where}); "
            "misjudged: {names} by more than {bound:.4f}",
            SEE_GAPS,
        ),
        (
            "按性别、年龄、地区判断了 {groups} 组，偏差最大的是{chinese_where}（{worst:.4f}），"
            "超过 {bound:.4f} 的有：{chinese_names}",
            SEE_GAPS_CHINESE,
        ),
    ),
    "not_judged": (
        ("not judged: {outcomes} outcomes in {rows} rows, fewer than {fewest}", ""),
        ("不作判断：{rows} 行中有 {outcomes} 个结果，少于 {fewest} 个", ""),
    ),
    "files_as_registered": (
        ("{files} files as registered", ""), ("{files} 个文件与登记时相同", ""),
    ),
    "files_differ": (
        ("{error}", "{cure}"), ("文件缺失，或与登记时不同", TRAIN_AGAIN_CHINESE),
    ),
    "loads": (
        ("bundle {bundle} loads and predicts", ""), ("模型包 {bundle} 能加载并作出预测", ""),
    ),
    "does_not_load": (
        ("{error}", "{cure}"), ("模型包不能加载，或不能作出预测", TRAIN_AGAIN_CHINESE),
    ),
    "other_question": (
        ("its question is that of an earlier release: what it takes for granted differs",
         WITH_RELEASE),
        ("它回答的是更早程序的问题，前提不同", WITH_RELEASE_CHINESE),
    ),
    "other_columns": (
        ("differs from {against}: {differing_columns}", WITH_RELEASE),
        ("与{chinese_against}不同：{chinese_columns}", WITH_RELEASE_CHINESE),
    ),
    "same_columns": (
        ("{columns:.0f} columns, as {against}", ""),
        ("{columns:.0f} 列，与{chinese_against}相同", ""),
    ),
}  # fmt: skip
"""Kind of a verdict -> its text in English and in Chinese, with the names of its figures."""


@dataclass(frozen=True)
class Verdict:
    """Whether one gate holds.

    Attributes
    ----------
    gate : str
        Name of the gate; one of `GATES`.
    kind : str
        One of `KINDS`.
    passed : bool
        True if it holds.
    sentence, chinese : str
        The figures and the bound, in English and in Chinese words.
    cure, chinese_cure : str
        What to do if it does not hold.
    figures : Mapping[str, float]
        The same figures as numbers.
    """

    gate: str
    kind: str
    passed: bool
    sentence: str
    chinese: str
    cure: str
    chinese_cure: str
    figures: Mapping[str, float]

    @property
    def label(self) -> str:
        """The Chinese name of the gate."""
        return GATES[self.gate]


def say_verdict(
    gate: str, kind: str, passed: bool, figures: Mapping[str, float], **words: Any
) -> Verdict:
    """Write a verdict in both languages.

    Parameters
    ----------
    gate, kind, passed, figures
        As `Verdict` has them.
    **words
        What its texts name beside the figures.

    Examples
    --------
    >>> verdict = say_verdict("file hashes", "files_as_registered", True, {"files": 7})
    >>> verdict.sentence, verdict.chinese
    ('7 files as registered', '7 个文件与登记时相同')
    """
    (sentence, cure), (chinese, chinese_cure) = (
        tuple(part.format(**figures, **words) for part in text) for text in KINDS[kind]
    )
    return Verdict(
        gate=gate,
        kind=kind,
        passed=passed,
        sentence=sentence,
        chinese=chinese,
        cure=cure,
        chinese_cure=chinese_cure,
        figures=figures,
    )
