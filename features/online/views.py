"""Define the Feast entity, one plain view per tag group, and a feature service per tag set.

Views read what `features.snapshots.compute` wrote; Feast computes nothing (its aggregations do not
survive the registry). A tag's label, unit and meaning of null travel along as Feast tags.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from features.dictionary.phrases import CHINESE, phrases_of
from features.errors import GuanjiaError
from features.online.feast_api import (
    Bool,
    DataSource,
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    Float64,
    Int64,
    ParquetFormat,
    PushSource,
    String,
    ValueType,
)
from features.online.model_tags import SHARED_SETS, TagSet
from features.tags.declare import Tag, TagGroup

MAX_AGE = timedelta(days=31)
"""Tags older than this count as absent in history. Feast ignores it online; readers check
freshness themselves."""

_TYPES = {"int64": Int64, "float64": Float64, "string": String, "boolean": Bool}


def customer() -> Entity:
    """Build the only Feast entity, the customer."""
    return Entity(
        name="customer",
        join_keys=["customer_id"],
        value_type=ValueType.STRING,
        description="A customer of the insurer, by customer_id.",
    )


def feature_views(
    home: Path, groups: Mapping[str, TagGroup], offline: str = "duckdb"
) -> list[FeatureView]:
    """Build one view per tag group over the files under `home`/tags/<group>.

    Parameters
    ----------
    home : Path
        The home folder.
    groups : mapping of str to TagGroup
        Tag groups of the catalogue.
    offline : {"duckdb", "spark"}
        The offline store that will read the files.
    """
    entity = customer()
    return [_view(home, group, entity, offline) for group in groups.values()]


def feature_services(
    views: Sequence[FeatureView], tag_sets: Iterable[TagSet] | None = None
) -> list[FeatureService]:
    """Build one Feast service per tag set over the given views.

    Parameters
    ----------
    views : sequence of FeatureView
        The views that have the tags.
    tag_sets : iterable of TagSet, optional
        Default: the sets that models share.

    Raises
    ------
    GuanjiaError
        If a set has a tag that no view has.
    """
    view_by_tag = {field.name: view for view in views for field in view.features}
    services = []
    for tag_set in SHARED_SETS if tag_sets is None else tag_sets:
        unknown = sorted(set(tag_set.tags) - set(view_by_tag))
        if unknown:
            raise GuanjiaError(
                f"tag set {tag_set.name}",
                f"has tags that are not declared: {', '.join(unknown)}",
                "declare them in features/tags or correct features/online/model_tags.py",
            )
        chosen = [[tag for tag in tag_set.tags if view_by_tag[tag] is view] for view in views]
        services.append(
            FeatureService(
                name=tag_set.name,
                features=[view[tags] for view, tags in zip(views, chosen, strict=True) if tags],
                description=f"Tags of the model {tag_set.name}.",
            )
        )
    return services


def push_source(group: str) -> str:
    """Name under which rows of a group's tags are pushed."""
    return f"{group}_push"


def _source(home: Path, group: TagGroup, offline: str) -> DataSource:
    folder = home / "tags" / group.name
    options: dict[str, Any] = {
        "name": f"{group.name}_tags",
        "timestamp_field": "event_timestamp",
        "created_timestamp_column": "created_timestamp",
        "description": f"Snapshots and histories of the {group.name} tags.",
    }
    # Drafts begin with a dot; a reader must not see them. Spark ignores such files by itself.
    if offline == "spark":
        from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource

        return SparkSource(path=str(folder / "*.parquet"), file_format="parquet", **options)
    return FileSource(path=str(folder / "[!.]*.parquet"), file_format=ParquetFormat(), **options)


def _view(home: Path, group: TagGroup, entity: Entity, offline: str) -> FeatureView:
    return FeatureView(
        name=group.name,
        entities=[entity],
        ttl=MAX_AGE,
        schema=[
            Field(name="customer_id", dtype=String),
            *(_field(tag) for tag in group.tags.values()),
        ],
        # What events change is pushed; history and loads read the files all the same.
        source=PushSource(name=push_source(group.name), batch_source=_source(home, group, offline)),
        online=True,
        description=group.label,
        tags={"label": group.label},
    )


def _field(tag: Tag) -> Field:
    return Field(
        name=tag.name,
        dtype=_TYPES[tag.type],
        description=tag.definition,
        tags={"label": tag.label, "unit": tag.unit, "window": tag.window, "null": tag.null}
        | {f"chinese_{part}": str(words) for part, words in vars(phrases_of(tag, CHINESE)).items()},
    )
