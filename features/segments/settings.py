"""Read the declared segments: `segments.toml` of this folder, and what a home adds or replaces.

A segment is data that a business person writes. Each fault is reported with the file, the segment
and the field; the rule is checked against the tags before any data is read.
"""

import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from features.conditions import ALIASES, columns_of, predicate
from features.declared import Declared, overlay, parse_fields, read_toml
from features.errors import GuanjiaError
from features.tags.catalogue import every_tag

SHIPPED = Path(__file__).with_name("segments.toml")
KINDS = {"strategic": "战略分群", "tactical": "战术分群"}
DIMENSIONS = {"value": "价值", "behaviour": "需求/行为", "loyalty": "忠诚度"}
GOALS = {"retention": "客户挽留", "cross_sell": "交叉销售", "service_design": "服务设计"}
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


class Segment(Declared):
    """One segment as declared.

    Examples
    --------
    >>> segment = Segment(name="Gold", label="黄金客户", kind="strategic", dimensions=("value",),
    ...     purpose="Thank them.", purpose_chinese="回馈。", rule="star = 3")
    >>> segment.tags, segment.about
    (['star_level'], '价值 value')
    """

    name: str = Field(min_length=1, description="English name.")
    label: str = Field(min_length=1, description="Chinese name.")
    kind: Literal["strategic", "tactical"] = Field(description="Term and use.")
    dimensions: tuple[Literal["value", "behaviour", "loyalty"], ...] = Field(
        default=(), description="What a strategic segment is about."
    )
    goal: Literal["retention", "cross_sell", "service_design"] | None = Field(
        default=None, description="What a tactical segment is for."
    )
    purpose: str = Field(min_length=1, description="What it is for, a sentence in English.")
    purpose_chinese: str = Field(min_length=1, description="The same in Chinese.")
    rule: str = Field(min_length=1, description="Condition over tags.")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "strategic" and (not self.dimensions or self.goal):
            raise ValueError("a strategic segment has dimensions and no goal")
        if self.kind == "tactical" and (self.dimensions or not self.goal):
            raise ValueError("a tactical segment has a goal and no dimensions")
        return self

    @cached_property
    def tags(self) -> list[str]:
        """The tags that its rule reads."""
        return columns_of(self.rule, every_tag().columns)

    @property
    def about(self) -> str:
        """Its dimensions or its goal, in Chinese and English."""
        labels = {**DIMENSIONS, **GOALS}
        words = [*self.dimensions, *([self.goal] if self.goal else [])]
        chinese, english = " x ".join(labels[word] for word in words), " x ".join(words)
        return f"{chinese} {english.replace('_', '-')}"


def load_segments(home: Path) -> dict[str, Segment]:
    """Read the segments by name: the shipped ones, then those of `<home>/segments.toml`.

    Raises
    ------
    GuanjiaError
        If a file is not TOML; if a field is unknown, missing or out of range; if a rule is no
        condition, names an unknown tag or compares unlike things. It names file, segment and field.
    """
    own = home / "segments.toml"
    about = own.stat() if own.exists() else None
    version = None if about is None else (about.st_size, about.st_mtime_ns, about.st_ino)
    return dict(_segments_of_version(own, version))


@lru_cache(maxsize=16)
def _segments_of_version(own: Path, version: tuple[int, int, int] | None) -> dict[str, Segment]:
    """Read the segments once for as long as the file of the home stands."""
    shipped = read_toml(SHIPPED)
    changes = read_toml(own) if version is not None else {}
    tables = overlay(shipped, changes, str(own), replace=True)
    return {
        name: _segment(own if name in changes else SHIPPED, name, fields)
        for name, fields in tables.items()
    }


def shipped_segments() -> dict[str, Segment]:
    """Read the segments that come with Guanjia, by name."""
    return {name: _segment(SHIPPED, name, fields) for name, fields in read_toml(SHIPPED).items()}


def _segment(path: Path, name: str, fields: Any) -> Segment:
    thing = f"{path}, segment {name}"
    if not NAME.fullmatch(name):
        cure = "write lower-case letters, digits and _, such as older_well_off"
        raise GuanjiaError(thing, "has a name that commands cannot take", cure)
    if name in every_tag().columns or name in ALIASES or name == "customer_id":
        raise GuanjiaError(thing, "is named like a tag", "give it another name")
    segment = parse_fields(Segment, fields, thing=thing, manual="docs/segments.md")
    try:
        _check_rule(segment.rule)
    except GuanjiaError as fault:
        raise GuanjiaError(
            f"{thing}, field rule", f"{fault.thing} {fault.fault}", fault.cure
        ) from fault
    return segment


@lru_cache(maxsize=1_000)
def _check_rule(rule: str) -> None:
    """Refuse a rule that no tags can meet; the same rule is compiled once a process."""
    predicate(rule, every_tag())
