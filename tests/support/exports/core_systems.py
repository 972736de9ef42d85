"""Six systems that the matcher was made with; `held_out.py` has those it was not."""

import csv

from exports.books import Book
from exports.systems import File, System, text_file

LINE_WORDS = {
    "motor_compulsory": "交强险", "motor_commercial": "商业险", "accident": "意外险",
    "health": "健康险", "household": "家财险", "other": "其他",
}  # fmt: skip
CHANNEL_WORDS = {
    "direct": "直销", "telephone": "电销", "online": "网销", "agent": "个人代理",
    "broker": "经纪", "dealer": "车商",
}  # fmt: skip
SEX = {"M": "男", "F": "女"}
CAUSES = {"collision": "碰撞", "scratch": "划痕", "glass": "玻璃破碎", "natural": "自然灾害",
          "theft": "盗抢", "fire": "火灾"}  # fmt: skip

PINYIN = System(
    name="pinyin initials, text with bars",
    write=text_file("gbk", "|", ".txt"),
    day=lambda day: day.strftime("%Y%m%d"),
    instant=lambda moment: moment.strftime("%Y%m%d %H:%M:%S"),
    last_day=True,
    flag={True: "Y", False: "N"},
    codes={
        "policies.line": LINE_WORDS, "policies.channel": CHANNEL_WORDS, "customers.gender": SEX,
        "policies.private_car": {True: "家庭自用", False: "非营业企业"},
        "policies.business_type": {"new": "新保", "transfer": "转保", "renewal": "续保"},
        "vehicles.kind": {"car": "客车", "van": "货车", "motorbike": "摩托车"},
        "claims.at_fault": {True: "有责", False: "无责"}, "claims.kind": CAUSES,
    },
    files=(
        File("KHXX", "customers", {
            "KHH": "customers.customer_id", "KHXM": "customers.name", "XB": "customers.gender",
            "CSRQ": "customers.birth_date", "SFZH": "-made.identity", "SJH": "customers.phone",
            "DZ": "-made.address", "JDRQ": "customers.registered_at",
        }),
        File("CLXX", "vehicles", {
            "CLBH": "vehicles.vehicle_id", "KHH": "vehicles.customer_id", "CPH": "vehicles.plate",
            "CJH": "vehicles.vin", "FDJH": "-made.engine", "CLZL": "vehicles.kind",
            "CDRQ": "vehicles.first_registered", "ZWS": "vehicles.seats",
            "XCGZJ": "vehicles.list_price",
        }),
        File("BDXX", "policies", {
            "BDH": "policies.policy_id", "TBDH": "-made.proposal", "KHH": "policies.customer_id",
            "CLBH": "policies.vehicle_id", "XZ": "policies.line", "SYXZ": "policies.private_car",
            "QDRQ": "policies.signed_at", "QBRQ": "policies.inception", "ZBRQ": "policies.expiry",
            "TBRQ": "policies.cancelled_on", "QDBF": "policies.written_premium",
            "CCS": "-made.tax", "QD": "policies.channel", "JGDM": "policies.branch",
            "XZX": "policies.business_type", "CZY": "-made.operator",
        }),
        File("LPXX", "claims", {
            "BAH": "claims.claim_id", "BDH": "claims.policy_id", "CXSJ": "claims.occurred_at",
            "CXDD": "-made.place", "BASJ": "claims.reported_at", "CKSJ": "claims.surveyed_at",
            "CXYY": "claims.kind", "SFYZ": "claims.at_fault", "YJPK": "sums.paid",
            "WJPK": "sums.outstanding", "JASJ": "claims.closed_at",
        }),
    ),
)  # fmt: skip

