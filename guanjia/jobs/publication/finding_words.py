"""Write a finding of the audit in both languages, from its kind and its figures.

A kind has one text in each language, of the same four parts: what was measured, the figure, the
bound, and what follows for whom. A figure that one of them names is in the other, too.
"""

from collections.abc import Mapping
from typing import Any

from features.contracts.tables import CONTRACTS
from guanjia.jobs.publication.findings import Finding

Parts = tuple[str, str, str, str]
"""What was measured, the figure, the bound, what follows."""

BEFORE = "{now:,}, and {had:,} on the day published before"
BEFORE_CHINESE = "{now:,}，上一发布日为 {had:,}"
LEAST, LEAST_CHINESE = "at least {share:.1%} of those", "不少于上一发布日的 {share:.1%}"
MISSING_CUSTOMERS = (
    "Customers who are missing are unknown to the API and on no list.",
    "缺少的客户在接口中查不到，也不会出现在任何名单上",
)
MEANINGS: Mapping[str, tuple[str, str]] = {
    "customers": MISSING_CUSTOMERS,
    "policies": (
        "Customers whose policies are missing lose predictions, and are rated, listed and "
        "contacted as if they had no cover.",
        "缺保单的客户会失去预测，评级、名单和触达都会当作没有保障处理",
    ),
    "claims": (
        "Customers whose claims are missing look better than they are: stars, prices and lists "
        "follow.",
        "缺出险记录的客户看起来更好，星级、价格和名单都会失真",
    ),
    "consents": (
        "Customers whose refusal is missing could be contacted against their will.",
        "缺少拒绝记录的客户可能被违背意愿地联系",
    ),
    "interactions": (
        "Contacts that are missing do not count under the contact caps: customers could be called "
        "once too often.",
        "缺少的触达不计入上限，客户可能被多打扰一次",
    ),
    "entitlements": (
        "Customers are told of entitlements that they have used, or not of open ones.",
        "客户可能被告知已用过的权益，或得不到可用权益的提醒",
    ),
}
"""Table -> what follows for whom where its rows are missing, in English and in Chinese."""
OTHERS = (
    "Tags that are computed from this table are wrong for the customers whose rows are missing.",
    "由这张表计算的标签，对缺行的客户是错的",
)

