"""Bounds: which statement counts, what follows from a declaration, what a file may not say."""

import math
from pathlib import Path

import pytest

from features.errors import GuanjiaError
from features.quality.bounds import (
    SHIPPED,
    QualityBounds,
    SnapshotBounds,
    TableBounds,
    TagBounds,
    load_quality_bounds,
)
from features.tags.catalogue import catalogue
from features.tags.declare import Tag, Type


def tag(name: str, type_: Type = "float64", unit: str = "yuan", null: str = "unknown") -> Tag:
    return Tag(name, "", "x", unit, "as of", null, "g", type_, None, None, lambda rows: rows)


TAGS = {
    one.name: one
    for one in (
        tag("claim_count_ever", "int64", "claims", "never null"),
        tag("use_share_30d", unit="share"),
        tag("claims_ratio", unit="share"),
        tag("change", "int64", "levels"),
    )
}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Bounds of a shipped file and a home file with these texts."""
    shipped = tmp_path / "shipped.toml"
    monkeypatch.setattr("features.quality.bounds.SHIPPED", shipped)

    def run(shipped_text: str, own: str = "") -> QualityBounds:
        shipped.write_text(shipped_text, encoding="utf-8")
        (tmp_path / "quality.toml").write_text(own, encoding="utf-8")
        return load_quality_bounds(tmp_path, TAGS)

    return run


GENERAL = """
[defaults]
drift_max = 0.25
[types.int64]
minimum = 0
[units.share]
minimum = 0
maximum = 1
[tags."claims_*"]
drift_max = 0.5
[tags.claims_ratio]
maximum = inf
[tags.change]
minimum = -9
"""


def test_the_most_special_statement_counts(load: object) -> None:
    bounds = load(GENERAL)  # type: ignore[operator]
    ratio, change = bounds.bounds_for(TAGS["claims_ratio"]), bounds.bounds_for(TAGS["change"])
    assert (ratio.minimum, ratio.maximum, ratio.drift_max) == (0, math.inf, 0.5)
    assert (change.minimum, change.maximum, change.drift_max) == (-9, math.inf, 0.25)
    assert bounds.bounds_for(TAGS["use_share_30d"]).maximum == 1


def test_never_null_is_a_bound_that_a_file_may_lift(load: object) -> None:
    name = "claim_count_ever"
    assert load(GENERAL).bounds_for(TAGS[name]).null_share_max == 0  # type: ignore[operator]
    assert load(GENERAL).bounds_for(TAGS["change"]).null_share_max == 1  # type: ignore[operator]
    lifted = load(GENERAL, f"[tags.{name}]\nnull_share_max = 0.2\n")  # type: ignore[operator]
    assert lifted.bounds_for(TAGS[name]).null_share_max == 0.2


def test_the_home_file_overrides_field_by_field(load: object) -> None:
    own = '[units.share]\nmaximum = 2\n[tags."claims_*"]\ndrift_max = 0.4\n[tables]\n'
    bounds = load(GENERAL, own + "quarantined_share_max = 0.5\n")  # type: ignore[operator]
    share = bounds.bounds_for(TAGS["use_share_30d"])
    assert (share.minimum, share.maximum) == (0, 2)
    assert bounds.bounds_for(TAGS["claims_ratio"]).maximum == math.inf
    assert bounds.bounds_for(TAGS["claims_ratio"]).drift_max == 0.4
    assert bounds.tables.quarantined_share_max == 0.5


def test_what_ages_may_drift_further_in_a_longer_time() -> None:
    young = TagBounds(drift_warning=0.1, drift_max=0.25)
    ages = TagBounds(drift_warning=0.1, drift_max=0.25, ages=True)
    assert young.drift_limits(360) == (0.1, 0.25)
    assert ages.drift_limits(30) == (0.1, 0.25)
    assert ages.drift_limits(360) == (0.4, 1.0)
    assert SnapshotBounds(rows_gained_max=0.1).gain_limit(180) == 0.2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[tags.change]\nminimum = 'low'",
            r"quality.toml, field tags.change.minimum: .*number.*docs/quality.md",
        ),
        (
            "[tags.change]\nminimun = 1",
            r"field tags.change.minimun: is not known. Did you mean minimum",
        ),
        ("[tags.change]\nmaximum = nan", "field tags.change.maximum: .*should be a number"),
        (
            "[tags.change]\nminimum = 3\nmaximum = 2",
            "quality.toml, field tags.change: minimum 3 is above",
        ),
        ("[tags.change]\nmaximum = -10", "quality.toml, field tags.change: minimum -9 is above"),
        ("[units.share]\nminimum = 5", "field units.share: minimum 5 is above maximum 1"),
        (
            "[tags.chance]\nminimum = 1",
            r"field tags.chance: chance is in no tag of .*Did you mean change\?",
        ),
        (
            '[tags."tyre_*"]\nminimum = 1',
            r"field tags.tyre_\*: tyre_\* is in no tag of the catalogue",
        ),
        (
            "[units.shares]\nminimum = 1",
            r"field units.shares: shares is in no tag of .*Did you mean share\?",
        ),
        ("[types.int32]\nminimum = 1", "field types.int32: int32 is not known. Did you mean int64"),
        ("[defaults]\nnull_share_change_max = 5", "defaults.null_share_change_max: .*less than"),
        ("[defaults]\nscale_change_max = 0.5", "defaults.scale_change_max: .*greater than"),
        ("[defaults", "is not valid TOML"),
    ],
)
def test_a_wrong_quality_toml_is_refused_by_name(load: object, text: str, message: str) -> None:
    with pytest.raises(GuanjiaError, match=message):
        load(GENERAL, text)  # type: ignore[operator]


def test_what_ships_bounds_every_tag(tmp_path: Path) -> None:
    declared = catalogue()
    bounds = load_quality_bounds(tmp_path, declared)
    for one in declared.values():
        kept = bounds.bounds_for(one)
        assert (kept.drift_warning, kept.drift_max) == (0.1, 0.25), one.name
        if one.unit == "share":
            assert kept.minimum == 0, one.name
        if one.type == "int64":
            assert kept.minimum > -math.inf, one.name
    assert bounds.bounds_for(declared["age_years"]).minimum == 16
    assert bounds.bounds_for(declared["star_level"]).maximum == 5


def test_every_field_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")
    for model in (TagBounds, SnapshotBounds, TableBounds):
        for name in model.model_fields:
            assert f"`{name}`" in manual
    assert SHIPPED.exists()
