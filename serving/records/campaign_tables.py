"""Tables of campaigns: plans, drawn members and the looks that were taken.

Members and looks are kept for good: a measurement a year later needs the lot of today. A member who
is erased is deleted; the plan keeps how many were drawn.
"""

from sqlalchemy import Boolean, CheckConstraint, Date, Float, Index, Integer, Table

from serving.records.columns import Document, Instant, Text, column
from serving.records.tables import METADATA

campaigns = Table(
    "campaigns",
    METADATA,
    column("campaign", Text, "活动", primary_key=True),
    column("state", Text, "状态"),
    column("priority", Integer, "优先级"),
    column("starts_on", Date, "开始日期"),
    column("ends_on", Date, "结束日期"),
    column("plan", Document, "活动方案"),
    column("planned_at", Instant, "制定时间"),
    column("planned_by", Text, "制定人"),
    column("launched_at", Instant, "启动时间", nullable=True),
    column("launched_by", Text, "启动人", nullable=True),
    column("closed_at", Instant, "停止或结束时间", nullable=True),
    column("closed_by", Text, "停止或结束操作人", nullable=True),
    column("close_reason", Text, "停止原因", nullable=True),
    CheckConstraint("state IN ('planned', 'running', 'stopped', 'ended')", name="state"),
    info={"label": "活动"},
)
"""One row per campaign."""

campaign_members = Table(
    "campaign_members",
    METADATA,
    column("campaign", Text, "活动", primary_key=True),
    column("customer_id", Text, "客户号", primary_key=True),
    column("arm", Text, "组别"),
    column("share", Float, "入组概率"),
    column("household", Text, "家庭标识", nullable=True),
    column("place", Integer, "名单排位", nullable=True),
    column("probability", Float, "抽签时续保概率", nullable=True),
    column("margin", Float, "抽签时预期边际贡献", nullable=True),
    column("star", Integer, "星级", nullable=True),
    column("segment", Text, "分群", nullable=True),
    column("branch", Text, "机构", nullable=True),
    Index(None, "customer_id"),  # campaigns of a customer, at every decision
    info={"label": "活动成员"},
)
"""One row per campaign and customer who was drawn."""

campaign_looks = Table(
    "campaign_looks",
    METADATA,
    column("campaign", Text, "活动", primary_key=True),
    column("as_of", Date, "数据日期", primary_key=True),
    column("number", Integer, "计划查看序号", nullable=True),  # null: beyond the plan
    column("information", Float, "信息比例"),
    column("claimed", Boolean, "是否达到显著"),
    column("looked_at", Instant, "查看时间"),
    column("looked_by", Text, "查看人"),
    info={"label": "活动查看记录"},
)
"""One row per campaign and date whose figures were looked at."""
