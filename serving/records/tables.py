"""Tables of the operational records, with grain, keys and Chinese labels.

There are no foreign keys: rows that belong together are written in one transaction, and erasure
deletes a customer from every table. Indexes are few, since each slows every write; the query that
needs an index is named beside it.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    text,
)

from serving.records.columns import Document, Instant, Text, Yuan, column
from serving.records.list_tables import list_releases, list_versions
from serving.records.metadata import METADATA
from serving.records.packing import Packed

__all__ = ["METADATA", "list_releases", "list_versions"]
"""Whoever imports this module has every table: those of other files are declared by importing."""


def _client_key() -> tuple[Column[str], Column[str]]:
    """Define the columns of an idempotent write: the caller's key and a hash of the content."""
    return (
        column("client_key", Text, "客户端幂等键", nullable=True, unique=True),
        column("content_hash", Text, "内容摘要", nullable=True),
    )


decisions = Table(
    "decisions",
    METADATA,
    column("decision_id", Text, "决策号", primary_key=True),
    *_client_key(),
    column("customer_id", Text, "客户号"),
    column("decision_point", Text, "决策点"),
    column("decided_at", Instant, "决策时间"),
    column("branch", Text, "机构", nullable=True),
    column("touchpoint", Text, "触点", nullable=True),  # null: silence
    column("channel", Text, "触达方式", nullable=True),
    column("purpose", Text, "用途", nullable=True),
    column("mandatory", Boolean, "必要服务通知"),
    column("randomised", Boolean, "是否随机分配"),
    column("probability", Float, "选择概率", nullable=True),
    column("holdout", Boolean, "对照组"),
    column("degraded", Boolean, "降级"),
    column("snapshot_id", Text, "标签快照号", nullable=True),
    column("frame_id", Text, "共用内容号", nullable=True),
    column("packed", Packed, "决策全文（压缩）"),
    Index(None, "customer_id", "decided_at"),  # a customer's decisions, latest first
    info={"label": "决策"},
)
"""One row per decision, silence included; `packed` has everything that a replay needs."""

decision_frames = Table(
    "decision_frames",
    METADATA,
    column("frame_id", Text, "共用内容号", primary_key=True),
    column("content", Text, "共用内容"),
    info={"label": "决策共用内容"},
)
"""One row per frame: what the documents of many decisions share, and nothing of a customer."""

contacts = Table(
    "contacts",
    METADATA,
    column("contact_id", Text, "触达号", primary_key=True),
    *_client_key(),
    column("decision_id", Text, "决策号", nullable=True),
    column("customer_id", Text, "客户号"),
    column("touchpoint", Text, "触点"),
    column("family", Text, "触点类别"),
    column("purpose", Text, "用途"),
    column("channel", Text, "触达方式"),
    column("campaign", Text, "活动", nullable=True),
    column("branch", Text, "机构", nullable=True),
    column("account_manager_id", Text, "客户经理", nullable=True),
    column("planned_at", Instant, "计划触达时间"),
    column("time_zone", Text, "客户时区"),
    column("planned_day", Date, "预占当地日期"),
    column("local_day", Date, "当地日期"),
    column("state", Text, "状态"),
    column("reserved_at", Instant, "预占时间"),
    column("reserved_until", Instant, "预占截止时间"),
    column("sent_at", Instant, "发送时间", nullable=True),
    column("cost", Yuan, "触达成本", nullable=True),
    column("message", Text, "实际文案", nullable=True),
    CheckConstraint("state IN ('reserved', 'sent', 'released')", name="state"),
    CheckConstraint("purpose IN ('service', 'marketing')", name="purpose"),
    Index(None, "customer_id", "local_day"),  # contacts that caps count, at every decision
    Index(None, "decision_id"),  # an outcome names the decision
    Index(  # reserved contacts of a leaving manager; few rows at any time
        "ix_contacts_reserved_of_manager",
        "account_manager_id",
        sqlite_where=text("state = 'reserved'"),
        postgresql_where=text("state = 'reserved'"),
    ),
    info={"label": "触达"},
)
"""One row per contact that was ever reserved; it counts on `planned_day` and on `local_day`."""

