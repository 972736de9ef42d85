"""Which tags each model uses, listed once; training and serving ask by the model's name.

Left out on purpose: gender (a protected attribute), identifiers, and `customer_value_exact`, which
is text for people.
"""

from collections.abc import Mapping, Sequence

from feast import FeatureService, FeatureView

from features.errors import GuanjiaError

FORBIDDEN = frozenset({"gender", "customer_value_exact", "customer_id"})
"""Tags that no model may use."""

_CUSTOMER = (
    "channel",
    "branch",
    "city_tier",
    "age_years",
    "vehicle_age_years",
    "new_energy",
    "ncd_level",
    "motor_policies_in_force",
    "commercial_premium_current",
    "premium_change_ratio",
    "star_level",
    "customer_value",
    "tenure_years",
)
_EXPIRY = ("days_to_commercial_expiry", "days_to_motor_expiry")
_QUOTES = ("renewal_quote_premium", "renewal_quote_change_ratio")
_HOLDINGS = ("holds_accident", "holds_health", "holds_household")

SERVICES: dict[str, tuple[str, ...]] = {
    # Lead days stand in for days_to_commercial_expiry: they are the same at request time.
    "renewal": (*_CUSTOMER, *_QUOTES, *_HOLDINGS),
    "churn": (*_CUSTOMER, *_EXPIRY, *_QUOTES, *_HOLDINGS),
    "cross_sell_accident": (*_CUSTOMER, *_EXPIRY, "holds_health", "holds_household"),
    "cross_sell_health": (*_CUSTOMER, *_EXPIRY, "holds_accident", "holds_household"),
    "cross_sell_household": (*_CUSTOMER, *_EXPIRY, "holds_accident", "holds_health"),
}
"""Model name -> the names of its tags."""


def feature_services(
    views: Sequence[FeatureView], services: Mapping[str, Sequence[str]] = SERVICES
) -> list[FeatureService]:
    """The Feast services over the given views.

    Raises
    ------
    GuanjiaError
        If a service names a tag that no view has, one twice, or one no model may use.
    """
    home = {field.name: view for view in views for field in view.features}
    found = []
    for name, tags in services.items():
        _check(name, tags, home)
        parts = []
        for view in views:
            chosen = [tag for tag in tags if home[tag] is view]
            if chosen:
                parts.append(view[chosen])
        found.append(
            FeatureService(name=name, features=parts, description=f"Tags of the model {name}.")
        )
    return found


def _check(name: str, tags: Sequence[str], home: Mapping[str, FeatureView]) -> None:
    unknown = sorted(set(tags) - set(home))
    if unknown:
        raise GuanjiaError(
            f"service {name}",
            f"names tags that are not declared: {', '.join(unknown)}",
            "declare them in features/tags or correct features/services.py",
        )
    forbidden = sorted(FORBIDDEN & set(tags))
    if forbidden:
        raise GuanjiaError(
            f"service {name}",
            f"names tags that no model may use: {', '.join(forbidden)}",
            "remove them from features/services.py",
        )
    if len(set(tags)) < len(tags):
        raise GuanjiaError(
            f"service {name}", "names a tag twice", "list each once in features/services.py"
        )
