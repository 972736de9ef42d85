"""Convert Feast's keys and values to ids and JSON values of packed rows, and back.

A number, text or truth value that JSON has is stored as it is; every other value (timestamps,
bytes, lists, maps, 32-bit numbers) is Feast's own message in Base64, as an array of one. So a
stored value says itself what it is, and reads back as it was written whatever the type of its
column is by now (`docs/adr/0005-online-store.md`).
"""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Bytes, Int32, Int64, Invalid, String, UnixTimestamp

from features.errors import GuanjiaError
from features.instants import microseconds
from features.online.rows import RESERVED

KEY_TYPES = (String, Int64, Int32, Bytes, UnixTimestamp)
"""Types of a join key that Feast can put into a key."""
_PLAIN = {bool: "bool_val", int: "int64_val", float: "double_val", str: "string_val"}
_PLAIN_KINDS = frozenset(_PLAIN.values())


def row_id(key: Any) -> str:
    """Return the id of an entity key's row.

    A single text is its own id, as in rows that are read without Feast. Every other key (a number,
    several join keys, none, a blank text) is Feast's serialised key behind `RESERVED`: two keys
    never share an id.
    """
    if len(key.entity_values) == 1 and key.entity_values[0].WhichOneof("val") == "string_val":
        text = str(key.entity_values[0].string_val)
        if text and not text.startswith(RESERVED):
            return text
    return RESERVED + serialize_entity_key(key, 3).hex()


def to_stored(value: Any) -> Any:
    """Convert a Feast value to the JSON value that a row has; an absent one becomes null."""
    kind = None if value is None else value.WhichOneof("val")
    if kind is None or kind == "null_val":
        return None
    if kind in _PLAIN_KINDS:
        return getattr(value, kind)
    return [b64encode(value.SerializeToString()).decode()]


def to_value(stored: Any) -> Any:
    """Convert a JSON value of a row back to the Feast value that was written."""
    if stored is None:
        return Value()
    if isinstance(stored, list):
        return Value.FromString(b64decode(stored[0]))
    return Value(**{_PLAIN[type(stored)]: stored})


def microseconds_of(at: datetime) -> int:
    """Count the microseconds from 1970 to an instant; without a time zone it is UTC."""
    return microseconds(at.replace(tzinfo=UTC) if at.tzinfo is None else at)


def require_supported(view: Any) -> None:
    """Refuse a view whose rows Feast could not write, read or search here.

    Raises
    ------
    GuanjiaError
        If a join key is of a type that Feast cannot put into a key, or a column has no type or asks
        for a vector index.
    """
    for column in view.entity_columns:
        if column.dtype not in KEY_TYPES:
            fault = f"has the join key {column.name} of type {column.dtype}, of which Feast makes "
            cure = f"declare it as one of {', '.join(map(str, KEY_TYPES))}"
            raise GuanjiaError(f"view {view.name}", f"{fault}no key", cure)
    for column in view.features:
        if column.dtype == Invalid:
            fault = f"has the column {column.name} without a type"
            cure = "declare its type, as in Field(name=..., dtype=Int64)"
            raise GuanjiaError(f"view {view.name}", fault, cure)
        if column.vector_index:
            fault = f"asks for a vector index of the column {column.name}, and this store has none"
            cure = "declare it without vector_index, or keep the view in a store that searches"
            raise GuanjiaError(f"view {view.name}", fault, cure)
