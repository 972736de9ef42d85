"""Find the customer a row belongs to: the one it names, or the owner of its policy, car or claim.

A cost may name a policy and no customer; it belongs to the policyholder. A row that names a
customer belongs to that customer, whatever else it names: a car that was sold has a history with
both owners.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

REFERENCES = ("policy_id", "vehicle_id", "claim_id")
INVISIBLE = "[\u200b-\u200f\u2060\ufeff\u00ad]"
CUSTOMER_COLUMNS = ("customer_id", "客户号")
Row = Mapping[str, Any]


class Belongings:
    """Customers, and the policies, vehicles and claims that belong to them alone.

    Parameters
    ----------
    customers : collection of str
        Customer ids.
    rows : iterable of (str, str or None, str or None)
        Reference (a name of `REFERENCES`), its value and the customer who owns it, of all
        customers: what the tables that declare policies, vehicles and claims say.
    """

    def __init__(
        self,
        customers: Collection[str],
        rows: Iterable[tuple[str, str | None, str | None]] = (),
    ) -> None:
        self.customers = frozenset(customers)
        owned: dict[str, dict[str, str]] = {name: {} for name in REFERENCES}
        others: dict[str, set[str]] = {name: set() for name in REFERENCES}
        for reference, value, owner in rows:
            if value is None or owner is None:
                continue
            if owner in self.customers:
                owned[reference][value] = owner
            else:
                others[reference].add(value)
        self.references = {
            name: {value: owner for value, owner in owners.items() if value not in others[name]}
            for name, owners in owned.items()
        }
        self._customers = pa.array(sorted(self.customers), pa.string())
        self._keys = {
            name: pa.array(list(owners)) for name, owners in self.references.items() if owners
        }
        self._theirs = {name: pa.array(list(self.references[name].values())) for name in self._keys}

    def columns(self, names: Collection[str]) -> list[str]:
        """Select the columns of a table that say to whom a row belongs."""
        return [name for name in (*CUSTOMER_COLUMNS, *REFERENCES) if name in names]

    def owners(self, rows: pa.RecordBatch) -> pa.Array:
        """Return the owner of each row, shape (rows,): one of these customers, else null."""
        nobody = pa.nulls(rows.num_rows, pa.string())
        named = nobody
        for column in CUSTOMER_COLUMNS:
            if column in rows.schema.names:
                named = pc.coalesce(named, texts(rows.column(column)))
        owner = pc.if_else(pc.is_in(named, value_set=self._customers), named, nobody)
        for column, keys in self._keys.items():
            if column in rows.schema.names:
                place = pc.index_in(texts(rows.column(column)), value_set=keys)
                theirs = self._theirs[column].take(place)
                owner = pc.coalesce(owner, pc.if_else(pc.is_null(named), theirs, nobody))
        return owner

    def named_anywhere(self, rows: pa.RecordBatch) -> pa.Array:
        """Return one of these customers whom a text of the row names, in whatever column."""
        owner = pa.nulls(rows.num_rows, pa.string())
        for column in rows.columns:
            if pa.types.is_string(column.type):
                cells = texts(column)
                theirs = pc.is_in(cells, value_set=self._customers)
                owner = pc.coalesce(
                    owner, pc.if_else(theirs, cells, pa.nulls(len(cells), pa.string()))
                )
        return owner

    def named_by(self, cells: Iterable[str]) -> str | None:
        """Return one of these customers whom a cell of a torn line names, whichever it is."""
        return next((named for cell in cells if (named := plain_id(cell)) in self.customers), None)

    def owner(self, row: Row) -> str | None:
        """Return the owner of a single row of texts: one of these customers, else None."""
        for column in CUSTOMER_COLUMNS:
            if named := plain_id(row.get(column) or ""):
                return named if named in self.customers else None
        for column, keys in self.references.items():
            if (owner := keys.get(plain_id(row.get(column) or ""))) is not None:
                return owner
        return None


def plain_id(text: str) -> str:
    """Write an id without blanks around it, invisible and full-width characters.

    `guanjia check` reads it so; a raw file may still hold it as it was delivered.

    Examples
    --------
    >>> plain_id(" Ｃ１\u200b")
    'C1'
    """
    if not text.isascii():
        text = re.sub(INVISIBLE, "", unicodedata.normalize("NFKC", text))
    return text.strip()


def texts(column: pa.Array) -> pa.Array:
    """Cast a column to texts as `plain_id` writes them; an empty text becomes null."""
    text = column if pa.types.is_string(column.type) else _cast(column)
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = pc.replace_substring_regex(pc.utf8_normalize(text, "NFKC"), INVISIBLE, "")
    trimmed = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(trimmed, ""), pa.nulls(len(column), pa.string()), trimmed)


def _cast(column: pa.Array) -> pa.Array:
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.nulls(len(column), pa.string())  # a list or a blob is no customer id
