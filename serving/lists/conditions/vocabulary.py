"""Make the vocabulary of conditions over a home: its tags, scores, segments, stars and branches."""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from features.condition_forms.codes import CODES
from features.condition_forms.vocabulary import Column, Kind, SegmentWords, Vocabulary
from features.errors import GuanjiaError
from features.lake import Lake
from features.segments.settings import load_segments
from features.snapshots.snapshots import read_snapshot
from features.sql import quoted, sql_text
from features.stars.settings import load_star_settings
from features.tags.catalogue import catalogue
from features.tags.declare import Tag
from serving.predictions.scores_file import LABELS
from serving.tag_words import chinese_unit
from training.models import MODELS

KINDS: Mapping[str, Kind] = {
    "int64": "number",
    "float64": "number",
    "string": "text",
    "boolean": "yes or no",
}
HEADINGS = {"star_level": "星级", "customer_value": "客户价值（元）"}
"""Tags -> what the headings of lists call them."""
SIGNED = ("score", "change", "yuan", "days", "level", "levels", "ratio", "factor")
"""Units of numbers that may be negative."""
MOST_VALUES = 5_000


def list_vocabulary(lake: Lake, scores: Collection[str], as_of: date | None = None) -> Vocabulary:
    """Make the vocabulary of conditions of lists.

    Parameters
    ----------
    lake : Lake
        The home: its segments, its stars, and the values that its customers have.
    scores : collection of str
        Columns of the scores that conditions may name.
    as_of : date, optional
        Date of the tags and scores of which values such as branches are read; default: texts of
        tags without a closed set are taken as they are.

    Raises
    ------
    GuanjiaError
        If a segment is named like a score, or a declaration of the home has a fault.
    """
    segments = load_segments(lake.home)
    for name in segments.keys() & {*scores}:
        raise GuanjiaError(f"segment {name}", "is named like a score", "give it another name")
    stars = load_star_settings(lake.home)
    tiers: dict[str | int, str] = {tier.level: tier.label for tier in stars.tiers}
    values = _values_of(lake, as_of)
    columns = {tag.name: _of_tag(tag, tiers, values) for tag in catalogue().values()}
    columns |= {name: _of_score(name, tiers) for name in scores if name not in columns}
    words = {name: SegmentWords(segment.label, segment.rule) for name, segment in segments.items()}
    return Vocabulary(columns, words)


def _of_tag(
    tag: Tag, tiers: Mapping[str | int, str], values: Callable[[Tag], Callable[[], Collection[str]]]
) -> Column:
    kind = KINDS[tag.type]
    codes: Mapping[Any, str] = tiers if tag.name == "star_level" else CODES.get(tag.name, {})
    heading = HEADINGS.get(tag.name, tag.label)
    is_open = kind == "text" and not codes and tag.unit != "yuan"
    return Column(
        tag.name,
        heading.removesuffix("（元）") if tag.name in HEADINGS else tag.label,
        kind,
        (heading, tag.label),
        unit=chinese_unit(tag.unit, tag.label),
        codes=codes,
        values=values(tag) if is_open else None,
        is_share=tag.unit in ("share", "change"),
        lowest=1 if codes else None if kind != "number" or tag.unit in SIGNED else 0,
        highest=len(tiers) if tag.name == "star_level" else None,
    )


def _of_score(name: str, tiers: Mapping[str | int, str]) -> Column:
    if name == "star_name":
        return Column(name, "星级名称", "text", codes={label: label for label in tiers.values()})
    if name == "as_of":
        return Column(name, "截止日", "date")
    if name in MODELS:
        model = MODELS[name]
        share = model.kind == "probability"
        unit = {"amount": "元", "count": "次"}.get(model.kind, "")
        return Column(
            name,
            model.label,
            "number",
            unit=unit,
            is_share=share,
            lowest=0,
            highest=1 if share else None,
        )
    if name in LABELS:
        return Column(
            name, LABELS[name].removesuffix("（元）"), "number", (LABELS[name],), unit="元"
        )
    return Column(name, name, "text")


def _values_of(lake: Lake, as_of: date | None) -> Callable[[Tag], Callable[[], Collection[str]]]:
    def of_tag(tag: Tag) -> Callable[[], Collection[str]]:
        def values() -> Collection[str]:
            if as_of is None:
                return ()
            file = read_snapshot(lake, as_of).files.get(tag.group)
            if file is None:
                return ()
            return _distinct(lake, lake.data / file["path"], file["sha256"], tag.name)

        return values

    return of_tag


_DISTINCT: dict[tuple[Path, str, str], frozenset[str]] = {}


def _distinct(lake: Lake, path: Path, sha256: str, tag: str) -> frozenset[str]:
    """Read the values of a tag of a file once; none where there are too many for a set of words."""
    key = (path, sha256, tag)
    if key not in _DISTINCT:
        query = (
            f"SELECT DISTINCT {quoted(tag)} FROM read_parquet({sql_text(path)}) "
            f"WHERE {quoted(tag)} IS NOT NULL LIMIT {MOST_VALUES + 1}"
        )
        rows = lake.con.cursor().execute(query).fetchall()
        values = frozenset(str(value) for (value,) in rows) if len(rows) <= MOST_VALUES else ()
        while len(_DISTINCT) >= 200:
            _DISTINCT.pop(next(iter(_DISTINCT)))
        _DISTINCT[key] = frozenset(values)
    return _DISTINCT[key]
