"""Assign touchpoints 触点 to families by their names.

Insurers name their touchpoints. Those of the shipped catalogue are listed here; any other belongs
to the family that its name begins with (`renewal_45d`), else to `other`.
"""

import ibis
import ibis.expr.types as ir

FAMILIES = {
    "underwriting": "承保环节",
    "service": "服务使用",
    "care": "个性化关怀",
    "claims": "理赔服务",
    "vehicle": "车辆养护",
    "win_back": "脱保挽回",
    "renewal": "续保",
}
OTHER = "other"

TOUCHPOINTS = {
    "underwriting": (
        "e_signature_and_payment",
        "thanks_and_policy_notice",
        "plate_endorsement_reminder",
    ),
    "service": (
        "mini_program_follow",
        "entitlement_notice",
        "entitlement_activation",
        "entitlement_follow_up",
        "entitlement_use_reminder",
        "underwriting_satisfaction",
        "account_manager_notice",
        "service_reminder",
    ),
    "care": ("birthday", "holiday", "special_weather"),
    "claims": (
        "accident_care",
        "survey_satisfaction",
        "payment_confirmation",
        "claims_satisfaction",
    ),
    "vehicle": ("new_car_maintenance", "new_car_care", "battery_care"),
    "win_back": ("win_back_1m", "win_back_3m", "win_back_6m", "win_back_11m"),
    "renewal": (
        "renewal_60d",
        "renewal_30d",
        "renewal_15d",
        "renewal_7d",
        "renewal_1d",
        "quote_reached",
        "quote_viewed_not_paid",
    ),
}
"""Family -> its touchpoints."""


def family_of(touchpoint: ir.Value) -> ir.Value:
    """Return the family of a touchpoint, `other` if its name matches none.

    Listed names come before prefixes: `underwriting_satisfaction` is a service call.
    """
    by_name = [(touchpoint.isin(names), family) for family, names in TOUCHPOINTS.items()]
    by_prefix = [
        ((touchpoint == family) | touchpoint.startswith(f"{family}_"), family)
        for family in FAMILIES
    ]
    return ibis.cases(*by_name, *by_prefix, else_=OTHER)
