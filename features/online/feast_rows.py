"""Adapter through which Feast writes and reads the packed online rows.

Feast finds a store by the name of its class in `feature_store.yaml`. The service and `guanjia
materialize` use the rows directly (`features.online.store`), without Feast.
"""

import json
from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Bool, Float64, Int64, String

from features.instants import microseconds
from features.online.rows import OnlineRows

_FIELDS = {Int64: "int64_val", Float64: "double_val", String: "string_val", Bool: "bool_val"}


class PackedOnlineStore(OnlineStore):
    """Feast online store of packed rows; a subclass decides where they are stored."""

    @abstractmethod
    def rows(self, config: Any) -> OnlineRows:
        """Open the rows that the configuration names."""

    def online_write_batch(self, config: Any, table: Any, data: Any, progress: Any) -> None:
        """Write rows in Feast's form.

        Parameters
        ----------
        config, table, data, progress
            As `OnlineStore.online_write_batch` takes them.
        """
        tags = [field.name for field in table.features]
        rows = []
        for entity, values, event, created in data:
            known = event if created is None else created
            array = json.dumps([_plain(values.get(tag)) for tag in tags], ensure_ascii=False)
            rows.append((_customer(entity), microseconds(event), microseconds(known), array))
        self.rows(config).write(table.name, tags, rows)
        if progress:
            progress(len(rows))

    def online_read(
        self, config: Any, table: Any, entity_keys: Any, requested_features: Any = None
    ) -> list[tuple[datetime | None, dict[str, Any] | None]]:
        """Read rows in the order of the entity keys.

        Parameters
        ----------
        config, table, entity_keys, requested_features
            As `OnlineStore.online_read` takes them.
        """
        fields = {
            field.name: _FIELDS[field.dtype]
            for field in table.features
            if requested_features is None or field.name in requested_features
        }
        ids = [_customer(key) for key in entity_keys]
        (stored,) = self.rows(config).read([table.name], list(dict.fromkeys(ids)))
        answer: list[tuple[datetime | None, dict[str, Any] | None]] = []
        for customer_id in ids:
            if customer_id not in stored:
                answer.append((None, None))
                continue
            plain = stored[customer_id].values()
            values = {name: _value(field, plain.get(name)) for name, field in fields.items()}
            event = datetime.fromtimestamp(stored[customer_id].event_us / 1e6, UTC)
            answer.append((event, values))
        return answer

    def update(
        self,
        config: Any,
        tables_to_delete: Sequence[Any],
        tables_to_keep: Sequence[Any],
        entities_to_delete: Sequence[Any],  # noqa: ARG002
        entities_to_keep: Sequence[Any],  # noqa: ARG002
        partial: bool,  # noqa: ARG002
    ) -> None:
        """Drop the rows of views that are gone, and prepare the store for those that remain.

        Parameters
        ----------
        config, tables_to_delete, tables_to_keep, entities_to_delete, entities_to_keep, partial
            As `OnlineStore.update` takes them.
        """
        rows = self.rows(config)
        rows.drop([view.name for view in tables_to_delete])
        rows.prepare_groups([view.name for view in tables_to_keep])

    def teardown(self, config: Any, tables: Sequence[Any], entities: Sequence[Any]) -> None:  # noqa: ARG002
        """Delete everything of the project.

        Parameters
        ----------
        config, tables, entities
            As `OnlineStore.teardown` takes them.
        """
        self.rows(config).drop_all()


def _customer(key: Any) -> str:
    """Return the customer of an entity key; it is the only join key of all views."""
    return str(key.entity_values[0].string_val)


def _plain(value: Any) -> Any:
    """Convert a Feast value to a JSON value; an absent one becomes null."""
    kind = value.WhichOneof("val") if value is not None else None
    return None if kind is None or kind == "null_val" else getattr(value, kind)


def _value(field: str, plain: Any) -> Any:
    return Value() if plain is None else Value(**{field: plain})
