"""Name the values of tags that have a closed set of them, with their Chinese labels."""

from collections.abc import Mapping

from features.contracts.vocabulary import (
    CHANNEL_LABELS,
    CONTACT_CHANNEL_LABELS,
    CONTACT_RESULT_LABELS,
    NON_MOTOR_LABELS,
)
from features.tags.groups.life_cycle import STAGES
from features.tags.relations.day_parts import PARTS
from features.tags.relations.touchpoint_families import FAMILIES, OTHER

BUSINESS_TYPES = {"new": "新保", "transfer": "转保", "renewal": "续保"}
LEVELS = {"low": "低", "medium": "中", "high": "高"}
OTHERS = {OTHER: "其他"}

CODES: Mapping[str, Mapping[str, str]] = {
    "gender": {"F": "女", "M": "男"},
    "city_tier": {"1": "一线", "new_1": "新一线", "2": "二线", "3_and_below": "三线及以下"},
    "channel": CHANNEL_LABELS,
    "first_channel": CHANNEL_LABELS,
    "preferred_purchase_channel": CHANNEL_LABELS,
    "business_type": BUSINESS_TYPES,
    "first_business_type": BUSINESS_TYPES,
    "vehicle_energy": {
        "petrol": "汽油",
        "diesel": "柴油",
        "hybrid": "油电混动",
        "plug_in": "插电混动",
        "electric": "纯电",
    },
    "vehicle_kind": {
        "car": "客车",
        "van": "货车",
        "motorbike": "摩托车",
        "agricultural": "农用车",
    },
    "vehicle_garage_area": {"urban": "城区", "rural": "乡村"},
    "open_claim_stage": {
        "report": "报案",
        "survey": "查勘",
        "assess": "定损",
        "adjust": "理算",
        "pay": "赔付",
    },
    "preferred_non_motor_line": NON_MOTOR_LABELS,
    "first_non_motor_line": {**NON_MOTOR_LABELS, **OTHERS},
    "preferred_view_part_of_day_36m": PARTS,
    "best_contact_part_of_day_36m": PARTS,
    "price_sensitivity": LEVELS,
    "service_sensitivity": LEVELS,
    "last_contact_channel": CONTACT_CHANNEL_LABELS,
    "best_contact_channel_36m": CONTACT_CHANNEL_LABELS,
    "last_contact_family": {**FAMILIES, **OTHERS},
    "last_contact_result": CONTACT_RESULT_LABELS,
    "first_online_entry": {"mini_program": "小程序", "wecom": "企业微信", "same_day": "同日"},
    "life_cycle_stage": STAGES,
}
"""Tag -> code -> Chinese label; a tag of texts that is not here has an open set of values."""
