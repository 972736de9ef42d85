"""Declare the contracts of customers, vehicles, policies, quotes, claims and their movements."""

import ibis.expr.types as ir

from features.contracts.absent import (
    NO_COVER,
    NO_HOUSEHOLD,
    NO_INSURER,
    NO_RENEWAL,
    NO_VEHICLE,
    NOBODY,
    NOT_CANCELLED,
    NOT_YET,
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
from features.contracts.vocabulary import CHANNELS, LINES, MOTOR_LINES, TELEPHONE


@contract(label="客户", key="customer_id", event_time="registered_at", required=True)
class Customers(RawTable):
    """One row per customer."""

    customer_id: Text = column("客户号")
    registered_at: Instant = column("建档时间")
    name: Text = column("姓名", null=UNKNOWN, personal=True)
    phone: Text = column("手机号", null=UNKNOWN, personal=True)
    birth_date: Day = column("出生日期", null=UNKNOWN, personal=True)
    gender: Text = column("性别", null=UNKNOWN, allowed=["F", "M"])
    licence_date: Day = column("初次领证日期", null=UNKNOWN)
    city_tier: Text = column("城市等级", null=UNKNOWN, allowed=["1", "new_1", "2", "3_and_below"])
    branch: Text = column("机构", null=UNKNOWN)
    account_manager_id: Text = column("客户经理", null=NOBODY)
    account_manager_name: Text = column("客户经理姓名", null=NOBODY, personal=True)
    account_manager_phone: Text = column("客户经理电话", null=NOBODY, personal=True)
    household_id: Text = column("家庭号", null=NO_HOUSEHOLD)
    mini_program_bound_at: Instant = column("小程序绑定时间", milestone=True, null=NOT_YET)
    wecom_added_at: Instant = column("企业微信添加时间", milestone=True, null=NOT_YET)

    @rule(
        "a customer is born at most 110 years before registration",
        "出生日期应在建档前 110 年之内",
        leaves_out="birth_date",
    )
    def plausible_age(row: ir.Table) -> ir.Value:
        years = row.registered_at.year() - row.birth_date.year()
        return row.birth_date.isnull() | years.between(0, 110)

    @rule(
        "phone has 6 to 20 digits, not all alike",
        "手机号应为 6 至 20 位数字，且不全相同",
        leaves_out="phone",
    )
    def dialled(row: ir.Table) -> ir.Value:
        digits = row.phone.re_replace("[^0-9]", "")
        return row.phone.re_search(TELEPHONE) & (digits.replace(digits.left(1), "") != "")


@contract(label="客户合并", key="customer_id", event_time="merged_at")
class CustomerMerges(RawTable):
    """One row per customer number that was given up because its person has another one."""

    customer_id: Text = column("被合并客户号")
    merged_into: Text = column("合并后客户号")
    merged_at: Instant = column("合并时间")

    @rule("a customer is merged into another one", "合并后客户号不得与被合并客户号相同")
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
        "能源类型", null=UNKNOWN, allowed=["petrol", "diesel", "hybrid", "plug_in", "electric"]
    )
    first_registered: Day = column("初登日期", null=UNKNOWN)
    list_price: Money = column("新车购置价", unit="yuan", null=UNKNOWN, at_least=0)
    seats: Integer = column("座位数", unit="persons", null=UNKNOWN, between=(1, 60))
    power_kw: Real = column("功率", unit="kW", null=UNKNOWN, at_least=0)
    weight_kg: Real = column("整备质量", unit="kg", null=UNKNOWN, at_least=0)
    length_m: Real = column("车长", unit="m", null=UNKNOWN, at_least=0)
    engine_cc: Real = column("排量", unit="cm3", null=UNKNOWN, at_least=0)
    doors: Integer = column("车门数", unit="doors", null=UNKNOWN, between=(0, 9))
    garage_area: Text = column("停放区域", null=UNKNOWN, allowed=["urban", "rural"])
    plate: Text = column("车牌号", null=UNKNOWN, personal=True)
    vin: Text = column("车架号", null=UNKNOWN, personal=True)


