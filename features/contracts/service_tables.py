"""Declare the contracts of contacts, trials, entitlements, trips, surveys, consents and costs."""

import ibis.expr.types as ir

from features.contracts.absent import (
    ALL_CHANNELS,
    NO_CLAIM,
    NO_LOT,
    NO_POLICY,
    NO_SCORE,
    NOT_YET,
    OF_BRANCH,
    UNKNOWN,
)
from features.contracts.contract import (
    Day,
    Flag,
    Instant,
    Integer,
    Money,
    RawTable,
    Real,
    Text,
    column,
    rule,
)
from features.contracts.registry import contract, not_before
from features.contracts.vocabulary import (
    CASE_LABELS,
    CONTACT_CHANNELS,
    CONTACT_RESULT_LABELS,
    TOPIC_LABELS,
)


@contract(label="触达记录", key="interaction_id", event_time="occurred_at")
class Interactions(RawTable):
    """One row per contact with a customer and its result."""

    interaction_id: Text = column("触达号")
    customer_id: Text = column("客户号")
    touchpoint: Text = column("触点")
    channel: Text = column("触达方式", allowed=CONTACT_CHANNELS)
    direction: Text = column("方向", allowed=["in", "out"])
    occurred_at: Instant = column("触达时间", hour=True)
    result: Text = column("结果", null=UNKNOWN, allowed=CONTACT_RESULT_LABELS)
    cost: Money = column("触达成本", unit="yuan", null=UNKNOWN, at_least=0)
    policy_id: Text = column("相关保单号", null=NO_POLICY)
    randomised: Flag = column("是否随机分配", null=NO_LOT)
    probability: Real = column("随机分配概率", unit="share", null=NO_LOT, between=(0, 1))


@contract(label="随机分配", key="assignment_id", event_time="assigned_at")
class Assignments(RawTable):
    """One row per customer drawn by lot into a trial, also where the lot was to do nothing."""

    assignment_id: Text = column("分配号")
    customer_id: Text = column("客户号")
    policy_id: Text = column("相关保单号", null=NO_POLICY)
    trial: Text = column("试验")
    arm: Text = column("组别")
    probability: Real = column("分入该组的概率", unit="share", null=UNKNOWN, between=(0, 1))
    assigned_at: Instant = column("分配时间")


@contract(label="权益", key="entitlement_id", event_time="granted_at")
class Entitlements(RawTable):
    """One row per entitlement granted, and what became of it."""

    entitlement_id: Text = column("权益号")
    customer_id: Text = column("客户号")
    service: Text = column("服务项目")
    service_class: Text = column("服务类别", allowed=["A", "B", "C"])
    granted_at: Instant = column("发放时间")
    notified_at: Instant = column("通知时间", milestone=True, null=NOT_YET)
    activated_at: Instant = column("激活时间", milestone=True, null=NOT_YET)
    used_at: Instant = column("使用时间", milestone=True, null=NOT_YET)
    expires_on: Day = column("失效日期")
    unit_cost: Money = column("单次成本", unit="yuan", null=UNKNOWN, at_least=0)

    @rule(
        "an entitlement is used after it is granted",
        "使用时间不得早于发放时间",
        leaves_out="used_at",
    )
    def used_after_grant(row: ir.Table) -> ir.Value:
        return not_before(row.used_at, row.granted_at)


@contract(label="行程", key="trip_id", event_time="ended_at")
class Trips(RawTable):
    """One row per vehicle and day driven (telematics). Sensitive: needs a consent of its own."""

    trip_id: Text = column("行程号")
    customer_id: Text = column("客户号")
    vehicle_id: Text = column("车辆号")
    ended_at: Instant = column("行程结束时间")
    distance_m: Integer = column("里程", unit="m", at_least=0)
    night_distance_m: Integer = column("夜间里程", unit="m", at_least=0)
    harsh_accelerations: Integer = column("急加速次数", unit="times", at_least=0)
    harsh_brakings: Integer = column("急刹车次数", unit="times", at_least=0)
    harsh_cornerings: Integer = column("急转弯次数", unit="times", at_least=0)
    speeding_seconds: Integer = column("超速时长", unit="s", at_least=0)

    @rule("night distance is part of the distance", "夜间里程不得大于里程")
    def night_within_distance(row: ir.Table) -> ir.Value:
        return row.night_distance_m <= row.distance_m


@contract(label="回访与投诉", key="case_id", event_time="occurred_at")
class SurveysAndComplaints(RawTable):
    """One row per satisfaction survey answered or complaint received."""

    case_id: Text = column("单号")
    customer_id: Text = column("客户号")
    kind: Text = column("类型", allowed=[*CASE_LABELS])
    topic: Text = column("主题", allowed=[*TOPIC_LABELS])
    claim_id: Text = column("赔案号", null=NO_CLAIM)
    occurred_at: Instant = column("发生时间")
    score: Integer = column("评分", unit="points", null=NO_SCORE, between=(1, 5))
    resolved_at: Instant = column("解决时间", milestone=True, null=NOT_YET)

    @rule("a survey has a score", "回访须有评分")
    def survey_has_score(row: ir.Table) -> ir.Value:
        return (row.kind != "survey") | row.score.notnull()


@contract(label="授权", key="consent_id", event_time="changed_at")
class Consents(RawTable):
    """One row per change of a customer's consent for one purpose, or to marketing by one channel;
    append-only."""

    consent_id: Text = column("授权号")
    customer_id: Text = column("客户号")
    purpose: Text = column("用途", allowed=["marketing", "profiling", "location"])
    granted: Flag = column("是否同意")
    changed_at: Instant = column("变更时间")
    channel: Text = column("触达方式", null=ALL_CHANNELS, allowed=CONTACT_CHANNELS, decisive=True)

    @rule("only marketing is by channel", "仅营销授权可分触达方式")
    def only_marketing_by_channel(row: ir.Table) -> ir.Value:
        return row.channel.isnull() | (row.purpose == "marketing")


@contract(label="费用", key="cost_id", event_time="incurred_at")
class Costs(RawTable):
    """One row per cost booked to a customer or to a branch."""

    cost_id: Text = column("费用号")
    customer_id: Text = column("客户号", null=OF_BRANCH)
    policy_id: Text = column("保单号", null=NO_POLICY)
    branch: Text = column("机构", null=UNKNOWN)
    kind: Text = column(
        "费用类型", allowed=["acquisition", "commission", "service", "contact", "other"]
    )
    incurred_at: Instant = column("发生时间")
    amount: Money = column("金额", unit="yuan")
