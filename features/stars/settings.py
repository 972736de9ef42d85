"""Declare the settings of the star rule that an insurer may change.

The defaults are the star rule of `docs/star.md`. A file `star.toml` in the home folder overrides
any of them; an error in it is reported with the setting's name.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from features.declared import Declared, load_layered

MotorLine = Literal["motor_compulsory", "motor_commercial"]
# Two decimals times two decimals: a value has four, and is exact in decimal(22, 4).
Hundredths = Annotated[Decimal, Field(max_digits=5, decimal_places=2, ge=0)]
Yuan = Annotated[Decimal, Field(max_digits=14, decimal_places=2, ge=0)]
Days = Annotated[Decimal, Field(max_digits=5, decimal_places=2, gt=0)]


class Tier(Declared):
    """One star: its level, names, least value, and the services it grants."""

    level: int = Field(ge=1, description="Number of stars.")
    name: str = Field(min_length=1, description="English name.")
    label: str = Field(min_length=1, description="Chinese name, as customers see it.")
    threshold: Yuan = Field(description="Least value in yuan, inclusive.")
    steward: bool = Field(default=True, description="Has a steward (服务管家).")
    online_claims: bool = Field(default=True, description="May settle claims online (在线理赔).")
    a_services: int = Field(default=0, ge=0, description="Services of class A a year.")
    b_services: int = Field(default=0, ge=0, description="Services of class B a year.")
    c_services: int = Field(default=0, ge=0, description="Services of class C a year; 0: none.")


def _tier(level: int, name: str, label: str, threshold: int, services: tuple[int, ...]) -> Tier:
    a, b, c = services
    return Tier(
        level=level,
        name=name,
        label=label,
        threshold=Decimal(threshold),
        a_services=a,
        b_services=b,
        c_services=c,
    )


TIERS = (
    _tier(1, "bronze", "青铜", 0, (2, 0, 0)),
    _tier(2, "silver", "白银", 5_000, (3, 1, 0)),
    _tier(3, "gold", "黄金", 10_000, (3, 3, 0)),
    _tier(4, "platinum", "铂金", 16_000, (4, 6, 1)),
    _tier(5, "diamond", "钻石", 25_000, (4, 6, 1)),
)


class StarSettings(Declared):
    """The settings of the star rule.

    Examples
    --------
    >>> StarSettings().coefficient(4), StarSettings().coefficient(9), StarSettings().coefficient(0)
    (Decimal('1.2'), Decimal('1.3'), Decimal('0'))
    """

    window_years: int = Field(
        default=5, ge=1, le=50, description="Length of the window of premium and claims, in years."
    )
    break_months: int = Field(
        default=6,
        ge=0,
        le=120,
        description="Months without cover that a chain survives.",
    )
    tenure_grace_days: int = Field(
        default=30, ge=0, le=366, description="Days by which a renewal may fall short of the year."
    )
    year_days: Days = Field(
        default=Decimal("365.25"), description="Days of a year when tenure is counted."
    )
    premium_lines: tuple[MotorLine, ...] = Field(
        default=("motor_compulsory", "motor_commercial"),
        min_length=1,
        description="Lines whose premium and claims make the value.",
    )
    tenure_lines: tuple[MotorLine, ...] = Field(
        default=("motor_compulsory", "motor_commercial"),
        min_length=1,
        description="Lines whose terms make the chain.",
    )
    tenure_private_cars_only: bool = Field(
        default=False, description="Whether only private cars' terms make the chain."
    )
    coefficients: tuple[Hundredths, ...] = Field(
        default=tuple(Decimal(c) for c in ("0", "1", "1.1", "1.2", "1.3")),
        min_length=1,
        description="Coefficient c of tenure 1, 2, ...; the last holds for every longer tenure.",
    )
    tiers: tuple[Tier, ...] = Field(
        default=TIERS, min_length=3, max_length=5, description="The stars, lowest first."
    )

    entitlement_year: Literal["anniversary", "calendar"] = Field(
        default="anniversary",
        description="When a year of entitlements begins: on the anniversary of the chain's first "
        "inception, or on 1 January.",
    )
    entitlement_upgrade_at_once: bool = Field(
        default=True,
        description="Whether a higher star raises the allowance of the running year.",
    )

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        levels = [tier.level for tier in self.tiers]
        thresholds = [tier.threshold for tier in self.tiers]
        if levels != list(range(1, len(levels) + 1)):
            raise ValueError("the tiers' levels must be 1, 2, 3, ... in this order")
        if thresholds != sorted(set(thresholds)):
            raise ValueError("the tiers' thresholds must rise from level to level")
        if thresholds[0] != 0:
            raise ValueError("the lowest tier's threshold must be 0")
        return self

    def coefficient(self, tenure_years: int) -> Decimal:
        """Return the coefficient of a tenure; 0 for tenure 0."""
        if tenure_years < 1:
            return Decimal(0)
        return self.coefficients[min(tenure_years, len(self.coefficients)) - 1]

    def tier(self, level: int) -> Tier:
        """Return the tier of a star level."""
        return self.tiers[level - 1]


def load_star_settings(home: Path) -> StarSettings:
    """Read the settings of `<home>/star.toml`; the defaults if there is no file.

    Raises
    ------
    GuanjiaError
        If the file is not TOML, names an unknown setting, or a value is out of range.
    """
    return load_layered(StarSettings, home / "star.toml", manual="docs/star.md")
