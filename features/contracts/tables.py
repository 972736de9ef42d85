"""Declare the contracts of the raw tables: grain, key, event time, ranges, rules as sentences.

Every row carries its event time (when it happened) and `recorded_at` (when we came to know it),
both UTC microseconds. A row is never changed in place: a change is a new row with the same key and
a later `recorded_at`, and as of a date the latest row recorded by then counts. A *milestone* is a
timestamp inside a row that is known from the moment it happens, not before: as of an earlier date
it reads null (`docs/adr/0002-row-versions-and-milestones.md`). An optional cell that breaks a rule
is left out and its row stays (`docs/adr/0029-what-a-check-takes.md`). Money is `decimal(14, 2)` in
yuan. Days are civil days of the insurer. Cover runs from `inception` at 00:00 to `expiry` at 00:00,
so an annual term expires on the anniversary of its inception.
"""

from functools import partial

import ibis.expr.types as ir

from features.contracts.contract import (
    Contract,
    Day,
    Flag,
    Instant,
    Integer,
    Money,
    RawTable,
    Real,
    Text,
    column,
    register_contract,
    rule,
)
from features.contracts.vocabulary import (
    CHANNELS,
    CONTACT_CHANNELS,
    CONTACT_RESULT_LABELS,
    LINES,
    MOTOR_LINES,
    TELEPHONE,
)

CONTRACTS: dict[str, Contract] = {}
"""Contracts by table. Defined here so that it cannot be read before they are declared."""


contract = partial(register_contract, CONTRACTS)
"""Register the decorated class as the contract of the raw table that is named like it."""


def not_before(later: ir.Value, earlier: ir.Value) -> ir.Value:
    """Check that `later` is absent or not before `earlier`."""
    return later.isnull() | (later >= earlier)


@contract(label="客户", key="customer_id", event_time="registered_at", required=True)
class Customers(RawTable):
    """One row per customer."""

    customer_id: Text = column("客户号")
    registered_at: Instant = column("建档时间")
    name: Text = column("姓名", nullable=True, personal=True)
    phone: Text = column("手机号", nullable=True, personal=True)
    birth_date: Day = column("出生日期", nullable=True, personal=True)
    gender: Text = column("性别", nullable=True, allowed=["F", "M"])
    licence_date: Day = column("初次领证日期", nullable=True)
    city_tier: Text = column("城市等级", nullable=True, allowed=["1", "new_1", "2", "3_and_below"])
    branch: Text = column("机构", nullable=True)
    account_manager_id: Text = column("客户经理", nullable=True)
    account_manager_name: Text = column("客户经理姓名", nullable=True, personal=True)
    account_manager_phone: Text = column("客户经理电话", nullable=True, personal=True)
    household_id: Text = column("家庭号", nullable=True)
    mini_program_bound_at: Instant = column("小程序绑定时间", milestone=True, nullable=True)
    wecom_added_at: Instant = column("企业微信添加时间", milestone=True, nullable=True)

    @rule("a customer is born at most 110 years before registration", leaves_out="birth_date")
    def plausible_age(row: ir.Table) -> ir.Value:
        years = row.registered_at.year() - row.birth_date.year()
        return row.birth_date.isnull() | years.between(0, 110)

    @rule("phone has 6 to 20 digits, not all alike", leaves_out="phone")
    def dialled(row: ir.Table) -> ir.Value:
        digits = row.phone.re_replace("[^0-9]", "")
        return row.phone.re_search(TELEPHONE) & (digits.replace(digits.left(1), "") != "")


@contract(label="客户合并", key="customer_id", event_time="merged_at")
class CustomerMerges(RawTable):
    """One row per customer number that was given up because its person has another one."""

    customer_id: Text = column("被合并客户号")
    merged_into: Text = column("合并后客户号")
    merged_at: Instant = column("合并时间")

    @rule("a customer is merged into another one")
    def into_another(row: ir.Table) -> ir.Value:
        return row.merged_into != row.customer_id


