"""The Feast entity and one plain view per tag group, made from the tag catalogue.

Views read what `features.tagging` wrote; Feast computes nothing (its aggregations do not survive
the registry). A tag's label, unit and meaning of null travel along as Feast tags.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Bool, Float64, Int64, String

from features.tags.catalogue import Tag, TagGroup

MAX_AGE = timedelta(days=31)
"""Tags older than this count as absent in history. Feast ignores it online; readers check
freshness themselves."""

_TYPES = {"int64": Int64, "float64": Float64, "string": String, "boolean": Bool}


def customer() -> Entity:
    """The one entity: whom tags describe."""
    return Entity(
        name="customer",
        join_keys=["customer_id"],
        value_type=ValueType.STRING,
        description="A customer of the insurer, by customer_id.",
    )


def feature_views(home: Path, groups: Mapping[str, TagGroup]) -> list[FeatureView]:
    """One view per tag group over the files under `home`/tags/<group>."""
    entity = customer()
    return [_view(home, group, entity) for group in groups.values()]


def _view(home: Path, group: TagGroup, entity: Entity) -> FeatureView:
    source = FileSource(
        name=f"{group.name}_tags",
        # Drafts of `lake.published` begin with a dot; a reader must not see them.
        path=str(home / "tags" / group.name / "[!.]*.parquet"),
        file_format=ParquetFormat(),
        timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
        description=f"Snapshots and histories of the {group.name} tags.",
    )
    return FeatureView(
        name=group.name,
        entities=[entity],
        ttl=MAX_AGE,
        schema=[
            Field(name="customer_id", dtype=String),
            *(_field(tag) for tag in group.tags.values()),
        ],
        source=source,
        online=True,
        description=group.label,
        tags={"label": group.label},
    )


def _field(tag: Tag) -> Field:
    return Field(
        name=tag.name,
        dtype=_TYPES[tag.type],
        description=tag.definition,
        tags={"label": tag.label, "unit": tag.unit, "window": tag.window, "null": tag.null},
    )
