"""What a snapshot of tags must keep to, declared as data: `quality.toml` beside this file.

Most bounds follow from a tag's declaration (its type, its unit, that it is never null); the file
names the exceptions. `<home>/quality.toml` overrides any field; a fault in either is reported with
the file, the tag and the field.
"""

import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from features.declared import Declared
from features.errors import GuanjiaError
from features.tags.declare import Tag, Type

SHIPPED = Path(__file__).with_name("quality.toml")
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
    """Quarters of a year between two dates, at least one."""
    return max(1.0, days / QUARTER_DAYS)


class TagBounds(Declared):
    """What one tag must keep to. A field that no file states is no bound.

    Each `*_max`, `minimum` and `maximum` is a bound; a `*_warning` is worth a remark.
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
        """Index at which to remark on drift, and the bound, for a reference so many days back."""
        times = _quarters(days) if self.ages else 1.0
        return self.drift_warning * times, self.drift_max * times


class SnapshotBounds(Declared):
    """What the number of customers must keep to, as shares of the reference's."""

    model_config = ConfigDict(allow_inf_nan=True)

    rows_lost_max: Share = Field(default=1, description="Customers fewer than in the reference.")
    rows_gained_max: Index = Field(
        default=math.inf, description="Customers more, for 90 days; it rises beyond."
    )

    def gain_limit(self, days: int) -> float:
        """Share of customers that may come in so many days."""
        return self.rows_gained_max * _quarters(days)


class TableBounds(Declared):
    """What a raw table must keep to."""

    quarantined_share_max: Share = Field(default=1, description="Share of rows in quarantine.")


class QualityBounds(Declared):
    """All bounds, or those that one file states."""

    snapshot: SnapshotBounds = SnapshotBounds()
    tables: TableBounds = TableBounds()
    defaults: TagBounds = TagBounds()
    types: dict[Type, TagBounds] = Field(default_factory=dict)
    units: dict[str, TagBounds] = Field(default_factory=dict)
    tags: dict[str, TagBounds] = Field(default_factory=dict)

    def of(self, tag: Tag) -> TagBounds:
        """The bounds of one tag, the most special statement of each field."""
        stated: dict[str, Any] = {}
        for bounds in self._general(tag):
            stated |= bounds.model_dump(exclude_unset=True)
        if tag.null == "never null":
            stated["null_share_max"] = 0
        for bounds in self._named(tag):
            stated |= bounds.model_dump(exclude_unset=True)
        return TagBounds.model_validate(stated)

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
    """The shipped bounds with those of `<home>/quality.toml` over them, field by field.

    Parameters
    ----------
    home : Path
        The installation's folder.
    tags : mapping of str to Tag
        The catalogue: what a file says of a tag or a unit that is in none of it is a fault.

    Raises
    ------
    GuanjiaError
        If a file is not TOML, names an unknown tag, unit or field, or a bound is out of range.
    """
    own = home / "quality.toml"
    merged: dict[str, Any] = {}
    for path in (SHIPPED, own):
        if path.exists():
            merged = _over(merged, _read(path, tags))
    last = own if own.exists() else SHIPPED
    # Two statements may be right alone and not together: a minimum here, a maximum there.
    with _named_fault(last, ()):
        bounds = QualityBounds.model_validate(merged)
    for tag in tags.values():
        with _named_fault(last, ("tags", tag.name)):
            bounds.of(tag)
    return bounds


def _read(path: Path, tags: Mapping[str, Tag]) -> dict[str, Any]:
    """One file, held against the fields and the catalogue."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise GuanjiaError(str(path), f"is not valid TOML: {fault}", "mend the line") from fault
    with _named_fault(path, ()):
        bounds = QualityBounds.model_validate(found)
    units = {tag.unit for tag in tags.values()}
    for unit in bounds.units:
        if unit not in units:
            raise _unknown(path, "unit", unit, units)
    for name in bounds.tags:
        if not any(fnmatchcase(tag, name) for tag in tags):
            raise _unknown(path, "tag", name, tags)
    return found


def _unknown(path: Path, kind: str, name: str, known: Iterable[str]) -> GuanjiaError:
    near = get_close_matches(name, known, n=3)
    cure = f"use one of {near}" if near else "see `guanjia catalogue`, or delete it"
    return GuanjiaError(f"{kind} {name} in {path}", "is in no tag of the catalogue", cure)


@contextmanager
def _named_fault(path: Path, place: tuple[str, ...]) -> Iterator[None]:
    """A pydantic fault as one that names the file, the tag and the field."""
    try:
        yield
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        where = ".".join(str(part) for part in (*place, *first["loc"]))
        raise GuanjiaError(
            f"setting {where} in {path}", first["msg"], "mend it, or delete it to have the default"
        ) from fault


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged, single values replaced."""
    merged = dict(below)
    for name, value in above.items():
        known = merged.get(name)
        # Taken out and put back: a pattern that the later file states counts after its others.
        merged.pop(name, None)
        nested = isinstance(value, dict) and isinstance(known, dict)
        merged[name] = _over(known or {}, value) if nested else value
    return merged