outcomes = Table(
    "outcomes",
    METADATA,
    column("outcome_id", Text, "结果号", primary_key=True),
    *_client_key(),
    column("kind", Text, "结果"),
    column("customer_id", Text, "客户号"),
    column("decision_id", Text, "决策号", nullable=True),
    column("contact_id", Text, "触达号", nullable=True),
    column("channel", Text, "触达方式", nullable=True),
    column("occurred_at", Instant, "发生时间"),
    column("reported_at", Instant, "报送的发生时间", nullable=True),  # if it lies out of bounds
    column("recorded_at", Instant, "登记时间"),
    column("detail", Document, "明细", nullable=True),
    Index(None, "customer_id", "occurred_at"),  # refusals, at every decision
    Index(None, "contact_id"),  # outcomes of a contact
    info={"label": "触达结果"},
)
"""One row per reported outcome; append-only."""

consent_changes = Table(
    "consent_changes",
    METADATA,
    column("change_id", Text, "授权变更号", primary_key=True),
    *_client_key(),
    column("customer_id", Text, "客户号"),
    column("purpose", Text, "用途"),
    column("channel", Text, "触达方式", nullable=True),  # null: every channel
    column("granted", Boolean, "是否同意"),
    column("changed_at", Instant, "变更时间"),
    column("recorded_at", Instant, "登记时间"),
    column("source", Text, "来源"),
    column("outcome_id", Text, "结果号", nullable=True),
    CheckConstraint("purpose IN ('marketing', 'profiling', 'location')", name="purpose"),
    Index(None, "customer_id"),  # a customer's consents, at every decision
    info={"label": "授权变更"},
)
"""One row per change of a consent; append-only."""

exports = Table(
    "exports",
    METADATA,
    column("export_id", Text, "导出号", primary_key=True),
    column("subject", Text, "操作人"),
    column("name", Text, "名单"),
    column("purpose", Text, "用途"),
    column("at", Instant, "导出时间"),
    column("rows", Integer, "行数"),
    column("columns", Document, "导出字段"),
    column("customer_ids", Document, "涉及客户"),
    info={"label": "导出记录"},
)
"""One row per exported file with personal data."""

reads = Table(
    "reads",
    METADATA,
    column("read_id", Text, "查询号", primary_key=True),
    column("subject", Text, "操作人"),
    column("endpoint", Text, "接口"),
    column("purpose", Text, "用途"),
    column("at", Instant, "查询时间"),
    column("customers", Integer, "客户数"),
    column("customer_ids", Document, "涉及客户"),
    info={"label": "查询记录"},
)
"""One row per request that read personal data."""

review_requests = Table(
    "review_requests",
    METADATA,
    column("review_id", Text, "复核号", primary_key=True),
    column("decision_id", Text, "决策号", unique=True),
    column("customer_id", Text, "客户号"),
    column("asked_by", Text, "申请人"),
    column("reason", Text, "申请理由"),
    column("asked_at", Instant, "申请时间"),
    column("answered_by", Text, "复核人", nullable=True),
    column("answer", Text, "复核意见", nullable=True),
    column("upheld", Boolean, "维持原决策", nullable=True),
    column("answered_at", Instant, "复核时间", nullable=True),
    info={"label": "人工复核"},
)
"""One row per decision whose review by a human was requested."""

capacity_prices = Table(
    "capacity_prices",
    METADATA,
    column("day", Date, "日期", primary_key=True),
    column("branch", Text, "机构", primary_key=True),
    column("channel", Text, "触达方式", primary_key=True),
    column("capacity", Float, "产能"),
    column("price", Float, "影子价格"),
    column("made_at", Instant, "计算时间"),
    info={"label": "产能影子价格"},
)
"""One row per day, branch and channel: contacts per day, and the value of one more in yuan."""

