"""A Feast project on three online stores: Feast's SQLite as the control, and both of ours."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource, ValueType
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import RepoConfig
from feast.types import Int64, String

AT = datetime(2026, 7, 1, 1, tzinfo=UTC)
CONTROL = "feast"
PRESENT, NOT_FOUND = 1, 3


def feast_store(folder: Path, online: dict[str, str]) -> FeatureStore:
    """Open a Feast project whose files lie in a folder, on an online store."""
    config = RepoConfig(
        project="guanjia",
        provider="local",
        registry=str(folder / "registry.db"),
        online_store=online,
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
    )
    return FeatureStore(config=config)


def entity(name: str = "customer_id", type_: ValueType = ValueType.STRING) -> Entity:
    """An entity with one join key of its name."""
    return Entity(name=name, join_keys=[name], value_type=type_)


def feature_view(
    store: FeatureStore,
    columns: dict[str, Any],
    keys: Sequence[Entity] = (),
    key_types: Sequence[Any] = (String,),
    name: str = "view",
) -> FeatureView:
    """A view that is pushed as `<name>_push`; its file lies beside the registry."""
    file = Path(store.config.registry.path).parent / f"{name}.parquet"
    source = FileSource(
        name=f"{name}_file",
        path=str(file),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    types = zip((key.join_key for key in keys), key_types, strict=True) if keys else ()
    fields = [*types, *columns.items()]
    return FeatureView(
        name=name,
        entities=list(keys),
        ttl=timedelta(days=1),
        schema=[Field(name=field, dtype=type_) for field, type_ in fields],
        source=PushSource(name=f"{name}_push", batch_source=source),
    )


def one_number(store: FeatureStore, name: str = "view") -> None:
    """Apply a view of one whole number by customer."""
    customer = entity()
    store.apply([customer, feature_view(store, {"number": Int64}, [customer], name=name)])


def frame(at: datetime = AT, created: datetime | None = None, **columns: Any) -> pd.DataFrame:
    """Rows of an event time; columns are taken as they are, not guessed at."""
    rows = {name: pd.Series(values, dtype=object) for name, values in columns.items()}
    length = len(next(iter(rows.values())))
    times = {"event_timestamp": [at] * length, "created": [created or at] * length}
    return pd.DataFrame({**rows, **times})


def write_file(store: FeatureStore, rows: pd.DataFrame, name: str = "view") -> None:
    """Write the file from which a view is materialised; numbers in it are whole."""
    table = pa.Table.from_pandas(rows.assign(number=rows["number"].astype("int64")))
    file = Path(store.config.registry.path).parent / f"{name}.parquet"
    pq.write_table(table, file, coerce_timestamps="us")


def read(store: FeatureStore, columns: Sequence[str], **keys: Sequence[Any]) -> dict[str, Any]:
    """Read columns (`view:column`) by keys, with the status of each value."""
    answer = store.get_online_features(list(columns), {key: list(of) for key, of in keys.items()})
    values = answer.to_dict()
    names = answer.proto.metadata.feature_names.val
    statuses = dict(zip(names, (list(one.statuses) for one in answer.proto.results), strict=True))
    wanted = [column.partition(":")[2] for column in columns]
    return {name: list(zip(values[name], statuses[name], strict=True)) for name in wanted}


def numbers(store: FeatureStore, *customers: str | None, name: str = "view") -> list[Any]:
    """The numbers of customers in the view of `one_number`."""
    return [value for value, _ in read(store, [f"{name}:number"], customer_id=customers)["number"]]


def online(store: FeatureStore) -> Any:
    """The online store of a project, as Feast calls it."""
    return store._get_provider().online_store


def text_key(text: str) -> EntityKey:
    """The entity key of a customer."""
    return EntityKey(join_keys=["customer_id"], entity_values=[Value(string_val=text)])