SNAKE = System(
    name="English capitals, by month",
    write=text_file("utf-8", ",", ".csv.gz", csv.QUOTE_ALL),
    instant=lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S"),
    flag={True: "Y", False: "N"},
    codes={
        "policies.line": {"motor_compulsory": "CTPL", "motor_commercial": "COMM",
                          "accident": "PA", "health": "HEALTH", "household": "HOME",
                          "other": "OTHER"},
        "policies.private_car": {True: "PRIVATE", False: "COMPANY"},
        "policies.channel": {"direct": "DIRECT", "telephone": "TELESALES", "online": "WEB",
                             "agent": "AGENT", "broker": "BROKER", "dealer": "DEALER"},
    },
    files=(
        File("CUSTOMER_MASTER", "customers", {
            "CUSTOMER_NBR": "customers.customer_id", "FULL_NAME": "customers.name",
            "ID_CARD_NBR": "-made.identity", "BIRTH_DT": "customers.birth_date",
            "GENDER_CD": "customers.gender", "MOBILE_PHONE_NBR": "customers.phone",
            "EMAIL_ADDR": "-made.email", "CREATION_TS": "customers.registered_at",
        }),
        File("POLICY_TERM", "policies", {
            "POLICY_NBR": "policies.policy_id", "HOLDER_CUSTOMER_NBR": "policies.customer_id",
            "PRODUCT_LINE_CD": "policies.line", "ISSUE_TS": "policies.signed_at",
            "INCEPTION_DT": "policies.inception", "EXPIRATION_DT": "policies.expiry",
            "CANCELLATION_DT": "policies.cancelled_on", "GROSS_PREM_AMT": "?made.gross",
            "NET_PREM_AMT": "policies.written_premium", "COMMISSION_AMT": "-made.commission",
            "SUM_INSURED_AMT": "policies.sum_insured", "VEHICLE_USE_CD": "policies.private_car",
            "LICENSE_PLATE_NBR": "vehicles.plate", "CHASSIS_NBR": "vehicles.vin",
            "ENGINE_NBR": "-made.engine", "SALES_CHANNEL_CD": "policies.channel",
            "BRANCH_CD": "policies.branch", "AGENT_CD": "-made.agent_code",
            "PROPOSAL_NBR": "-made.proposal", "CURRENCY_CD": "-made.currency",
        }, monthly="policies.inception"),
        File("CLAIM_CASE", "claims", {
            "CLAIM_NBR": "claims.claim_id", "POLICY_NBR": "claims.policy_id",
            "LOSS_TS": "claims.occurred_at", "NOTIFICATION_TS": "claims.reported_at",
            "SETTLEMENT_TS": "claims.closed_at", "CAUSE_OF_LOSS_CD": "claims.kind",
            "BODILY_INJURY_IND": "claims.injury", "AT_FAULT_IND": "claims.at_fault",
            "PAID_LOSS_AMT": "sums.paid", "CASE_RESERVE_AMT": "sums.outstanding",
            "CLAIM_STATUS_CD": "-made.case_status",
        }),
    ),
)  # fmt: skip

SHORT = System(
    name="short columns of a database",
    write=text_file("utf-8-sig", "\t", ".TXT"),
    day=lambda day: day.strftime("%d.%m.%Y"),
    instant=lambda moment: moment.strftime("%d.%m.%Y %H:%M:%S"),
    order="dmy",
    codes={
        "policies.line": {"motor_compulsory": "MTPL", "motor_commercial": "CASCO",
                          "accident": "PA", "health": "HL", "household": "HH", "other": "OT"},
        "policies.private_car": {True: "PRIV", False: "COMP"},
        "vehicles.kind": {"car": "CAR", "van": "VAN", "motorbike": "MOTORCYCLE"},
    },
    files=(
        File("VEH", "vehicles", {
            "VEH_ID": "vehicles.vehicle_id", "CUST_ID": "vehicles.customer_id",
            "LIC_PLT": "vehicles.plate", "VIN_CD": "vehicles.vin", "ENG_NO": "-made.engine",
            "VEH_TYP": "vehicles.kind", "FRST_REG_DT": "vehicles.first_registered",
            "SEAT_CNT": "vehicles.seats", "PURCH_PRC": "vehicles.list_price",
            "PWR_KW": "vehicles.power_kw", "KERB_WGT": "vehicles.weight_kg",
        }),
        File("POL", "policies", {
            "POL_NO": "policies.policy_id", "CUST_ID": "policies.customer_id",
            "CUST_NM": "customers.name", "MOB_NO": "customers.phone",
            "DOB": "customers.birth_date", "VEH_ID": "policies.vehicle_id",
            "PROD_CD": "policies.line", "VEH_USG": "policies.private_car",
            "ISS_DT": "policies.signed_at", "EFF_DT": "policies.inception",
            "EXP_DT": "policies.expiry", "CANC_DT": "policies.cancelled_on",
            "WRT_PREM": "policies.written_premium", "SUM_INS": "policies.sum_insured",
            "ORG_CD": "policies.branch", "CRT_USR": "-made.operator",
            "UPD_TM": "policies.recorded_at",
        }),
        File("CLM", "claims", {
            "CLM_NO": "claims.claim_id", "POL_NO": "claims.policy_id",
            "ACC_DT": "claims.occurred_at", "RPT_DT": "claims.reported_at",
            "CLS_DT": "claims.closed_at", "PD_AMT": "sums.paid", "OS_AMT": "sums.outstanding",
            "DRV_NM": "-made.driver", "LOSS_PLC": "-made.place",
        }),
    ),
)  # fmt: skip