@contract(label="车辆", key="vehicle_id", event_time="acquired_at")
class Vehicles(RawTable):
    """One row per vehicle a customer insures or insured."""

    vehicle_id: Text = column("车辆号")
    customer_id: Text = column("客户号")
    acquired_at: Instant = column("登记时间")
    kind: Text = column("车辆种类", allowed=["car", "van", "motorbike", "agricultural"])
    energy: Text = column(
        "能源类型", nullable=True, allowed=["petrol", "diesel", "hybrid", "plug_in", "electric"]
    )
    first_registered: Day = column("初登日期", nullable=True)
    list_price: Money = column("新车购置价", unit="yuan", nullable=True, at_least=0)
    seats: Integer = column("座位数", nullable=True, between=(1, 60))
    power_kw: Real = column("功率", unit="kW", nullable=True, at_least=0)
    weight_kg: Real = column("整备质量", unit="kg", nullable=True, at_least=0)
    length_m: Real = column("车长", unit="m", nullable=True, at_least=0)
    engine_cc: Real = column("排量", unit="cm3", nullable=True, at_least=0)
    doors: Integer = column("车门数", nullable=True, between=(0, 9))
    garage_area: Text = column("停放区域", nullable=True, allowed=["urban", "rural"])
    plate: Text = column("车牌号", nullable=True, personal=True)
    vin: Text = column("车架号", nullable=True, personal=True)


@contract(label="保单年度", key="policy_id", event_time="signed_at", required=True)
class Policies(RawTable):
    """One row per policy term; a cancellation or a refund is a later row of the same term."""

    policy_id: Text = column("保单号")
    customer_id: Text = column("客户号")
    vehicle_id: Text = column("车辆号", nullable=True)
    line: Text = column("险类", allowed=LINES)
    private_car: Flag = column("是否家用车", nullable=True)
    signed_at: Instant = column("签单时间")
    inception: Day = column("起保日期")
    expiry: Day = column("终保日期")
    cancelled_on: Day = column("退保生效日期", nullable=True, decisive=True)
    written_premium: Money = column("签单保费(不含税, 扣除退费)", unit="yuan", nullable=True)
    sum_insured: Money = column("保额", unit="yuan", nullable=True, at_least=0)
    third_party_limit: Money = column("三者险保额", unit="yuan", nullable=True, at_least=0)
    driver_accident_cover: Flag = column("附加驾乘意外险", nullable=True)
    ncd_level: Integer = column("无赔款优待等级", nullable=True, between=(-4, 5))
    pricing_factor: Real = column("自主定价系数", nullable=True, above=0)
    channel: Text = column("渠道", nullable=True, allowed=CHANNELS)
    branch: Text = column("机构", nullable=True)
    account_manager_id: Text = column("客户经理", nullable=True)
    business_type: Text = column("新转续", nullable=True, allowed=["new", "transfer", "renewal"])
    previous_insurer: Text = column("上年承保公司", nullable=True)
    second_driver: Flag = column("有第二驾驶人", nullable=True)
    contract_start: Day = column("首次承保日期", nullable=True)

    @rule("cover ends after it begins")
    def expiry_after_inception(row: ir.Table) -> ir.Value:
        return row.expiry > row.inception

    @rule("a term is cancelled no later than it expires")
    def cancelled_by_expiry(row: ir.Table) -> ir.Value:
        return row.cancelled_on.isnull() | (row.cancelled_on <= row.expiry)

    @rule("a motor term names its vehicle and says whether it is a private car")
    def motor_names_vehicle(row: ir.Table) -> ir.Value:
        named = row.vehicle_id.notnull() & row.private_car.notnull()
        return row.line.notin(MOTOR_LINES) | named


