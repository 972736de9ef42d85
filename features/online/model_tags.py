"""List the tags that models use; training and serving read the same list.

A model's declaration (`training.models`) names one of these sets, or has one of its own.

Left out on purpose: gender (a protected attribute), identifiers, `customer_value_exact` (text for
people), and consents, opt-outs and `touchpoints_contacted`, which are gates before a contact and
not evidence for one.
"""

from dataclasses import dataclass

from features.errors import GuanjiaError

FORBIDDEN = frozenset(
    {
        "gender",
        "customer_id",
        "customer_value_exact",
        "marketing_consent",
        "profiling_consent",
        "location_consent",
        "consents_granted",
        "days_since_last_consent_change",
        "latest_consents",
        "opted_out",
        "sms_opted_out",
        "wechat_opted_out",
        "wecom_opted_out",
        "phone_opted_out",
        "touchpoints_contacted",
    }
)
"""Tags that no model may use."""

_COVER = (
    "age_years",
    "licence_years",
    "city_tier",
    "branch",
    "channel",
    "business_type",
    "motor_policies_in_force",
    "motor_vehicles_in_force",
    "motor_policies_ever",
    "motor_policies_ahead",
    "motor_policies_cancelled",
    "commercial_premium_current",
    "commercial_premium_previous",
    "compulsory_premium_current",
    "motor_premium_in_force",
    "ncd_level",
    "ncd_level_change",
    "pricing_factor",
    "third_party_limit",
    "sum_insured",
    "driver_accident_cover",
    "second_driver",
    "commercial_term_number",
    "premium_change_ratio",
    "premium_to_list_price",
    "compulsory_only",
    "commercial_expiry_month",
    "first_business_type",
    "first_channel",
    "preferred_purchase_channel",
    "transferred_vehicles_ever",
    "premium_change_ratio_before",
)
_VEHICLE = (
    "vehicle_age_years",
    "new_energy",
    "vehicle_energy",
    "vehicle_kind",
    "vehicle_list_price",
    "vehicle_power_kw",
    "vehicle_weight_kg",
    "vehicle_engine_cc",
    "vehicle_doors",
    "vehicle_length_m",
    "vehicle_seats",
    "vehicle_garage_area",
)
_EXPIRY = (
    "days_to_commercial_expiry",
    "days_to_compulsory_expiry",
    "days_to_motor_expiry",
)
_CLAIMS = (
    "claim_count_90d",
    "claim_count_365d",
    "claim_count_36m",
    "claim_count_ever",
    "at_fault_claim_count_365d",
    "at_fault_claim_count_36m",
    "injury_claim_count_36m",
    "days_since_last_claim",
    "open_claims",
    "days_since_oldest_open_claim",
    "payment_delay_days_36m",
    "claims_paid_365d",
    "claims_incurred_365d",
    "claims_incurred_36m",
    "largest_claim_36m",
    "claims_ratio_36m",
    "commercial_claim_frequency",
)
_QUOTES = (
    "quote_count_30d",
    "quote_count_90d",
    "quote_count_365d",
    "quote_viewed_count_90d",
    "quote_viewed_count_365d",
    "quote_channels_365d",
    "non_motor_quote_count_365d",
    "accident_quote_count_365d",
    "accident_quote_count_36m",
    "health_quote_count_365d",
    "health_quote_count_36m",
    "household_quote_count_365d",
    "household_quote_count_36m",
    "days_since_last_quote",
    "renewal_quote_count",
    "renewal_quote_premium",
    "renewal_quote_change_ratio",
    "renewal_quote_spread",
    "renewal_quote_delivered",
    "renewal_quote_viewed",
    "days_since_renewal_quote",
    "price_increases_accepted",
    "price_increase_acceptance_share",
    "largest_premium_increase",
    "channel_switches",
    "third_party_limit_reductions",
    "days_signed_before_inception",
    "last_minute_signings",
    "quote_viewed_share_90d",
    "broker_quote_count_365d",
    "days_since_last_quote_view",
    "price_sensitivity",
    "price_sensitivity_score",
)
_ENGAGEMENT = (
    "contact_count_90d",
    "contact_count_365d",
    "contact_reached_count_90d",
    "contact_reached_count_365d",
    "contact_response_count_90d",
    "contact_response_count_365d",
    "inbound_contact_count_90d",
    "inbound_contact_count_365d",
    "contact_refused_count_365d",
    "days_since_last_contact",
    "days_since_last_response",
    "mini_program_bound",
    "wecom_added",
    "entitlement_granted_count_365d",
    "entitlement_used_count_365d",
    "entitlement_used_count_36m",
    "days_since_last_entitlement_use",
    "survey_score_last",
    "survey_score_mean_36m",
    "complaint_count_365d",
    "complaint_count_36m",
    "open_complaints",
    "contact_response_share_365d",
    "entitlement_use_ratio_365d",
    "phone_response_share_365d",
    "contacts_since_last_response",
    "entitlement_use_ratio_36m",
    "services_used_ever",
    "entitlement_use_delay_days_36m",
    "entitlement_expired_share_36m",
    "service_sensitivity",
    "service_sensitivity_score",
)
_LOYALTY = (
    "star_level",
    "customer_value",
    "tenure_years",
    "star_premium_5y",
    "star_claims_5y",
    "days_since_first_motor_term",
    "commercial_renewals_ever",
    "vehicles_ever",
    "cover_gaps_ever",
    "long_cover_gaps_ever",
    "longest_cover_gap_days",
    "holds_accident",
    "accident_policies_ever",
    "holds_health",
    "health_policies_ever",
    "holds_household",
    "household_policies_ever",
    "products_held",
    "non_motor_premium_in_force",
    "days_since_last_non_motor_signing",
    "days_since_registration",
    "life_cycle_stage",
    "renewals_in_chain",
)
# How a car is driven, if its owner consented to the recording.
_DRIVING = (
    "annual_distance_km",
    "distance_km_365d",
    "distance_km_per_driven_day_90d",
    "night_distance_share_365d",
    "harsh_accelerations_per_100km_365d",
    "harsh_brakings_per_100km_365d",
    "harsh_cornerings_per_100km_365d",
    "speeding_seconds_per_100km_365d",
)
# What may change the effect of a contact: channel, habit, price and claims, past reactions, tastes.
_EFFECT = (
    "age_years",
    "city_tier",
    "channel",
    "business_type",
    "first_channel",
    "commercial_term_number",
    "tenure_years",
    "renewals_in_chain",
    "days_since_first_motor_term",
    "commercial_premium_current",
    "commercial_premium_previous",
    "premium_change_ratio",
    "premium_change_ratio_before",
    "pricing_factor",
    "ncd_level",
    "ncd_level_change",
    "third_party_limit",
    "vehicle_list_price",
    "vehicle_age_years",
    "new_energy",
    "claim_count_365d",
    "claim_count_36m",
    "at_fault_claim_count_365d",
    "claims_incurred_365d",
    "commercial_claim_frequency",
    "contact_count_365d",
    "contact_response_count_365d",
    "contact_response_share_365d",
    "phone_contact_count_365d",
    "phone_response_share_365d",
    "wecom_response_share_365d",
    "morning_contact_response_share_36m",
    "afternoon_contact_response_share_36m",
    "contacts_since_last_response",
    "days_since_last_response",
    "inbound_contact_count_365d",
    "last_contact_result",
    "mini_program_bound",
    "wecom_added",
    "complaint_count_36m",
    "survey_score_last",
    "entitlement_used_count_36m",
    "entitlement_use_ratio_36m",
    "services_used_ever",
    "service_sensitivity_score",
    "price_sensitivity_score",
    "further_quotes_asked",
    "quote_viewed_count_365d",
    "price_increases_accepted",
    "days_signed_before_inception",
    "products_held",
    "star_level",
    "customer_value",
    "life_cycle_stage",
)
_CUSTOMER = (*_COVER, *_VEHICLE, *_CLAIMS, *_QUOTES, *_ENGAGEMENT, *_LOYALTY)