_HAND = Book("车险台账", "2026年车险台账 ")
HAND = System(
    name="workbook kept by hand",
    write=_HAND,
    close=_HAND.close,
    day=lambda day: f"{day.year}.{day.month}.{day.day}",
    instant=lambda moment: f"{moment.year}.{moment.month}.{moment.day}",
    money=lambda amount: f"￥{amount:,.2f}",
    flag={True: "是", False: "否"},
    codes={"policies.private_car": {True: "家用", False: "单位"}, "customers.gender": SEX,
           "claims.kind": CAUSES},
    files=(
        File("承保台账", "vehicle_years", {
            "客户/编号": "policies.customer_id", "客户/姓名": "customers.name",
            "客户/电话": "customers.phone", "车辆/车牌": "vehicles.plate",
            "车辆/车架号": "vehicles.vin", "车辆/品牌": "-made.brand",
            "车辆/初登": "vehicles.first_registered", "车辆/性质": "policies.private_car",
            "保期/出单": "policies.signed_at", "保期/起": "policies.inception",
            "保期/止": "policies.expiry", "交强险/保单号": "jq.policy_id",
            "交强险/保费": "jq.written_premium", "商业险/保单号": "sy.policy_id",
            "商业险/保费": "sy.written_premium", "其他/车船税": "-made.tax",
            "其他/备注": "-made.remark",
        }),
        File("出险台账", "claims", {
            "案件号": "claims.claim_id", "保单号": "claims.policy_id", "车牌": "vehicles.plate",
            "出险日": "claims.occurred_at", "报案日": "claims.reported_at",
            "原因": "claims.kind", "伤人": "claims.injury", "赔付额": "sums.paid",
            "未决额": "sums.outstanding", "结案": "claims.closed_at",
            "跟进人": "-made.operator_name",
        }),
    ),
)  # fmt: skip

