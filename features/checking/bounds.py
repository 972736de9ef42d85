"""Read the bounds that a delivery must keep to: `check.toml`, and the one of a home over it."""

from pathlib import Path

from pydantic import Field

from features.declared import Declared, load_layered

SHIPPED = Path(__file__).with_name("check.toml")


class CheckBounds(Declared):
    """Bounds of a delivery; the fields are those of `check.toml`."""

    quarantined_share_max: float = Field(ge=0, le=1)
    motor_premium_median_min: float = Field(ge=0)
    motor_premium_median_max: float = Field(gt=0)
    third_party_limit_median_min: float = Field(ge=0)
    third_party_limit_median_max: float = Field(gt=0)
    list_price_median_min: float = Field(ge=0)
    list_price_median_max: float = Field(gt=0)
    claim_payment_median_min: float = Field(ge=0)
    claim_payment_median_max: float = Field(gt=0)
    household_customers_max: int = Field(ge=1)
    claims_without_policy_share_max: float = Field(ge=0, le=1)
    movements_without_claim_share_max: float = Field(ge=0, le=1)
    claims_outside_cover_share_max: float = Field(ge=0, le=1)
    overlapping_terms_share_max: float = Field(ge=0, le=1)


def load_check_bounds(home: Path) -> CheckBounds:
    """Read the shipped bounds, overridden by `check.toml` of a home.

    Raises
    ------
    GuanjiaError
        If a file is not TOML, or a field is unknown or out of range.
    """
    return load_layered(
        CheckBounds, home / SHIPPED.name, shipped=SHIPPED, manual="docs/data-flow.md"
    )