@dataclass(frozen=True)
class TagSet:
    """Tags that a model reads, in the order of its columns; several models may read one set.

    Attributes
    ----------
    name : str
        Its name in bundles and in Feast.
    tags : tuple of str
        Names of the catalogue.

    Raises
    ------
    GuanjiaError
        If it has a tag twice, or a tag that no model may use.
    """

    name: str
    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        forbidden = sorted(FORBIDDEN & set(self.tags))
        if forbidden:
            fault = f"has tags that no model may use: {', '.join(forbidden)}"
            raise GuanjiaError(f"tag set {self.name}", fault, "take them out")
        if len(set(self.tags)) < len(self.tags):
            raise GuanjiaError(f"tag set {self.name}", "has a tag twice", "name each once")


# No days to expiry: lead_days of the request states them, and no model is trained beyond 60.
RENEWAL_TAGS = TagSet("renewal", _CUSTOMER)
CHURN_TAGS = TagSet("churn", (*_CUSTOMER, *_EXPIRY))
CROSS_SELL_TAGS = TagSet("cross_sell", (*_CUSTOMER, *_EXPIRY))
# About the coming term, independent of contacts and offers: no contacts, no quotes.
CLAIMS_TAGS = TagSet("claims", (*_COVER, *_VEHICLE, *_CLAIMS, *_LOYALTY, *_DRIVING))
UPLIFT_TAGS = TagSet("uplift", _EFFECT)

SHARED_SETS = (RENEWAL_TAGS, CHURN_TAGS, CROSS_SELL_TAGS, CLAIMS_TAGS, UPLIFT_TAGS)
"""The sets that declarations share; each is a feature service of Feast."""

SLICE_TAGS = (
    "star_level",
    "branch",
    "channel",
    "age_years",
    "business_type",
    "gender",
    "city_tier",
    "vehicle_garage_area",
)
"""Tags by which evaluation tells customers apart. They come with each training frame; a model reads
those of its own set alone."""
