"""Two systems that were put aside before the matcher was worked on, and are never tuned on.

Their headings are those of real systems: field names of a core system that many Chinese insurers
run, and a business list (业务清单) as branches keep it. Written without a look at the synonyms.
"""

import csv

from exports.books import Book
from exports.systems import File, System, text_file

LINES = {
    "motor_compulsory": "0507", "motor_commercial": "0510", "accident": "2701",
    "health": "2801", "household": "0301", "other": "9999",
}  # fmt: skip

CAMEL = System(
    name="core system, camel case",
    write=text_file("gbk", ",", ".csv", csv.QUOTE_ALL),
    last_day=False,
    codes={
        "policies.line": LINES,
        "policies.channel": {
            "direct": "0", "telephone": "8", "online": "9", "agent": "1", "broker": "3",
            "dealer": "2",
        },
        "policies.private_car": {True: "8A", False: "8C"},
        "vehicles.kind": {"car": "A0", "van": "H0", "motorbike": "M0"},
        "customers.gender": {"M": "1", "F": "2"},
        "claims.at_fault": {True: "1", False: "4"},
        "claims.kind": {"collision": "01", "scratch": "02", "glass": "03", "natural": "04",
                        "theft": "05", "fire": "06"},
    },
    files=(
        File("prpdcustomer", "customers", {
            "customerCode": "customers.customer_id", "customerCName": "customers.name",
            "identifyNumber": "-made.identity", "mobile": "customers.phone",
            "phoneNumber": "-made.phone", "sex": "customers.gender",
            "birthDate": "customers.birth_date", "linkAddress": "-made.address",
            "occupationCode": "-made.occupation", "createDate": "customers.registered_at",
        }),
        File("prpcmain", "policies", {
            "policyNo": "policies.policy_id", "riskCode": "policies.line",
            "proposalNo": "-made.proposal", "businessNature": "policies.channel",
            "appliCode": "policies.customer_id", "appliName": "customers.name",
            "operateDate": "policies.signed_at", "startDate": "policies.inception",
            "startHour": "-made.hour", "endDate": "policies.expiry",
            "endHour": "-made.end_hour", "currency": "-made.currency",
            "sumAmount": "policies.sum_insured", "sumPremium": "policies.written_premium",
            "payTimes": "-made.one", "comCode": "policies.branch",
            "handler1Code": "policies.account_manager_id", "operatorCode": "-made.operator",
            "inputDate": "?made.keyed_at", "licenseNo": "vehicles.plate",
            "frameNo": "vehicles.vin", "engineNo": "-made.engine",
            "carKindCode": "vehicles.kind", "useNatureCode": "policies.private_car",
            "enrollDate": "vehicles.first_registered", "seatCount": "vehicles.seats",
            "tonCount": "-made.tonnes", "purchasePrice": "vehicles.list_price",
            "brandName": "-made.brand", "colorCode": "-made.colour",
            "lastInsurer": "policies.previous_insurer",
        }),
        File("prplclaim", "claims", {
            "claimNo": "claims.claim_id", "registNo": "-made.report_no",
            "policyNo": "claims.policy_id", "damageStartDate": "claims.occurred_at",
            "damageAddress": "-made.place", "damageTypeCode": "claims.kind",
            "reportDate": "claims.reported_at", "claimDate": "-made.registered_at",
            "indemnityDuty": "claims.at_fault", "driverName": "-made.driver",
            "sumPaid": "sums.paid", "sumEstimate": "sums.outstanding",
            "endCaseDate": "claims.closed_at", "remark": "-made.remark",
        }),
    ),
)  # fmt: skip

_BOOK = Book("车险业务清单", "2026年上半年")
LIST = System(
    name="business list, workbook",
    write=_BOOK,
    close=_BOOK.close,
    last_day=True,
    day=lambda day: f"{day.year}-{day.month:02d}-{day.day:02d}",
    instant=lambda moment: moment.strftime("%Y/%m/%d %H:%M"),
    money=lambda amount: f"{amount:,.2f}",
    flag={True: "是", False: "否"},
    codes={
        "policies.line": {
            "motor_compulsory": "机动车交通事故责任强制保险",
            "motor_commercial": "机动车综合商业保险", "accident": "驾乘人员意外险",
            "health": "百万医疗保险", "household": "家财险", "other": "其他",
        },
        "policies.channel": {
            "direct": "直销业务", "telephone": "电销", "online": "互联网", "agent": "个代",
            "broker": "经纪业务", "dealer": "车行",
        },
        "policies.private_car": {True: "家庭自用客车", False: "企业非营业客车"},
        "policies.business_type": {"new": "新车", "transfer": "他保转入", "renewal": "续保"},
        "vehicles.kind": {"car": "六座以下客车", "van": "货车", "motorbike": "摩托车"},
        "vehicles.energy": {
            "petrol": "燃油", "diesel": "柴油", "hybrid": "混动", "plug_in": "插混",
            "electric": "纯电",
        },
        "claims.at_fault": {True: "全责", False: "无责"},
        "claims.kind": {"collision": "碰撞", "scratch": "划痕", "glass": "玻璃单独破碎",
                        "natural": "自然灾害", "theft": "盗抢", "fire": "自燃"},
    },
    files=(
        File("承保", "policies", {
            "序号": "-made.row", "归属机构": "policies.branch",
            "归属业务员工号": "policies.account_manager_id",
            "归属业务员": "customers.account_manager_name",
            "渠道类型": "policies.channel", "保险单号码": "policies.policy_id",
            "投保单号": "-made.proposal", "产品名称": "policies.line",
            "投保人名称": "customers.name", "投保人证件号": "made.identity",
            "投保人联系方式": "customers.phone", "车牌号码": "vehicles.plate",
            "厂牌车型": "-made.brand", "车架号码VIN码": "vehicles.vin",
            "发动机号码": "-made.engine", "车辆种类": "vehicles.kind",
            "能源种类": "vehicles.energy", "车辆使用性质": "policies.private_car",
            "核定座位数": "vehicles.seats", "车辆初次登记年月": "vehicles.first_registered",
            "新车购置价格": "vehicles.list_price", "核保通过时间": "policies.signed_at",
            "保险起始日": "policies.inception", "保险到期日": "policies.expiry",
            "含税总保费": "?made.gross", "不含税净保费": "policies.written_premium",
            "代收车船税": "-made.tax", "总保额": "policies.sum_insured",
            "三者限额": "policies.third_party_limit", "自主系数": "policies.pricing_factor",
            "新转续标识": "policies.business_type", "上年承保机构": "policies.previous_insurer",
            "全单退保日": "policies.cancelled_on", "手续费率": "-made.rate",
        }),
        File("理赔", "claims", {
            "序号": "-made.row", "赔案编号": "claims.claim_id", "保险单号码": "claims.policy_id",
            "车牌号码": "vehicles.plate", "事故发生时间": "claims.occurred_at",
            "事故地点": "-made.place", "报案登记时间": "claims.reported_at",
            "现场查勘时间": "claims.surveyed_at", "定损完成时间": "claims.assessed_at",
            "理算完成时间": "claims.adjusted_at", "支付时间": "claims.paid_at",
            "结案日期": "claims.closed_at", "出险原因": "claims.kind",
            "是否涉及人伤": "claims.injury", "事故责任": "claims.at_fault",
            "已付赔款": "sums.paid", "未决估损": "sums.outstanding",
            "案件状态": "-made.case_status", "驾驶员": "-made.driver",
        }),
    ),
)  # fmt: skip

HELD_OUT = (CAMEL, LIST)
