"""Put findings of the audit into Chinese, for the page that marketers and branches read.

The audit speaks English, as all of the command line does; its sentences are few and have a form.
"""

import re
from collections.abc import Sequence

from features.contracts.reasons import reason_of
from features.contracts.tables import CONTRACTS
from features.tags.catalogue import catalogue
from guanjia.jobs.publication.findings import Finding
from training.models import MODELS

Patterns = Sequence[tuple[str, str]]
THINGS: Patterns = (
    (r"^rows of (\w+) in quarantine$", r"{\1}被隔离的行数"),
    (r"^rows of (\w+)$", r"{\1}的行数"),
    (r"^customers of the snapshot$", "快照客户数"),
    (r"^predictions of (\w+)$", r"{\1}的预测数"),
    (r"^quality of (\w+)$", r"标签质量：{\1}"),
    (r"^online rows of (\w+)$", r"在线标签（\1）"),
    (r"^the files of (.+)$", r"\1 的数据"),
    (r"^check$", "数据检查"),
    (r"^quality$", "标签质量"),
    (r"^scores$", "客户评分"),
    (r"^triggers$", "触点到期"),
    (r"^segments$", "客群"),
)
FIGURES: Patterns = (
    (r"^([\d,]+), and ([\d,]+) on the day published before$", r"\1，上一发布日为 \2"),
    (r"^([\d,]+) of ([\d,]+)$", r"\1 / \2"),
    (r"^withdrawn by (.+?): (.+)$", r"已由\1撤回，原因：\2"),
    (r"^(\d+) broken bounds in all$", r"共 \1 项越界"),
    (r"^([\d,]+) rows of the snapshot .+$", r"\1 行，不是由当天标签算出"),
    (r"^(none|no report.*)$", "缺失"),
    (r"^made from other tags$", "不是由当天标签算出"),
)
BOUNDS: Patterns = (
    (r"^at least ([\d.]+%) of .+$", r"不少于上一发布日的 \1"),
    (r"^at most ([\d.]+%)$", r"不超过 \1"),
    (r"^one (?:row )?for each of ([\d,]+) customers$", r"\1 位客户每人一行"),
    (r"^in quality\.toml$", "见 quality.toml"),
    (r"^other files than .+$", "与撤回的数据不同"),
    (r"^none$", "无"),
    (r"^(a file|a report|of the snapshot|[\d,]+ rows) .*$", "当天的完整结果"),
)
MEANINGS = {
    "rows of customers": "缺少的客户在接口中查不到，也不会出现在任何名单上",
    "rows of policies": "缺保单的客户会失去预测，评级、名单和触达都会当作没有保障处理",
    "rows of claims": "缺出险记录的客户看起来更好，星级、价格和名单都会失真",
    "rows of consents": "缺少拒绝记录的客户可能被违背意愿地联系",
    "rows of interactions": "缺少的触达不计入上限，客户可能被多打扰一次",
    "rows of entitlements": "客户可能被告知已用过的权益，或得不到可用权益的提醒",
    "rows of": "由这张表计算的标签，对缺行的客户是错的",
    "customers of": "缺少的客户在接口中查不到，也不会出现在任何名单上",
    "predictions of": "没有预测的客户不会出现在该模型的名单上，也不参与相关决策",
    "quality": "读取该标签的模型、星级、客群和名单都会随之失真",
    "online rows": "缺行的客户在接口中查不到",
    "scores": "名单会缺少客户，或与当天标签不一致",
    "triggers": "客户会按昨天的情况被联系，或无人到期",
    "segments": "客群会停留在昨天",
    "check": "无人核对过交付的数据",
    "the files": "读者会再次看到已撤回的内容",
}
"""Beginning of what was measured -> what it means for whom; the first that fits counts."""


def chinese_finding(finding: Finding) -> str:
    """Write a finding as a sentence in Chinese.

    Parameters
    ----------
    finding : Finding
        As the audit gave it.

    Examples
    --------
    >>> finding = Finding("segments", "none", "a file of this day", "Nobody is in a segment.")
    >>> chinese_finding(finding)
    '客群：缺失（界限：当天的完整结果）。客群会停留在昨天'
    """
    thing = re.sub(r"\{(\w+)\}", lambda name: _label(name[1]), _translate(finding.thing, THINGS))
    figure, bound = _translate(finding.figure, FIGURES), _translate(finding.bound, BOUNDS)
    means = (chinese for start, chinese in MEANINGS.items() if finding.thing.startswith(start))
    return f"{thing}：{figure}（界限：{bound}）。{next(means, '')}"


def chinese_rule(table: str, rule: str) -> str:
    """Write the rule that a row of a table breaks in Chinese."""
    return reason_of(table, rule).chinese


def label_of_table(table: str) -> str:
    """Return the Chinese name of a table."""
    return CONTRACTS[table].label if table in CONTRACTS else table


def _translate(text: str, patterns: Patterns) -> str:
    """Rewrite a text by the first pattern that fits; others stay as they are."""
    for pattern, chinese in patterns:
        if re.search(pattern, text):
            return re.sub(pattern, chinese, text)
    return text


def _label(name: str) -> str:
    """Return the Chinese label of a table, a tag or a model."""
    for declared in (CONTRACTS, catalogue(), MODELS):
        if name in declared:
            return str(declared[name].label)
    return name