@contract(label="保单年度", key="policy_id", event_time="signed_at", required=True)
class Policies(RawTable):
    """One row per policy term; a cancellation or a refund is a later row of the same term."""

    policy_id: Text = column("保单号")
    customer_id: Text = column("客户号")
    vehicle_id: Text = column("车辆号", null=NO_VEHICLE)
    line: Text = column("险类", allowed=LINES)
    private_car: Flag = column("是否家用车", null=NO_VEHICLE)
    signed_at: Instant = column("签单时间")
    inception: Day = column("起保日期")
    expiry: Day = column("终保日期")
    cancelled_on: Day = column("退保生效日期", null=NOT_CANCELLED, decisive=True)
    written_premium: Money = column("签单保费（不含税，扣除退费）", unit="yuan", null=UNKNOWN)
    sum_insured: Money = column("保额", unit="yuan", null=UNKNOWN, at_least=0)
    third_party_limit: Money = column("三者险保额", unit="yuan", null=NO_COVER, at_least=0)
    driver_accident_cover: Flag = column("附加驾乘意外险", null=UNKNOWN)
    ncd_level: Integer = column("无赔款优待等级", unit="level", null=UNKNOWN, between=(-4, 5))
    pricing_factor: Real = column("自主定价系数", unit="factor", null=UNKNOWN, above=0)
    channel: Text = column("渠道", null=UNKNOWN, allowed=CHANNELS)
    branch: Text = column("机构", null=UNKNOWN)
    account_manager_id: Text = column("客户经理", null=NOBODY)
    business_type: Text = column("新转续", null=UNKNOWN, allowed=["new", "transfer", "renewal"])
    previous_insurer: Text = column("上年承保公司", null=NO_INSURER)
    second_driver: Flag = column("有第二驾驶人", null=UNKNOWN)
    contract_start: Day = column("首次承保日期", null=UNKNOWN)

    @rule("cover ends after it begins", "终保日期应晚于起保日期")
    def expiry_after_inception(row: ir.Table) -> ir.Value:
        return row.expiry > row.inception

    @rule("a term is cancelled no later than it expires", "退保生效日期不得晚于终保日期")
    def cancelled_by_expiry(row: ir.Table) -> ir.Value:
        return row.cancelled_on.isnull() | (row.cancelled_on <= row.expiry)

    @rule(
        "a motor term names its vehicle and says whether it is a private car",
        "车险保单须填写车辆号和是否家用车",
    )
    def motor_names_vehicle(row: ir.Table) -> ir.Value:
        named = row.vehicle_id.notnull() & row.private_car.notnull()
        return row.line.notin(MOTOR_LINES) | named


@contract(label="报价", key="quote_id", event_time="quoted_at")
class Quotes(RawTable):
    """One row per quote made; whether it reached the customer is a milestone of its own."""

    quote_id: Text = column("报价单号")
    customer_id: Text = column("客户号")
    policy_id: Text = column("到期保单号", null=NO_RENEWAL)
    vehicle_id: Text = column("车辆号", null=NO_VEHICLE)
    line: Text = column("险类", allowed=LINES)
    channel: Text = column("渠道", null=UNKNOWN, allowed=CHANNELS)
    quoted_at: Instant = column("报价时间")
    premium: Money = column("报价保费", unit="yuan", null=UNKNOWN, at_least=0)
    delivered_at: Instant = column("触达时间", milestone=True, null=NOT_YET)
    viewed_at: Instant = column("查看时间", milestone=True, null=NOT_YET, hour=True)

    @rule(
        "a quote is delivered after it is made",
        "触达时间不得早于报价时间",
        leaves_out="delivered_at",
    )
    def delivered_after_quote(row: ir.Table) -> ir.Value:
        return not_before(row.delivered_at, row.quoted_at)

    @rule("a quote is viewed after it is made", "查看时间不得早于报价时间", leaves_out="viewed_at")
    def viewed_after_quote(row: ir.Table) -> ir.Value:
        return not_before(row.viewed_at, row.quoted_at)

    @rule(
        "a quote is delivered before it is viewed",
        "触达时间不得晚于查看时间",
        leaves_out="delivered_at",
    )
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
    vehicle_id: Text = column("车辆号", null=UNKNOWN)
    kind: Text = column("事故类型", null=UNKNOWN)
    injury: Flag = column("是否人伤", null=UNKNOWN)
    at_fault: Flag = column("是否有责", null=UNKNOWN)
    occurred_at: Instant = column("出险时间")
    reported_at: Instant = column("报案时间")
    surveyed_at: Instant = column("查勘时间", milestone=True, null=NOT_YET)
    assessed_at: Instant = column("定损时间", milestone=True, null=NOT_YET)
    adjusted_at: Instant = column("理算时间", milestone=True, null=NOT_YET)
    paid_at: Instant = column("赔付时间", milestone=True, null=NOT_YET)
    closed_at: Instant = column("结案时间", milestone=True, null=NOT_YET)

    @rule("a claim is reported after it occurred", "报案时间不得早于出险时间")
    def reported_after_occurrence(row: ir.Table) -> ir.Value:
        return row.reported_at >= row.occurred_at

    @rule(
        "a claim is surveyed after its report", "查勘时间不得早于报案时间", leaves_out="surveyed_at"
    )
    def surveyed_after_report(row: ir.Table) -> ir.Value:
        return not_before(row.surveyed_at, row.reported_at)

    @rule("a claim is closed after its report", "结案时间不得早于报案时间", leaves_out="closed_at")
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
