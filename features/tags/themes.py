"""Assign tags to themes (price, claims, tenure, service use ...), for reasons and importance.

A theme follows from where a tag is declared (its group and relation) and, where that is not
specific, from the words of its name. So a new tag has a theme without an entry in a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from features.tags.declare import Tag


@dataclass(frozen=True)
class Theme:
    """A meaning that several tags share.

    Attributes
    ----------
    name, chinese, english : str
        Its name in code, and as readers see it.
    protected : bool
        True if its tags may move a model but are never shown as a reason.
    """

    name: str
    chinese: str
    english: str
    protected: bool = False


THEMES: dict[str, Theme] = {
    theme.name: theme
    for theme in (
        Theme("person", "个人属性", "personal traits", protected=True),
        Theme("price", "价格与保费", "price and premium"),
        Theme("quotes", "报价与询价", "quotes"),
        Theme("cover", "保障与投保", "cover"),
        Theme("claims", "理赔经历", "claims"),
        Theme("tenure", "留存与续保", "tenure and renewals"),
        Theme("value", "星级与价值", "star and value"),
        Theme("products", "非车险产品", "other products"),
        Theme("service", "权益与服务", "service use"),
        Theme("contact", "触达与互动", "contact"),
        Theme("satisfaction", "满意与投诉", "satisfaction"),
        Theme("channel", "渠道与机构", "channel and branch"),
        Theme("region", "地区", "region"),
        Theme("vehicle", "车辆", "vehicle"),
        Theme("driving", "驾驶行为", "driving"),
        Theme("expiry", "到期时间", "time to expiry"),
        Theme("other", "其他", "other"),
    )
}
# The first theme with a word of the tag's name. `vehicle` stands before `person`: a vehicle has an
# age too.
_WORDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("vehicle", frozenset({"vehicle"})),
    (
        "person",
        frozenset(
            {"gender", "sex", "age", "birth", "birthday", "licence", "nationality", "marital"}
        ),
    ),
    ("satisfaction", frozenset({"survey", "complaint", "complaints", "disputed"})),
    ("claims", frozenset({"claim", "claims"})),
    ("expiry", frozenset({"expiry", "lead"})),
    ("region", frozenset({"city", "garage"})),
    ("products", frozenset({"non", "accident", "health", "household", "products", "product"})),
    ("channel", frozenset({"channel", "channels", "branch", "manager", "managers", "insurer"})),
    ("price", frozenset({"premium", "premiums", "price", "pricing", "ncd", "refund"})),
    ("service", frozenset({"service", "services", "entitlement", "entitlements"})),
    ("quotes", frozenset({"quote", "quotes", "quoted"})),
    ("value", frozenset({"star", "value"})),
    ("tenure", frozenset({"tenure", "renewal", "renewals"})),
)
# Groups and relations that decide the theme, because the words of names would mislead.
_GROUPS: Mapping[str, str] = {
    "claims": "claims",
    "engagement": "contact",
    "entitlements": "service",
    "telematics": "driving",
    "vehicle_care": "vehicle",
}
_RELATIONS: Mapping[str, str] = {
    "cases": "satisfaction",
    "claims": "claims",
    "claim_amounts": "claims",
    "insured_vehicle": "vehicle",
    "vehicles_in_force": "vehicle",
    "rating": "value",
    "non_motor_terms": "products",
    "entitlements": "service",
    "interactions": "contact",
    "cover_chains": "tenure",
}
# Themes of groups where neither relation nor words decide.
_DEFAULTS: Mapping[str, str] = {
    "underwriting": "cover",
    "behaviour": "quotes",
    "loyalty": "tenure",
}
# Tags for which both would mislead.
_EXCEPTIONS: Mapping[str, str] = {
    "month_ahead": "expiry",
    "driver_accident_cover": "cover",
    "tenure_years": "tenure",
    "lapsed": "tenure",
    "third_party_limit_to_usual": "cover",
    "vehicle_garage_area": "region",
    "premium_to_list_price": "price",
    "premium_per_vehicle": "price",
    "policies_per_vehicle": "cover",
    "renewal_quote_change_ratio": "price",
    "renewal_quote_spread": "price",
    "motor_premium_36m": "price",
    "business_type": "tenure",
    "first_business_type": "tenure",
}


def theme_of(name: str, tag: Tag | None = None) -> Theme:
    """Return the theme of a column of a model.

    Parameters
    ----------
    name : str
        Name of the column.
    tag : Tag, optional
        Its declaration; if it is no tag (but a field of the request), the name alone decides.

    Examples
    --------
    >>> theme_of("age_years").protected, theme_of("vehicle_age_years").name
    (True, 'vehicle')
    >>> theme_of("lead_days").name
    'expiry'
    """
    return THEMES[_theme(name, *(("", "") if tag is None else (tag.group, tag.relation or "")))]


@cache
def _theme(name: str, group: str, relation: str) -> str:
    if name in _EXCEPTIONS:
        return _EXCEPTIONS[name]
    words = set(name.split("_"))
    by_word = next((theme for theme, keywords in _WORDS if keywords & words), None)
    # A protected trait stays one in any group.
    if by_word == "person" or not group:
        return by_word or "other"
    by_place = _RELATIONS.get(relation) or _GROUPS.get(group)
    return by_place or by_word or _DEFAULTS[group]