DEALER = System(
    name="dealer group, customers' list",
    write=text_file("gb18030", ",", ".csv"),
    day=lambda day: f"{day.year}/{day.month}/{day.day}",
    instant=lambda moment: moment.strftime("%Y/%m/%d %H:%M"),
    last_day=True,
    codes={
        "policies.line": {**LINE_WORDS, "motor_commercial": "商业车险"},
        "policies.private_car": {True: "非营业个人", False: "非营业企业"},
        "policies.business_type": {"new": "新车投保", "transfer": "外部转入",
                                   "renewal": "本店续保"},
        "vehicles.energy": {"petrol": "汽油", "diesel": "柴油", "hybrid": "油混", "plug_in": "插混",
                            "electric": "纯电"},
    },
    files=(
        File("投保明细", "policies", {
            "门店": "policies.branch", "会员卡号": "policies.customer_id",
            "车主名": "customers.name", "车主手机": "customers.phone",
            "身份证": "-made.identity", "车牌号码": "vehicles.plate", "VIN码": "vehicles.vin",
            "车系": "-made.brand", "动力形式": "vehicles.energy", "车身颜色": "-made.colour",
            "裸车价": "vehicles.list_price", "上牌时间": "vehicles.first_registered",
            "用车性质": "policies.private_car", "投保险种": "policies.line",
            "保险单号码": "policies.policy_id", "出单时间": "policies.signed_at",
            "保险生效日": "policies.inception", "保险失效日": "policies.expiry",
            "实收保费": "policies.written_premium", "返点": "-made.rate",
            "投保类型": "policies.business_type", "上年投保公司": "policies.previous_insurer",
            "续保专员": "-made.operator_name",
        }, monthly="policies.signed_at"),
        File("事故车明细", "claims", {
            "赔案号码": "claims.claim_id", "关联保单": "claims.policy_id",
            "出事时间": "claims.occurred_at", "报案日期": "claims.reported_at",
            "出事地点": "-made.place", "定损日期": "claims.assessed_at",
            "赔款到账日": "claims.paid_at", "结案日期": "claims.closed_at",
            "赔款": "sums.paid", "预估金额": "sums.outstanding",
        }),
    ),
)  # fmt: skip

GERMAN = System(
    name="German, decimal comma",
    write=text_file("utf-8", ";", ".csv"),
    day=lambda day: day.strftime("%d.%m.%Y"),
    instant=lambda moment: moment.strftime("%d.%m.%Y %H:%M"),
    money=lambda amount: f"{amount:,.2f}".translate(str.maketrans(",.", ".,")),
    flag={True: "ja", False: "nein"},
    order="dmy",
    decimal=",",
    codes={
        "policies.line": {"motor_compulsory": "Haftpflicht", "motor_commercial": "Kasko",
                          "accident": "Unfall", "health": "Kranken", "household": "Hausrat",
                          "other": "Sonstige"},
        "policies.private_car": {True: "privat", False: "gewerblich"},
        "customers.gender": {"M": "männlich", "F": "weiblich"},
        "policies.channel": {"direct": "Direkt", "telephone": "Telefon", "online": "Online",
                             "agent": "Vertreter", "broker": "Makler", "dealer": "Autohaus"},
    },
    files=(
        File("Kunden", "customers", {
            "Kundennummer": "customers.customer_id", "Name": "customers.name",
            "Geburtsdatum": "customers.birth_date", "Geschlecht": "customers.gender",
            "Mobilnummer": "customers.phone", "Anschrift": "-made.address",
            "Angelegt am": "customers.registered_at",
        }),
        File("Verträge", "policies", {
            "Vertragsnummer": "policies.policy_id", "Kundennummer": "policies.customer_id",
            "Sparte": "policies.line", "Abschlussdatum": "policies.signed_at",
            "Versicherungsbeginn": "policies.inception", "Versicherungsende": "policies.expiry",
            "Kündigungsdatum": "policies.cancelled_on",
            "Jahresbeitrag netto": "policies.written_premium", "Provision": "-made.commission",
            "Kennzeichen": "vehicles.plate", "Fahrgestellnummer": "vehicles.vin",
            "Erstzulassung": "vehicles.first_registered", "Nutzung": "policies.private_car",
            "Vertriebsweg": "policies.channel", "Geschäftsstelle": "policies.branch",
        }),
        File("Schäden", "claims", {
            "Schadennummer": "claims.claim_id", "Vertragsnummer": "claims.policy_id",
            "Schadendatum": "claims.occurred_at", "Meldedatum": "claims.reported_at",
            "Schadenursache": "claims.kind", "Personenschaden": "claims.injury",
            "Schadenort": "-made.place", "Zahlungen": "sums.paid",
            "Reserve": "sums.outstanding", "Abschlussdatum": "claims.closed_at",
        }),
    ),
)  # fmt: skip

SYSTEMS = (PINYIN, SNAKE, SHORT, HAND, DEALER, GERMAN)
