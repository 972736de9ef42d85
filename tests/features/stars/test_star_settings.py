"""The settings of the star rule: what star.toml changes, what it may not say, what docs say."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from features.errors import GuanjiaError
from features.lake import Lake
from features.stars.explain import StarSettings, Tier, load_star_settings


def cases(star: Any) -> list[Any]:
    """Customers whom a setting rates otherwise; by default as the other modules have them."""
    case, term, claim, yearly = star.case, star.term, star.claim, star.yearly
    return [
        case("fifth year", yearly("2021-01-01", *["3000"] * 5), ("15000", "0", 5, "19500", 4)),
        case(
            "break of exactly 6 months",
            [term("2023-01-15", "3000"), term("2024-07-15", "3000")],
            ("6000", "0", 2, "6000", 2),
            chain_start="2023-01-15",
        ),
        case(
            "both covers",
            [
                *yearly("2024-01-01", "2000", "2000"),
                term("2024-01-01", "950", line="motor_compulsory"),
                term("2025-01-01", "950", line="motor_compulsory"),
            ],
            ("5900", "0", 2, "5900", 2),
        ),
        case(
            "a vehicle that is not a private car",
            [term("2024-01-01", "8000", private=False), term("2025-01-01", "3000")],
            ("3000", "0", 2, "3000", 1),
            [claim("2024-02-01T04:00", [("2024-02-02T04:00", "700", "0")])],
        ),
    ]


def test_star_toml_overrides(star: Any, tmp_path: Path) -> None:
    (tmp_path / "star.toml").write_text(
        'break_months = 3\ncoefficients = [0, 1, 1.1]\npremium_lines = ["motor_commercial"]\n',
        encoding="utf-8",
    )
    settings = load_star_settings(tmp_path)
    assert (settings.break_months, settings.coefficient(5)) == (3, Decimal("1.1"))
    every = cases(star)
    found = star.rated(star.write(tmp_path, every), every)
    assert found["break of exactly 6 months"]["tenure_years"] == 1
    assert found["fifth year"]["value"] == Decimal("16500")  # 15,000 * 1.1
    assert found["both covers"]["premium_5y"] == Decimal("4000")


def test_private_cars_only_by_setting(star: Any, star_lake: Lake) -> None:
    name = "a vehicle that is not a private car"
    found = [case for case in cases(star) if case.name == name]
    row = star.rated(star_lake, found, StarSettings(tenure_private_cars_only=True))[name]
    assert (row["tenure_years"], row["value"]) == (1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "break_months = -1",
            "star.toml, field break_months: .*greater than or equal to 0.*docs/star.md",
        ),
        (
            "brake_months = 6",
            "star.toml, field brake_months: is not known. Did you mean break_months",
        ),
        ("coefficients = [0, 1.005]", "star.toml, field coefficients number 2: .*decimal places"),
        ("year_days = nan", "star.toml, field year_days: .*finite"),
        ("break_months = ", "is not valid TOML"),
        ("tiers = []", "star.toml, field tiers: .*at least 3"),
    ],
)
def test_a_wrong_star_toml_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "star.toml").write_text(text, encoding="utf-8")
    with pytest.raises(GuanjiaError, match=message):
        load_star_settings(tmp_path)


def test_thresholds_must_rise() -> None:
    tiers = StarSettings().tiers
    fallen = [*tiers[:1], tiers[1].model_copy(update={"threshold": Decimal(20_000)}), *tiers[2:]]
    with pytest.raises(ValueError, match="thresholds must rise"):
        StarSettings(tiers=tuple(tier.model_dump() for tier in fallen))


def test_every_setting_of_the_star_is_documented(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "star.md").read_text(encoding="utf-8")
    for name in [*StarSettings.model_fields, *Tier.model_fields]:
        assert f"`{name}`" in text
    example = text.split("```toml")[1].split("```")[0]
    (tmp_path / "star.toml").write_text(example, encoding="utf-8")
    found = load_star_settings(tmp_path)
    assert [tier.threshold for tier in found.tiers] == [0, 8_000, 20_000]