erasures = Table(
    "erasures",
    METADATA,
    column("receipt_id", Text, "回执号", primary_key=True),
    column("customer_hash", Text, "客户号密钥散列"),
    column("asked_by", Text, "申请人"),
    column("erased_at", Instant, "删除时间"),
    column("rows", Document, "删除行数"),
    Index(None, "customer_hash"),  # was this customer erased?
    info={"label": "个人信息删除回执"},
)
"""One row per erasure that deleted something."""

retentions = Table(
    "retentions",
    METADATA,
    column("retention_id", Text, "清理号", primary_key=True),
    column("kind", Text, "记录类别"),
    column("kept_days", Integer, "保存天数"),
    column("before", Instant, "删除此前"),
    column("ordered_by", Text, "操作人"),
    column("deleted_at", Instant, "清理时间"),
    column("rows", Document, "删除行数"),
    info={"label": "到期清理记录"},
)
"""One row per run of `guanjia retain` and kind of which it deleted something."""

due_touchpoints = Table(
    "due_touchpoints",
    METADATA,
    column("due_id", Text, "待触达号", primary_key=True),
    column("event_id", Text, "事件号"),
    column("touchpoint", Text, "触点"),
    column("event_type", Text, "事件类型"),
    column("customer_id", Text, "客户号"),
    column("branch", Text, "机构", nullable=True),
    column("kind", Text, "用途"),
    column("started_by", Text, "触发方式"),
    column("channels", Document, "候选触达方式"),
    column("service", Text, "服务等级"),
    column("star", Integer, "星级", nullable=True),
    column("reason", Text, "触发原因"),
    column("occurred_at", Instant, "发生时间"),
    column("due_at", Instant, "应触达时间"),
    column("until", Instant, "失效时间"),
    column("found_at", Instant, "登记时间"),
    UniqueConstraint("event_id", "touchpoint"),
    Index(None, "until"),  # rows that have not expired
    Index(None, "customer_id"),  # erasure
    info={"label": "事件触发的待触达"},
)
"""One row per touchpoint that an event made due, carried out or not."""

manager_assignments = Table(
    "manager_assignments",
    METADATA,
    column("customer_id", Text, "客户号", primary_key=True),
    column("branch", Text, "机构"),
    column("account_manager_id", Text, "客户经理"),
    column("assigned_at", Instant, "分配时间"),
    column("handover_id", Text, "交接号"),
    info={"label": "客户经理分配"},
)
"""One row per customer whose account manager differs from the one the policy names."""

handovers = Table(
    "handovers",
    METADATA,
    column("handover_id", Text, "交接号", primary_key=True),
    column("branch", Text, "机构"),
    column("leaver", Text, "离职客户经理"),
    column("successor", Text, "接任客户经理"),
    column("handed_by", Text, "操作人"),
    column("handed_at", Instant, "交接时间"),
    column("contacts", Integer, "预占触达数"),
    column("customers", Integer, "客户数"),
    info={"label": "客户经理交接"},
)
"""One row per handover that moved something."""

console_users = Table(
    "console_users",
    METADATA,
    column("user_name", Text, "登录名", primary_key=True),
    column("full_name", Text, "姓名"),
    column("roles", Document, "角色"),
    column("branches", Document, "可见机构", nullable=True),  # null: all
    column("password_hash", Text, "口令散列", nullable=True),  # null: a provider vouches
    column("issuer", Text, "身份提供方", nullable=True),
    column("closed", Boolean, "已停用"),
    column("failures", Integer, "连续口令错误次数"),
    column("locked_until", Instant, "锁定至", nullable=True),
    column("added_by", Text, "添加人"),
    column("added_at", Instant, "添加时间"),
    column("changed_at", Instant, "变更时间"),
    info={"label": "控制台用户"},
)
"""One row per user of the console, closed ones too; no customer is one."""

console_sessions = Table(
    "console_sessions",
    METADATA,
    column("session_hash", Text, "会话散列", primary_key=True),
    column("user_name", Text, "登录名"),
    column("began_at", Instant, "开始时间"),
    column("used_at", Instant, "最近使用时间"),
    Index(None, "user_name"),  # a changed user's sessions end
    info={"label": "控制台会话"},
)
"""One row per session that is open."""