@contract(label="报价", key="quote_id", event_time="quoted_at")
class Quotes(RawTable):
    """One row per quote made; whether it reached the customer is a milestone of its own."""

    quote_id: Text = column("报价单号")
    customer_id: Text = column("客户号")
    policy_id: Text = column("到期保单号", nullable=True)
    vehicle_id: Text = column("车辆号", nullable=True)
    line: Text = column("险类", allowed=LINES)
    channel: Text = column("渠道", nullable=True, allowed=CHANNELS)
    quoted_at: Instant = column("报价时间")
    premium: Money = column("报价保费", unit="yuan", nullable=True, at_least=0)
    delivered_at: Instant = column("触达时间", milestone=True, nullable=True)
    viewed_at: Instant = column("查看时间", milestone=True, nullable=True, hour=True)

    @rule("a quote is delivered after it is made", leaves_out="delivered_at")
    def delivered_after_quote(row: ir.Table) -> ir.Value:
        return not_before(row.delivered_at, row.quoted_at)

    @rule("a quote is viewed after it is made", leaves_out="viewed_at")
    def viewed_after_quote(row: ir.Table) -> ir.Value:
        return not_before(row.viewed_at, row.quoted_at)

    @rule("a quote is delivered before it is viewed", leaves_out="delivered_at")
    def delivered_before_view(row: ir.Table) -> ir.Value:
        # A delivery that is told of after the view is the later of the two: the view stays.
        late = row.delivered_at > row.viewed_at
        return ~(late & (row.viewed_at >= row.quoted_at))


@contract(label="赔案", key="claim_id", event_time="reported_at", required=True)
class Claims(RawTable):
    """One row per claim, with the step times of the claims chain 报案-查勘-定损-理算-赔付."""

    claim_id: Text = column("赔案号")
    customer_id: Text = column("客户号")
    policy_id: Text = column("保单号")
    vehicle_id: Text = column("车辆号", nullable=True)
    kind: Text = column("事故类型", nullable=True)
    injury: Flag = column("是否人伤", nullable=True)
    at_fault: Flag = column("是否有责", nullable=True)
    occurred_at: Instant = column("出险时间")
    reported_at: Instant = column("报案时间")
    surveyed_at: Instant = column("查勘时间", milestone=True, nullable=True)
    assessed_at: Instant = column("定损时间", milestone=True, nullable=True)
    adjusted_at: Instant = column("理算时间", milestone=True, nullable=True)
    paid_at: Instant = column("赔付时间", milestone=True, nullable=True)
    closed_at: Instant = column("结案时间", milestone=True, nullable=True)

    @rule("a claim is reported after it occurred")
    def reported_after_occurrence(row: ir.Table) -> ir.Value:
        return row.reported_at >= row.occurred_at

    @rule("a claim is surveyed after its report", leaves_out="surveyed_at")
    def surveyed_after_report(row: ir.Table) -> ir.Value:
        return not_before(row.surveyed_at, row.reported_at)

    @rule("a claim is closed after its report", leaves_out="closed_at")
    def closed_after_report(row: ir.Table) -> ir.Value:
        return not_before(row.closed_at, row.reported_at)


@contract(label="赔款变动", key="movement_id", event_time="moved_at")
class ClaimMovements(RawTable):
    """One row per change of a claim's paid or outstanding amount: what was known when."""

    movement_id: Text = column("变动号")
    claim_id: Text = column("赔案号")
    customer_id: Text = column("客户号")
    moved_at: Instant = column("变动时间")
    paid_change: Money = column("已决变动", unit="yuan")
    outstanding_change: Money = column("未决变动", unit="yuan")


@contract(label="触达记录", key="interaction_id", event_time="occurred_at")
class Interactions(RawTable):
    """One row per contact with a customer and its result."""

    interaction_id: Text = column("触达号")
    customer_id: Text = column("客户号")
    touchpoint: Text = column("触点")
    channel: Text = column("触达方式", allowed=CONTACT_CHANNELS)
    direction: Text = column("方向", allowed=["in", "out"])
    occurred_at: Instant = column("触达时间", hour=True)
    result: Text = column("结果", nullable=True, allowed=CONTACT_RESULT_LABELS)
    cost: Money = column("触达成本", unit="yuan", nullable=True, at_least=0)
    policy_id: Text = column("相关保单号", nullable=True)
    randomised: Flag = column("是否随机分配", nullable=True)
    probability: Real = column("随机分配概率", nullable=True, between=(0, 1))


