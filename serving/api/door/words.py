"""Describe endpoints and limits for the API document, in Chinese and English."""

from collections.abc import Mapping
from types import MappingProxyType

from serving.api.door.limits import (
    BODY_SECONDS,
    LARGEST_BODY,
    LARGEST_HEAD,
    LONGEST_ADDRESS,
    LONGEST_TOKEN,
    MOST_SECONDS,
)

TITLE = "Guanjia 管家"
DESCRIPTION = f"""车险客户经营服务：预测与星级，与每位客户的下一次触达，事件与触达结果。
Predictions and stars of customers, the next contact with each, events and outcomes.

每个请求都要带令牌（`Authorization: Bearer ...`），接口的 security 写明令牌须有的权限。
Every request needs a bearer token; an endpoint's security names the scope that the token must have.

限制 Limits, beside those of each field:

- 请求体 body: {LARGEST_BODY // 2**20} MB, {BODY_SECONDS} s (413, 408)
- 地址 path and query: {LONGEST_ADDRESS // 1024} kB (414)
- 地址与请求头 address and headers together: {LARGEST_HEAD // 1024} kB (431)
- 令牌 token: {LONGEST_TOKEN // 1024} kB (401)
- 应答 an answer begins within {MOST_SECONDS} s (504)
- 频率与并发 rate of a subject, requests at once: settings of the service (429, `Retry-After`)

文本须为 UTF-8，不含 NUL 与半个代理对。
Texts are UTF-8, without NUL and halves of surrogate pairs (422).
"""
TAGS: Mapping[str, str] = MappingProxyType(
    {
        "predictions": "预测、星级与理由。 Predictions, stars and reasons.",
        "decisions": "下一次触达：决策、解释、复核。 The next contact: decide, explain, review.",
        "outcomes": "触达结果。Outcomes of contacts.",
        "events": "客户事件，及其引发的待触达。 Events, and the touchpoints that are due.",
        "customers": "授权与个人信息删除。Consents, and erasure of a customer.",
        "lists": "名单：定义、预览、发布、导出。Lists: define, preview, release, export.",
        "catalogues": "触点与标签目录。 Catalogues of touchpoints and tags.",
        "campaigns": "营销活动与效果评估。 Campaigns, and what they added.",
        "reports": "报表：续保漏斗、周报、服务、星级、关系。Reports for managers.",
        "monitoring": "运行监控。 Monitoring of the service.",
    }
)
OPERATIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "predict": ("predictions", "预测客户 · Predict for customers"),
        "decide": ("decisions", "决定下一次触达 · Decide on the next contact"),
        "decide_many": ("decisions", "批量决策 · Decide on many customers"),
        "explain": ("decisions", "解释一次决策 · Explain a decision"),
        "ask_review": ("decisions", "申请人工复核 · Ask for a review by a human"),
        "reviews": ("decisions", "列出复核 · List reviews"),
        "answer": ("decisions", "答复复核 · Answer a review"),
        "take_outcomes": ("outcomes", "上报触达结果 · Report outcomes"),
        "take_events": ("events", "上报客户事件 · Report events"),
        "service_effect": ("reports", "服务是否划算 · Whether service pays"),
        "due": ("events", "事件引发的待触达 · What events made due"),
        "triggers": ("events", "每日待触达 · What is due by the tags of a date"),
        "consents": ("customers", "查询授权 · Read consents"),
        "change_consent": ("customers", "变更授权 · Change a consent"),
        "erase_customer": ("customers", "删除客户个人信息 · Erase a customer"),
        "campaigns": ("campaigns", "列出活动 · List campaigns"),
        "plan": ("campaigns", "制定活动 · Plan a campaign"),
        "campaign": ("campaigns", "查看活动 · Show a campaign"),
        "launch": ("campaigns", "启动活动 · Launch a campaign"),
        "stop": ("campaigns", "停止活动 · Stop a campaign"),
        "measurement": ("campaigns", "评估活动 · Measure a campaign"),
        "arms": ("campaigns", "客户所在组别 · Arms of a customer"),
        "count_conditions": ("lists", "条件计数 · Count conditions"),
        "overlap_conditions": ("lists", "条件重叠 · Overlap of conditions"),
        "all_lists": ("lists", "全部名单 · All lists"),
        "define_list": ("lists", "定义名单 · Define a list"),
        "preview_draft": ("lists", "预览草稿 · Preview a draft"),
        "count_draft": ("lists", "草稿计数 · Count a draft"),
        "one_list": ("lists", "查询名单 · Read a list"),
        "list_versions": ("lists", "名单版本 · Versions of a list"),
        "diff_versions": ("lists", "版本差异 · Compare versions"),
        "count_list": ("lists", "名单计数 · Count a list"),
        "preview_stored": ("lists", "预览名单 · Preview a list"),
        "preview_customers": ("lists", "预览明细 · Customers behind a number"),
        "why_customer": ("lists", "解释入选 · Why on the list"),
        "list_releases": ("lists", "发布记录 · Releases of a list"),
        "release_now": ("lists", "发布名单 · Release a list"),
        "approve_release": ("lists", "复核发布 · Approve a release"),
        "release_members": ("lists", "名单客户（脱敏） · Members, masked"),
        "release_people": ("lists", "名单客户 · Members with names"),
        "export_file": ("lists", "导出名单 · Export a list"),
        "metrics": ("monitoring", "标签数据天数指标 · Age of the tags, for Prometheus"),
        "read_funnel": ("reports", "续保漏斗 · Renewal funnel of a month"),
        "read_monday": ("reports", "续保周报 · What a manager reads on Monday"),
        "read_service": ("reports", "服务质量 · Claims chain, satisfaction, complaints"),
        "read_stars": ("reports", "星级变动 · Movement of stars and its cost"),
        "read_stages": ("reports", "客户关系阶段 · Movement along entry, stickiness, trust"),
        "touchpoints": ("catalogues", "触点目录 · Catalogue of touchpoints"),
        "tags": ("catalogues", "标签目录 · Catalogue of tags"),
    }
)
"""Operation id, which is the name of the function -> its tag and its summary."""
