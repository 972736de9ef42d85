"""Whose a row is: the customer it names, or the one whose policy, vehicle or claim it hangs on.

A cost may name a policy and no customer; it is the policyholder's all the same. A row that names a
customer is that customer's, whatever else it names: a car that was sold has a history with both.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

REFERENCES = ("policy_id", "vehicle_id", "claim_id")
CUSTOMER_COLUMNS = ("customer_id", "客户号")
Row = Mapping[str, Any]


class Belongings:
    """Some customers, and the policies, vehicles and claims that are theirs and nobody else's.

    Parameters
    ----------
    customers : collection of str
    rows : iterable of (str, str or None, str or None)
        Reference, its value, whose it is: what the tables that declare policies, vehicles and
        claims say of anybody.
    """

    def __init__(
        self,
        customers: Collection[str],
        rows: Iterable[tuple[str, str | None, str | None]] = (),
    ) -> None:
        self.customers = frozenset(customers)
        found: dict[str, dict[str, str]] = {name: {} for name in REFERENCES}
        others: dict[str, set[str]] = {name: set() for name in REFERENCES}
        for reference, value, owner in rows:
            if value is None or owner is None:
                continue
            if owner in self.customers:
                found[reference][value] = owner
            else:
                others[reference].add(value)
        self.references = {
            name: {value: owner for value, owner in some.items() if value not in others[name]}
            for name, some in found.items()
        }
        self._customers = pa.array(sorted(self.customers), pa.string())
        self._keys = {name: pa.array(list(some)) for name, some in self.references.items() if some}
        self._theirs = {name: pa.array(list(self.references[name].values())) for name in self._keys}

    def columns(self, names: Collection[str]) -> list[str]:
        """Those of a table's columns that say whose a row is."""
        return [name for name in (*CUSTOMER_COLUMNS, *REFERENCES) if name in names]

    def owners(self, rows: pa.RecordBatch) -> pa.Array:
        """Of each row the customer whose it is, of these customers; else null."""
        nobody = pa.nulls(rows.num_rows, pa.string())
        named, found = nobody, nobody
        for column in CUSTOMER_COLUMNS:
            if column in rows.schema.names:
                named = pc.coalesce(named, texts(rows.column(column)))
        found = pc.if_else(pc.is_in(named, value_set=self._customers), named, nobody)
        for column, keys in self._keys.items():
            if column in rows.schema.names:
                place = pc.index_in(texts(rows.column(column)), value_set=keys)
                theirs = self._theirs[column].take(place)
                found = pc.coalesce(found, pc.if_else(pc.is_null(named), theirs, nobody))
        return found

    def owner(self, row: Row) -> str | None:
        """The same of one row of texts."""
        for column in CUSTOMER_COLUMNS:
            if named := (row.get(column) or "").strip():
                return named if named in self.customers else None
        for column, keys in self.references.items():
            if (found := keys.get((row.get(column) or "").strip())) is not None:
                return found
        return None


def texts(column: pa.Array) -> pa.Array:
    """A column as texts without blanks around them; what is empty is null."""
    found = column if pa.types.is_string(column.type) else _cast(column)
    trimmed = pc.utf8_trim_whitespace(found)
    return pc.if_else(pc.equal(trimmed, ""), pa.nulls(len(column), pa.string()), trimmed)


def _cast(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.nulls(len(column), pa.string())  # a list or a blob is nobody's number
