"""Name the figures of alerts, and say what to do about each, in English and in Chinese."""

from collections.abc import Mapping

Words = tuple[str, str]
"""English and Chinese."""

NAMES: Mapping[str, Words] = {
    "gap": ("observed minus predicted", "实际减预测"),
    "slope": ("calibration slope", "校准斜率"),
    "auc": ("AUC", "AUC"),
    "gini": ("Gini", "基尼系数"),
    "lift": ("lift", "提升度"),
    "loss": ("loss below that of predicting the mean", "比预测均值减少的损失"),
    "score_drift": ("PSI of the scores", "预测分布的 PSI"),
    "score_shift": ("change of the mean score", "平均预测的变化"),
    "tag_drift": ("PSI of tag", "标签的 PSI"),
}
"""Names of the figures for readers."""

RETRAIN: Words = (
    "retrain: run `guanjia train {family} --known-by {as_of}`, then `guanjia compare {model}` "
    "shows whether the new version is better",
    "重新训练：先运行 `guanjia train {family} --known-by {as_of}`，再用 `guanjia compare {model}` "
    "看新版本是否更好",
)
ORDER: Words = (
    "it ranks customers worse than when it was tested: see which tags drifted, below and with "
    "`guanjia quality --against training`; {retrain}",
    "它给客户排序不如测试时：看下面哪些标签漂移，并运行 `guanjia quality --against training`；"
    "{retrain}",
)
CURES: Mapping[str, Words] = {
    "gap": (
        "predictions no longer match outcomes: do not add up its probabilities (the order of "
        "its lists is as good as the AUC says); {retrain}",
        "预测与结果不再相符：不要把概率相加作合计（名单的次序仍如 AUC 所示）；{retrain}",
    ),
    "segment": (
        "do not add up probabilities of these customers; look for what changed for them "
        "alone (price, product, intermediary, the source of a tag); {retrain}",
        "不要把这些客户的概率相加；查一查只有他们变了什么（价格、产品、中介、标签来源）；{retrain}",
    ),
    "slope": (
        "its high and low probabilities are {extremes}: do not select customers by a fixed "
        "probability; {retrain}",
        "高概率和低概率{chinese_extremes}：不要按固定的概率挑选客户；{retrain}",
    ),
    "auc": ORDER,
    "gini": ORDER,
    "lift": (
        "the customers it puts first are no longer the right ones: see which tags drifted; "
        "{retrain}",
        "它排在最前的客户不再合适：看哪些标签漂移；{retrain}",
    ),
    "loss": (
        "predicting the mean would be better than this model: run `guanjia rollback {model} "
        "--who NAME --why TEXT` if an earlier version was better, else stop using its lists; "
        "{retrain}",
        "不如直接预测均值：早先的版本更好就运行 `guanjia rollback {model} --who NAME --why TEXT`，"
        "否则停用它的名单；{retrain}",
    ),
    "score_drift": (
        "the customers asked about, or their tags, have changed: see the tags below and "
        "`guanjia quality --as-of {as_of} --against training`; only later outcomes can show "
        "whether the model still holds",
        "被预测的客户或他们的标签变了：看下面的标签，并运行 `guanjia quality --as-of {as_of} "
        "--against training`；模型是否仍然可靠，要等以后的结果",
    ),
    "score_shift": (
        "expect other totals; see the tags below, and whether a change of price or product "
        "explains them; only later outcomes can show whether the model still holds",
        "合计数会随之变化；看下面的标签，以及是否由价格或产品的变动造成；模型是否仍然可靠，"
        "要等以后的结果",
    ),
    "tag_drift": (
        "check the source of tag {subject} (`guanjia quality --as-of {as_of} --against "
        "training`); if it is right, the customers or the market changed (a price reform, a new "
        "channel): expect a gap in the next cohorts, and when their outcomes are ripe, {retrain}",
        "核对标签{chinese_subject}的来源（`guanjia quality --as-of {as_of} --against training`）；"
        "来源无误就是客户或市场变了（费率改革、新渠道）：以后几个月预测会有偏差，"
        "等结果成熟后，{retrain}",
    ),
}
"""What to do, by figure."""

EXTREMES: Mapping[bool, Words] = {
    True: ("too extreme", "过于极端"),
    False: ("not extreme enough", "不够极端"),
}
"""What a calibration slope below 1, or above it, says of probabilities."""
