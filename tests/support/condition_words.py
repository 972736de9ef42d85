"""A small vocabulary of conditions: a column of every kind, and two segments."""

from features.condition_forms.vocabulary import Column, SegmentWords, Vocabulary

STARS = {1: "青铜", 2: "白银", 3: "黄金", 4: "铂金", 5: "钻石"}
CHANNELS = {"agent": "代理", "online": "网销", "broker": "经纪"}
BRANCHES = {"B01", "广州分公司", "和平或且支公司", "China Life P&C"}
COLUMNS = (
    Column("star_level", "星级", "number", ("客户星级",), "星", STARS, lowest=1, highest=5),
    Column("renewal", "续保概率", "number", is_share=True, lowest=0, highest=1),
    Column("churn", "180天流失概率", "number", is_share=True, lowest=0, highest=1),
    Column("customer_value", "客户价值", "number", ("客户价值（元）",), "元"),
    Column("channel", "渠道", "text", codes=CHANNELS),
    Column("branch", "机构", "text", values=lambda: BRANCHES),
    Column("new_energy", "新能源车", "yes or no"),
    Column("claims_365d", "近365天赔款（已决+未决）", "number", unit="元"),
    Column("claims_36m", "近36个月赔款（已决+未决）", "number", unit="元"),
    Column("age_years", "年龄", "number", unit="年"),
    Column("non_motor", "非车险保单数", "number", unit="张"),
    Column("power", "功率", "number", unit="千瓦"),
    Column("old", "旧标签", "text"),
)
SEGMENTS = {
    "loyal": SegmentWords("忠诚客户", "star_level >= 3 and new_energy"),
    "aged": SegmentWords("年龄", "age_years >= 60"),
}
WORDS = Vocabulary({column.name: column for column in COLUMNS}, SEGMENTS)
