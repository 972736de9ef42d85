"""Adapter through which Feast writes and reads the packed online rows.

Feast finds a store by the name of its class in `feature_store.yaml`. The service and `guanjia
materialize` use the rows directly (`features.online.store`), without Feast. What a value and a key
become in a row: `features.online.feast_values`.
"""

import json
from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from feast.infra.online_stores.online_store import OnlineStore

from features.instants import instant_of
from features.online.feast_values import (
    microseconds_of,
    require_supported,
    row_id,
    to_stored,
    to_value,
)
from features.online.rows import NotFilledError, OnlineRows


class PackedOnlineStore(OnlineStore):
    """Feast online store of packed rows; a subclass decides where they are stored."""

    @abstractmethod
    def rows(self, config: Any) -> OnlineRows:
        """Open the rows that the configuration names."""

    def online_write_batch(self, config: Any, table: Any, data: Any, progress: Any) -> None:
        """Write rows in Feast's form; the view counts as filled from then on.

        Feast does not say whether a batch is all of a view, so any batch fills it.

        Parameters
        ----------
        config, table, data, progress
            As `OnlineStore.online_write_batch` takes them.
        """
        written = {name: None for _, values, _, _ in data for name in values}
        tags = list({field.name: None for field in table.features} | written)
        rows = []
        for key, values, event, created in data:
            known = event if created is None else created
            array = json.dumps([to_stored(values.get(tag)) for tag in tags], ensure_ascii=False)
            rows.append((row_id(key), microseconds_of(event), microseconds_of(known), array))
        self.rows(config).load(table.name, tags, rows)
        if progress:
            progress(len(rows))

    def online_read(
        self, config: Any, table: Any, entity_keys: Any, requested_features: Any = None
    ) -> list[tuple[datetime | None, dict[str, Any] | None]]:
        """Read rows in the order of the entity keys; a view that was never filled has none.

        Parameters
        ----------
        config, table, entity_keys, requested_features
            As `OnlineStore.online_read` takes them.
        """
        ids = [row_id(key) for key in entity_keys]
        try:
            (stored,) = self.rows(config).read([table.name], list(dict.fromkeys(ids)))
        except NotFilledError:
            return [(None, None)] * len(ids)
        answer: list[tuple[datetime | None, dict[str, Any] | None]] = []
        for name in ids:
            if name not in stored:
                answer.append((None, None))
                continue
            values = {
                tag: to_value(value)
                for tag, value in stored[name].values().items()
                if requested_features is None or tag in requested_features
            }
            answer.append((instant_of(stored[name].event_us), values))
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

        Raises
        ------
        GuanjiaError
            If a view has a key or a value that the rows cannot have.
        """
        for view in tables_to_keep:
            require_supported(view)
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
