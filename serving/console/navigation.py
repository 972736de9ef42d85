"""List the pages of the console, with the scope that each requires, in the order of the menu."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ANYBODY = "*"
"""Marks an address that needs no session."""
SIGNED_IN = ""
"""Marks an address that needs a session and no scope."""


@dataclass(frozen=True)
class MenuPage:
    """A page in the menu.

    Attributes
    ----------
    path : str
        Its address.
    chinese, english : str
        Its name.
    scope : str
        What a user must have to see it; "" for every user.
    """

    path: str
    chinese: str
    english: str
    scope: str


MENU: Mapping[tuple[str, str], tuple[MenuPage, ...]] = MappingProxyType(
    {
        ("每日", "Every day"): (
            MenuPage("/console/today", "今日", "Today", "home:read"),
            MenuPage("/console/monday", "周报", "Monday", "reports:read"),
        ),
        ("营销", "Marketing"): (
            MenuPage("/console/lists", "名单", "Lists", "lists:read"),
            MenuPage("/console/campaigns", "活动", "Campaigns", "campaigns:read"),
        ),
        ("客户", "Customers"): (
            MenuPage("/console/customers", "客户", "Customers", "customers:read"),
            MenuPage("/console/reviews", "人工复核", "Reviews", "reviews:read"),
        ),
        ("经营", "Business"): (
            MenuPage("/console/stars", "星级", "Stars", "reports:read"),
            MenuPage("/console/experience", "体验", "Experience", "reports:read"),
            MenuPage("/console/relationship", "关系阶段", "Relationship", "reports:read"),
            MenuPage("/console/service-effect", "服务效果", "Service effect", "reports:read"),
            MenuPage("/console/accounts", "客户账户", "Accounts", "reports:read"),
        ),
        ("目录", "Catalogues"): (
            MenuPage("/console/touchpoints", "触点", "Touchpoints", "touchpoints:read"),
            MenuPage("/console/tags", "标签与分群", "Tags and segments", "tags:read"),
            MenuPage("/console/models", "模型", "Models", "metrics:read"),
            MenuPage("/console/policy", "策略", "Policy", "touchpoints:read"),
        ),
        ("运行", "Operation"): (
            MenuPage("/console/data", "数据", "Data", "home:read"),
            MenuPage("/console/compliance", "合规", "Compliance", "decisions:read"),
        ),
    }
)
"""Groups of the menu, each with its pages."""

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "GET /console": SIGNED_IN,
        "GET /console/login": ANYBODY,
        "POST /console/login": ANYBODY,
        "GET /console/provider": ANYBODY,
        "GET /console/provider/return": ANYBODY,
        "POST /console/logout": SIGNED_IN,
        "GET /console/language": ANYBODY,
        "GET /console/style": SIGNED_IN,
        "GET /console/today": "home:read",
        "GET /console/customers": "customers:read",
        "GET /console/customers/{customer_id}": "customers:read",
        "GET /console/customers/{customer_id}/star": "customers:read",
        "GET /console/customers/{customer_id}/rights": "customers:read",
        "GET /console/customers/{customer_id}/due": "customers:read",
        "GET /console/customers/{customer_id}/exports": "decisions:read",
        "GET /console/lists": "lists:read",
        "GET /console/lists/{name}": "lists:read",
        "GET /console/lists/{name}/preview": "lists:read",
        "GET /console/lists/{name}/behind/{rule}": "lists:read",
        "GET /console/lists/{name}/behind/{rule}/part": "lists:read",
        "GET /console/lists/{name}/why": "lists:read",
        "GET /console/lists/{name}/why/part": "lists:read",
        "POST /console/lists/{name}/releases": "lists:release",
        "GET /console/lists/{name}/releases/{release_id}": "lists:read",
        "POST /console/lists/{name}/releases/{release_id}": "lists:release",
        "GET /console/lists/{name}/releases/{release_id}/file": "lists:export",
        "GET /console/list-builder": "lists:read",
        "POST /console/list-builder/look": "lists:read",
        "GET /console/list-builder/tag/{name}": "lists:read",
        "POST /console/list-builder": "lists:write",
        "GET /console/campaigns": "campaigns:read",
        "GET /console/campaigns/{name}": "campaigns:read",
        "GET /console/campaigns/{name}/measurement": "campaigns:read",
        "POST /console/campaigns/{name}/launch": "campaigns:write",
        "POST /console/campaigns/{name}/stop": "campaigns:write",
        "GET /console/campaign-plan": "campaigns:write",
        "POST /console/campaign-plan": "campaigns:write",
        "GET /console/monday": "reports:read",
        "GET /console/experience": "reports:read",
        "GET /console/stars": "reports:read",
        "GET /console/relationship": "reports:read",
        "GET /console/service-effect": "reports:read",
        "GET /console/accounts": "reports:read",
        "GET /console/accounts/part": "reports:read",
        "GET /console/policy": "touchpoints:read",
        "POST /console/policy/simulations": "reports:read",
        "GET /console/policy/simulations/{work_id}": "reports:read",
        "GET /console/reports/{kind}/part": "reports:read",
        "GET /console/reports/{kind}/file": "reports:read",
        "GET /console/reviews": "reviews:read",
        "POST /console/reviews/{review_id}": "reviews:answer",
        "GET /console/touchpoints": "touchpoints:read",
        "GET /console/touchpoints/{name}": "touchpoints:read",
        "GET /console/tags": "tags:read",
        "GET /console/tags/{name}": "tags:read",
        "GET /console/models": "metrics:read",
        "GET /console/models/{name}": "metrics:read",
        "GET /console/models/{name}/{act}": "models:promote",
        "POST /console/models/{name}/{act}": "models:promote",
        "GET /console/model-acts/{work_id}": "metrics:read",
        "GET /console/data": "home:read",
        "GET /console/data/deliveries": "home:read",
        "GET /console/data/quarantine": "home:read",
        "GET /console/data/quality": "home:read",
        "GET /console/compliance": "decisions:read",
        "GET /console/compliance/{decision_id}": "decisions:read",
        "GET /console/{path:path}": SIGNED_IN,
    }
)
"""Addresses of the console with the scope that each requires."""


def scope_of_page(method: str, path: str) -> str:
    """Look up the scope of an address of the console.

    Raises
    ------
    KeyError
        If `SCOPES` does not have it: the service does not start, so that no page is open by
        mistake.
    """
    return SCOPES[f"{method} {path}"]
