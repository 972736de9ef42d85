"""Bounds of a snapshot of tags, declared as data in `quality.toml` beside this file.

Most bounds follow from a tag's declaration (its type, its unit, that it is never null); the file
names the exceptions. `<home>/quality.toml` overrides any field. A fault in either file is reported
with the file, the tag and the field.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from features.declared import Declared, overlay, parse_fields, read_toml
from features.errors import GuanjiaError, did_you_mean
from features.tags.declare import Tag, Type

SHIPPED = Path(__file__).with_name("quality.toml")
MANUAL = "docs/quality.md"
QUARTER_DAYS = 90


def _no_nan(value: float) -> float:
    if math.isnan(value):
        raise ValueError("Input should be a number, or inf for no bound")
    return value


Share = Annotated[float, Field(ge=0, le=1)]
Limit = Annotated[float, AfterValidator(_no_nan)]
Index = Annotated[float, Field(ge=0), AfterValidator(_no_nan)]
Factor = Annotated[float, Field(ge=1), AfterValidator(_no_nan)]


def _quarters(days: int) -> float:
    """Convert days to quarters of a year, at least one."""
    return max(1.0, days / QUARTER_DAYS)


class TagBounds(Declared):
    """Bounds of one tag. A field that no file states is no bound.

    Each `*_max`, `minimum` and `maximum` is a bound; above a `*_warning` the tag is to be watched.
    """

    # An infinite limit is how a file lifts a bound: TOML has no null.
    model_config = ConfigDict(allow_inf_nan=True)

    minimum: Limit = Field(default=-math.inf, description="Least value, inclusive.")
    maximum: Limit = Field(default=math.inf, description="Greatest value, inclusive.")
    null_share_max: Share = Field(default=1, description="Share of customers without a value.")
    null_share_change_warning: Share = Field(
        default=1, description="Change of that share against the reference, up or down."
    )
    null_share_change_max: Share = Field(default=1, description="The same, as a bound.")
    drift_warning: Index = Field(
        default=math.inf, description="Population stability index against the reference."
    )
    drift_max: Index = Field(default=math.inf, description="The same, as a bound.")
    scale_change_max: Factor = Field(
        default=math.inf, description="Factor by which the median size of the values may change."
    )
    category_change_warning: Share = Field(
        default=1, description="Share of customers of a text value that is new, or is gone."
    )
    category_change_max: Share = Field(default=1, description="The same, as a bound.")
    ages: bool = Field(
        default=False,
        description="Grows by itself: both drift limits are for 90 days, and rise beyond.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        return self

    def drift_limits(self, days: int) -> tuple[float, float]:
        """Return the warning and the bound of the drift index for a reference `days` back."""
        times = _quarters(days) if self.ages else 1.0
        return self.drift_warning * times, self.drift_max * times


class SnapshotBounds(Declared):
    """Bounds of the number of customers, as shares of the reference's."""

    model_config = ConfigDict(allow_inf_nan=True)

    rows_lost_max: Share = Field(default=1, description="Customers fewer than in the reference.")
    rows_gained_max: Index = Field(
        default=math.inf, description="Customers more, for 90 days; it rises beyond."
    )

    def gain_limit(self, days: int) -> float:
        """Return the share of customers that may be new after so many days."""
        return self.rows_gained_max * _quarters(days)


class TableBounds(Declared):
    """Bounds of a raw table."""

    quarantined_share_max: Share = Field(default=1, description="Share of rows in quarantine.")


class QualityBounds(Declared):
    """All bounds, or those that one file states."""

    snapshot: SnapshotBounds = SnapshotBounds()
    tables: TableBounds = TableBounds()
    defaults: TagBounds = TagBounds()
    types: dict[Type, TagBounds] = Field(default_factory=dict)
    units: dict[str, TagBounds] = Field(default_factory=dict)
    tags: dict[str, TagBounds] = Field(default_factory=dict)

    def bounds_for(self, tag: Tag) -> TagBounds:
        """Return the bounds of one tag: of each field the most special statement."""
        return TagBounds.model_validate(self.stated(tag))

    def stated(self, tag: Tag) -> dict[str, Any]:
        """Return the fields of a tag's bounds that are stated anywhere."""
        stated: dict[str, Any] = {}
        for bounds in self._general(tag):
            stated |= bounds.model_dump(exclude_unset=True)
        if tag.null == "never null":
            stated["null_share_max"] = 0
        for bounds in self._named(tag):
            stated |= bounds.model_dump(exclude_unset=True)
        return stated

    def _general(self, tag: Tag) -> Iterator[TagBounds]:
        yield self.defaults
        if tag.type in self.types:
            yield self.types[tag.type]
        if tag.unit in self.units:
            yield self.units[tag.unit]

    def _named(self, tag: Tag) -> Iterator[TagBounds]:
        for pattern, bounds in self.tags.items():
            if "*" in pattern and fnmatchcase(tag.name, pattern):
                yield bounds
        if tag.name in self.tags:
            yield self.tags[tag.name]


def load_quality_bounds(home: Path, tags: Mapping[str, Tag]) -> QualityBounds:
    """Read the shipped bounds with those of `<home>/quality.toml` over them, field by field.

    Parameters
    ----------
    home : Path
        The installation's folder.
    tags : mapping of str to Tag
        The catalogue; a file that names a tag or a unit that is not in it has a fault.

    Raises
    ------
    GuanjiaError
        If a file is not TOML, names an unknown tag, unit or field, or a bound is out of range.
    """
    own = home / "quality.toml"
    shipped, changes = read_toml(SHIPPED), read_toml(own) if own.exists() else {}
    path = str(own if changes else SHIPPED)
    fields = overlay(shipped, changes, path)
    bounds = parse_fields(QualityBounds, fields, thing=path, manual=MANUAL)
    for unit in bounds.units:
        _check_known(path, f"units.{unit}", unit, {tag.unit for tag in tags.values()})
    for name in bounds.tags:
        if not any(fnmatchcase(tag, name) for tag in tags):
            _check_known(path, f"tags.{name}", name, tags)
    bounds = bounds.model_copy(update={"tags": _own_last(bounds.tags, changes.get("tags", {}))})
    for tag in tags.values():
        # Two statements may be right alone and not together: a minimum here, a maximum there.
        thing = f"{path}, field tags.{tag.name}"
        parse_fields(TagBounds, bounds.stated(tag), thing=thing, manual=MANUAL)
    return bounds


def _check_known(path: str, field: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        thing, fault = f"{path}, field {field}", f"{name} is in no tag of the catalogue"
        raise GuanjiaError(thing, fault, did_you_mean(name, known))


def _own_last(tags: Mapping[str, TagBounds], own: Collection[str]) -> dict[str, TagBounds]:
    """Order the bounds by precedence: those that the home's file states come last."""
    order = [*(name for name in tags if name not in own), *(name for name in own if name in tags)]
    return {name: tags[name] for name in order}
