"""Name the items, businesses and levels of customer accounts, and what of them may be missing."""

from typing import Literal

BUSINESSES = ("motor", "non_motor", "unallocated")
BUSINESS_LABELS = {"motor": "车险", "non_motor": "非车险", "unallocated": "未分摊"}
COSTS = ("service_cost", "contact_cost", "acquisition_cost", "other_cost")
ITEMS = ("written_premium", "earned_premium", "claims", *COSTS, "booked_again")
ITEM_LABELS = {
    "written_premium": "签单保费",
    "earned_premium": "已赚保费",
    "claims": "已发生赔款",
    "service_cost": "服务成本",
    "contact_cost": "触达成本",
    "acquisition_cost": "获客成本",
    "other_cost": "其他费用",
    "profit": "利润（签单）",
    "earned_profit": "利润（已赚）",
    "booked_again": "重复入账（未计）",
}
Level = Literal["customer", "household", "manager", "branch"]
LEVELS: dict[Level, str] = {
    "customer": "客户",
    "household": "家庭",
    "manager": "客户经理",
    "branch": "机构",
}
DETAILS = ("claim_movements", "entitlements", "interactions", "costs")
"""Tables that may be missing."""
TABLES = ("customers", "policies", "claims", *DETAILS)
"""Tables that an account is computed from."""
