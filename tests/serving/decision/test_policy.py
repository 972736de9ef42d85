"""The policy as a home writes it: single values replaced, faults by name."""

from datetime import date
from pathlib import Path

import pytest

from features.errors import GuanjiaError
from serving.decision.worth.policy import load_policy


def test_a_home_replaces_single_values(tmp_path: Path) -> None:
    text = (
        "holdout_cycle = 'half_year'\n[weights]\nbirthday = 0.5\n[non_motor_premiums]\nhealth = 1\n"
    )
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    found, shipped = load_policy(tmp_path), load_policy(tmp_path / "another")
    assert (found.weight("birthday"), found.weight("renewal_30d")) == (0.5, 1.0)
    assert found.non_motor_premiums == {**shipped.non_motor_premiums, "health": 1.0}
    assert found.holdout_share == shipped.holdout_share
    assert [found.cycle(date(2026, month, 1)) for month in (6, 7)] == ["2026h1", "2026h2"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("holdout_share = 2", "policy.toml, field holdout_share: Input should be less than"),
        ("holdout = 0.1", "policy.toml, field holdout: is not known. Did you mean holdout_share"),
        ("[weights]\nbirthday = 2.5", "the weight of birthday is 2.5, not between 0.5 and 2"),
        (
            "weights = 3",
            "policy.toml, field weights: is no table of fields. Write a table, as docs",
        ),
        (
            "[non_motor_premiums]\nship = 1",
            "field non_motor_premiums.ship: ship is not known. Use one of accident, hea",
        ),
        ("salt = ", "policy.toml: is not valid TOML"),
    ],
)
def test_a_fault_is_told_by_the_setting(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(GuanjiaError, match=fault):
        load_policy(tmp_path)