KINDS: Mapping[str, tuple[Parts, Parts]] = {
    "no_check": (
        (
            "check", "no report", "a report of `guanjia check`",
            "Nobody knows what was delivered; run `guanjia check`.",
        ),
        ("数据检查", "没有结果", "当天的检查结果", "无人核对过交付的数据"),
    ),
    "quarantined_rows": (
        ("rows of {table} in quarantine", "{bad:,} of {rows:,}", "at most {share:.1%}",
         "{english_meaning}"),
        ("{label}被隔离的行数", "{rows:,} 行中的 {bad:,} 行", "不超过 {share:.1%}",
         "{chinese_meaning}"),
    ),
    "fewer_rows": (
        ("rows of {table}", BEFORE, LEAST, "{english_meaning}"),
        ("{label}的行数", BEFORE_CHINESE, LEAST_CHINESE, "{chinese_meaning}"),
    ),
    "fewer_customers": (
        ("customers of the snapshot", BEFORE, LEAST, MISSING_CUSTOMERS[0]),
        ("快照客户数", BEFORE_CHINESE, LEAST_CHINESE, MISSING_CUSTOMERS[1]),
    ),
    "no_quality": (
        (
            "quality", "no report of this snapshot", "a report of `guanjia quality`",
            "Nobody has looked at the tags; run `guanjia quality --as-of {as_of}`.",
        ),
        ("标签质量", "没有 {as_of} 快照的报告", "当天的质量报告", "无人看过当天的标签"),
    ),
    "quality": (
        (
            "quality of {subject}", "{english_finding}", "in quality.toml",
            "Models, stars, segments and lists that read it say what is not so.",
        ),
        ("标签质量：{label}", "{chinese_finding}", "见 quality.toml",
         "读取该标签的模型、星级、分群和名单都会随之失真"),
    ),
    "more_quality": (
        ("quality", "{count} broken bounds in all", "none",
         "See `guanjia quality --as-of {as_of}`."),
        ("标签质量", "共 {count} 项越界", "无", "全部见 {as_of} 的质量报告"),
    ),
    "no_scores": (
        ("scores", "none", "one row for each of {customers:,} customers",
         "Nobody is on a list; run `guanjia score --as-of {as_of}`."),
        ("客户评分", "缺失", "{customers:,} 位客户每人一行", "{as_of} 的名单上没有人"),
    ),
    "other_scores": (
        (
            "scores", "{rows:,} rows of the snapshot {others}", "{customers:,} rows of {snapshot}",
            "Lists would be of other tags; run `guanjia score --as-of {as_of}` again.",
        ),
        (
            "客户评分", "{rows:,} 行，来自快照 {others}", "快照 {snapshot} 的 {customers:,} 行",
            "名单会缺少客户，或与 {as_of} 的标签不一致",
        ),
    ),
    "fewer_predictions": (
        (
            "predictions of {model}", BEFORE, LEAST,
            "Customers without a prediction are on no list of this model and are not decided on "
            "by it.",
        ),
        ("{label}的预测数", BEFORE_CHINESE, LEAST_CHINESE,
         "没有预测的客户不会出现在该模型的名单上，也不参与相关决策"),
    ),
    "no_triggers": (
        ("triggers", "none", "a file of this day",
         "No customer is due for a touchpoint; run `guanjia triggers --as-of {as_of}`."),
        ("触点到期", "缺失", "{as_of} 的完整结果", "无人到期，任何触点都不会联系客户"),
    ),
    "other_triggers": (
        (
            "triggers", "made from other tags", "of the snapshot {snapshot}",
            "Customers would be contacted by yesterday's facts; run `guanjia triggers --as-of "
            "{as_of}` again.",
        ),
        ("触点到期", "不是由 {as_of} 的标签算出", "来自快照 {snapshot}",
         "客户会按昨天的情况被联系"),
    ),
    "no_segments": (
        (
            "segments", "none", "a file of this day, as on the day published before",
            "Nobody is in a segment; run `guanjia segments --as-of {as_of}`.",
        ),
        ("分群", "缺失", "{as_of} 的完整结果，与上一发布日一样", "没有客户属于任何分群"),
    ),
    "other_segments": (
        (
            "segments", "made from other tags", "of the snapshot {snapshot}",
            "Segments would be yesterday's; run `guanjia segments --as-of {as_of}`.",
        ),
        ("分群", "不是由 {as_of} 的标签算出", "来自快照 {snapshot}", "分群会停留在昨天"),
    ),
    "online_rows": (
        ("online rows of {group}", "{rows:,}", "one for each of {customers:,} customers",
         "The API would not know the customers who are missing."),
        ("在线标签：{label}", "{rows:,} 行", "{customers:,} 位客户每人一行",
         "缺行的客户在接口中查不到"),
    ),
    "withdrawn": (
        ("the files of {as_of}", "withdrawn by {who}: {why}",
         "other files than those that were withdrawn",
         "Readers would see again what was taken back."),
        ("{as_of} 的数据", "已由{who}撤回，原因：{why}", "与撤回的数据不同",
         "读者会再次看到已撤回的内容"),
    ),
}  # fmt: skip
"""Kind of a finding -> its text in English and in Chinese, with the names of its figures."""


def say_finding(kind: str, **figures: Any) -> Finding:
    """Write a finding in both languages.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    **figures
        What its texts name.

    Examples
    --------
    >>> from datetime import date
    >>> say_finding("no_triggers", as_of=date(2026, 1, 31)).chinese
    '触点到期：缺失（界限：2026-01-31 的完整结果）。无人到期，任何触点都不会联系客户'
    """
    english, chinese = (tuple(part.format(**figures) for part in parts) for parts in KINDS[kind])
    thing, figure, bound, meaning = chinese
    return Finding(
        kind,
        thing=english[0],
        figure=english[1],
        bound=english[2],
        meaning=english[3],
        chinese=f"{thing}：{figure}（界限：{bound}）。{meaning}",
    )


def say_rows(kind: str, table: str, **figures: Any) -> Finding:
    """Write a finding about the rows of a table, with what follows where they are missing.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    table : str
        The table.
    **figures
        What else its texts name.
    """
    english, chinese = MEANINGS.get(table, OTHERS)
    return say_finding(
        kind,
        table=table,
        label=CONTRACTS[table].label,
        english_meaning=english,
        chinese_meaning=chinese,
        **figures,
    )
