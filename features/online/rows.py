"""What our online stores share: one packed row a customer and view, written and read for Feast.

A row holds all tags of a view as one JSON array, in the order of a *layout*: the names of the tags,
kept once. A row written under an older catalogue still reads right, because it names its layout.
Whoever stores such rows guards them alike: a row goes in only where its (event, created) timestamps
are not before those of the row that is there (`docs/adr/0005-online-store.md`).
"""

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Bool, Float64, Int64, String
from pydantic_core import from_json

from features.instants import microseconds

Row = tuple[str, int, int, str]
"""Customer, event and created time in microseconds UTC, tags as a JSON array."""

_FIELDS = {Int64: "int64_val", Float64: "double_val", String: "string_val", Bool: "bool_val"}


class Stored(NamedTuple):
    """A row as it is read: when it is of, the names of its tags, the JSON array of their values."""

    event_us: int
    layout: tuple[str, ...]
    array: str

    def values(self) -> dict[str, Any]:
        """The tags by name, as JSON has them."""
        return dict(zip(self.layout, from_json(self.array), strict=True))


class PackedOnlineStore(OnlineStore):
    """An online store of packed rows; where they lie is a subclass's to say."""

    @abstractmethod
    def load(self, config: Any, view: Any, tags: Sequence[str], rows: Iterable[Row]) -> int:
        """Offer whole rows; those that are newer in the store stay.

        Parameters
        ----------
        view : feast.FeatureView
            Which tags these are.
        tags : sequence of str
            Their names, in the order of each row's array.
        rows : iterable of (str, int, int, str)
            See `Row`.

        Returns
        -------
        int
            Rows offered.
        """

    @abstractmethod
    def stored(
        self, config: Any, views: Sequence[Any], ids: Sequence[str]
    ) -> Sequence[Mapping[str, Stored]]:
        """Of each view, the rows of those of the customers who have one; each named once."""

    @abstractmethod
    def remove(self, config: Any, view: Any, ids: Sequence[str]) -> list[str]:
        """Delete the rows of customers; those who had one."""

    @abstractmethod
    def scrub(self, config: Any) -> None:
        """Take what was deleted out of the files as well, as far as they are ours."""

    def write(self, config: Any, view: Any, tags: Sequence[str], rows: Sequence[Row]) -> None:
        """Offer a few rows, in the time of a request."""
        self.load(config, view, tags, rows)

    def online_write_batch(self, config: Any, table: Any, data: Any, progress: Any) -> None:
        """Write rows as Feast hands them over; see `OnlineStore.online_write_batch`."""
        tags = [field.name for field in table.features]
        rows = []
        for entity, values, event, created in data:
            known = event if created is None else created
            array = json.dumps([_plain(values.get(tag)) for tag in tags], ensure_ascii=False)
            rows.append((_customer(entity), _microseconds(event), _microseconds(known), array))
        self.write(config, table, tags, rows)
        if progress:
            progress(len(rows))

    def online_read(
        self, config: Any, table: Any, entity_keys: Any, requested_features: Any = None
    ) -> list[tuple[datetime | None, dict[str, Any] | None]]:
        """Rows in the order asked; see `OnlineStore.online_read`."""
        fields = {
            field.name: _FIELDS[field.dtype]
            for field in table.features
            if requested_features is None or field.name in requested_features
        }
        ids = [_customer(key) for key in entity_keys]
        (found,) = self.stored(config, [table], list(dict.fromkeys(ids)))
        answer: list[tuple[datetime | None, dict[str, Any] | None]] = []
        for customer_id in ids:
            if customer_id not in found:
                answer.append((None, None))
                continue
            plain = found[customer_id].values()
            values = {name: _value(field, plain.get(name)) for name, field in fields.items()}
            event = datetime.fromtimestamp(found[customer_id].event_us / 1e6, UTC)
            answer.append((event, values))
        return answer


def _microseconds(at: datetime) -> int:
    """Count from 1970; Feast hands over instants in UTC that may not say so."""
    return microseconds(at.replace(tzinfo=UTC) if at.tzinfo is None else at)


def _customer(key: Any) -> str:
    """The customer of an entity key; views have this one join key."""
    return str(key.entity_values[0].string_val)


def _plain(value: Any) -> Any:
    """A Feast value as JSON knows it; absent is null."""
    kind = value.WhichOneof("val") if value is not None else None
    return None if kind is None or kind == "null_val" else getattr(value, kind)


def _value(field: str, plain: Any) -> Any:
    return Value() if plain is None else Value(**{field: plain})
