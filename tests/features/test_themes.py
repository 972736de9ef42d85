"""Every tag has a meaning, and nothing about a person goes under another name."""

from dataclasses import replace

import pytest

from features.online.model_tags import SHARED_SETS, SLICE_TAGS
from features.tags.catalogue import catalogue
from features.tags.themes import THEMES, theme_of


def test_every_tag_has_a_theme_and_every_theme_a_tag() -> None:
    found = {theme_of(name, tag).name for name, tag in catalogue().items()}
    # What only a request says may be of no theme; no tag is.
    assert found == set(THEMES) - {"other"}


def test_what_is_told_of_a_person_is_protected_and_nothing_else() -> None:
    protected = {name for name, tag in catalogue().items() if theme_of(name, tag).protected}
    assert protected == {"age_years", "days_to_next_birthday", "gender", "licence_years"}


@pytest.mark.parametrize("name", ["driver_age", "sex", "birth_year", "owner_gender", "age_band"])
def test_a_proxy_by_name_is_protected_though_no_tag(name: str) -> None:
    assert theme_of(name).protected


def test_no_group_makes_a_protected_trait_anything_else() -> None:
    for group in ("distance_km_30d", "claim_count_36m", "contact_count_90d"):
        named = replace(catalogue()[group], name="driver_age_years")
        assert theme_of(named.name, named).protected


@pytest.mark.parametrize(
    ("name", "theme"),
    [
        ("vehicle_age_years", "vehicle"),
        ("oldest_vehicle_age_years", "vehicle"),
        ("claim_count_36m", "claims"),
        ("largest_claim_36m", "claims"),
        ("survey_delay_days_36m", "claims"),
        ("renewal_quote_change_ratio", "price"),
        ("premium_change_ratio", "price"),
        ("price_sensitivity_score", "price"),
        ("service_sensitivity_score", "service"),
        ("entitlement_used_count_365d", "service"),
        ("service_contact_count_365d", "contact"),
        ("complaint_count_36m", "satisfaction"),
        ("tenure_years", "tenure"),
        ("customer_value", "value"),
        ("holds_health", "products"),
        ("driver_accident_cover", "cover"),
        ("quote_viewed_count_90d", "quotes"),
        ("harsh_brakings_per_100km_90d", "driving"),
        ("branch", "channel"),
        ("city_tier", "region"),
        ("days_to_motor_expiry", "expiry"),
    ],
)
def test_each_tag_belongs_to_its_theme(name: str, theme: str) -> None:
    assert theme_of(name, catalogue()[name]).name == theme


def test_a_family_is_of_one_theme() -> None:
    by_prefix: dict[str, set[str]] = {}
    for name, tag in catalogue().items():
        head, _, window = name.rpartition("_")
        if window in ("7d", "30d", "90d", "180d", "365d", "36m", "ever"):
            by_prefix.setdefault(head, set()).add(theme_of(name, tag).name)
    assert [head for head, themes in by_prefix.items() if len(themes) > 1] == []


def test_slice_tags_are_declared_and_gender_is_no_feature() -> None:
    assert set(SLICE_TAGS) <= set(catalogue())
    assert not any("gender" in tag_set.tags for tag_set in SHARED_SETS)