@contract(label="随机分配", key="assignment_id", event_time="assigned_at")
class Assignments(RawTable):
    """One row per customer drawn by lot into a trial, also where the lot was to do nothing."""

    assignment_id: Text = column("分配号")
    customer_id: Text = column("客户号")
    policy_id: Text = column("相关保单号", nullable=True)
    trial: Text = column("试验")
    arm: Text = column("组别")
    probability: Real = column("分入该组的概率", nullable=True, between=(0, 1))
    assigned_at: Instant = column("分配时间")


@contract(label="权益", key="entitlement_id", event_time="granted_at")
class Entitlements(RawTable):
    """One row per entitlement granted, and what became of it."""

    entitlement_id: Text = column("权益号")
    customer_id: Text = column("客户号")
    service: Text = column("服务项目")
    service_class: Text = column("服务类别", allowed=["A", "B", "C"])
    granted_at: Instant = column("发放时间")
    notified_at: Instant = column("通知时间", milestone=True, nullable=True)
    activated_at: Instant = column("激活时间", milestone=True, nullable=True)
    used_at: Instant = column("使用时间", milestone=True, nullable=True)
    expires_on: Day = column("失效日期")
    unit_cost: Money = column("单次成本", unit="yuan", nullable=True, at_least=0)

    @rule("an entitlement is used after it is granted", leaves_out="used_at")
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
    harsh_accelerations: Integer = column("急加速次数", at_least=0)
    harsh_brakings: Integer = column("急刹车次数", at_least=0)
    harsh_cornerings: Integer = column("急转弯次数", at_least=0)
    speeding_seconds: Integer = column("超速时长", unit="s", at_least=0)

    @rule("night distance is part of the distance")
    def night_within_distance(row: ir.Table) -> ir.Value:
        return row.night_distance_m <= row.distance_m


@contract(label="回访与投诉", key="case_id", event_time="occurred_at")
class SurveysAndComplaints(RawTable):
    """One row per satisfaction survey answered or complaint received."""

    case_id: Text = column("单号")
    customer_id: Text = column("客户号")
    kind: Text = column("类型", allowed=["survey", "complaint"])
    topic: Text = column("主题", allowed=["claims", "service", "sales", "price", "underwriting"])
    claim_id: Text = column("赔案号", nullable=True)
    occurred_at: Instant = column("发生时间")
    score: Integer = column("评分", nullable=True, between=(1, 5))
    resolved_at: Instant = column("解决时间", milestone=True, nullable=True)

    @rule("a survey has a score")
    def survey_has_score(row: ir.Table) -> ir.Value:
        return (row.kind != "survey") | row.score.notnull()


@contract(label="授权", key="consent_id", event_time="changed_at")
class Consents(RawTable):
    """One row per change of a customer's consent for one purpose; append-only."""

    consent_id: Text = column("授权号")
    customer_id: Text = column("客户号")
    purpose: Text = column("用途", allowed=["marketing", "profiling", "location"])
    granted: Flag = column("是否同意")
    changed_at: Instant = column("变更时间")


@contract(label="费用", key="cost_id", event_time="incurred_at")
class Costs(RawTable):
    """One row per cost booked to a customer or to a branch."""

    cost_id: Text = column("费用号")
    customer_id: Text = column("客户号", nullable=True)
    policy_id: Text = column("保单号", nullable=True)
    branch: Text = column("机构", nullable=True)
    kind: Text = column(
        "费用类型", allowed=["acquisition", "commission", "service", "contact", "other"]
    )
    incurred_at: Instant = column("发生时间")
    amount: Money = column("金额", unit="yuan")
