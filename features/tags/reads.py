"""Walk Ibis expressions from a value to the columns of tables that decide on it.

A value is decided on by the columns that it is computed from, and by those that decide which rows
it is computed over: they are filtered, joined, grouped or made distinct by. What only fills another
column of a relation, or finds at most one match in a left join, decides nothing.
"""

from collections.abc import Iterable
from typing import Any

import ibis.expr.operations as ops

from features.lake.known_at import VERSION_END

Column = tuple[str, str]
"""Table and column."""
Columns = frozenset[Column]
SETS = (ops.Union, ops.Difference, ops.Intersection)
LOOKUPS = ("left", "asof", "any_left")
"""Joins that keep every row of the left side."""
SEMI = ("semi", "anti")
"""Joins that repeat no row of the left side."""


class ExpressionReads:
    """The columns that values of expressions depend on; every node is walked once.

    Parameters
    ----------
    version_keys : dict of str to str
        Physical table -> column that is unique among the rows that were known at one instant: a
        filter over `superseded_at` leaves one version of each.
    constants : frozenset of str
        Columns that have one value in all rows, such as the date: a key is unique without them.
    """

    def __init__(self, version_keys: dict[str, str], constants: frozenset[str]) -> None:
        self._version_keys = version_keys
        self._constants = constants
        self._values: dict[Any, Columns] = {}
        self._rows: dict[Any, Columns] = {}
        self._keys: dict[Any, set[frozenset[str]]] = {}

    def of_value(self, node: Any) -> Columns:
        """Collect the columns that a value depends on.

        Parameters
        ----------
        node : ibis operation
            A value; an aggregate depends on the rows of its relation as well.
        """
        if node not in self._values:
            if isinstance(node, ops.Field):
                reads = self.of_column(node.rel, node.name)
            elif isinstance(node, ops.StructField):
                reads = self._part(node.arg, node.field)
            else:
                reads = _union(
                    self.of_rows(child) if isinstance(child, ops.Relation) else self.of_value(child)
                    for child in node.__children__
                )
            self._values[node] = reads
        return self._values[node]

    def of_column(self, rel: Any, name: str) -> Columns:
        """Collect the columns that the values of a relation's column depend on.

        Parameters
        ----------
        rel : ibis relation
            The relation.
        name : str
            One of its columns.
        """
        key = (rel, name)
        if key not in self._values:
            self._values[key] = self._column(rel, name)
        return self._values[key]

    def _column(self, rel: Any, name: str) -> Columns:
        if isinstance(rel, ops.PhysicalTable):
            return frozenset({(rel.name, name)})
        if isinstance(rel, SETS):
            return self.of_column(rel.left, name) | self.of_column(rel.right, name)
        if isinstance(rel, ops.JoinChain):
            return self._joined_column(rel, rel.values[name]) | self.of_rows(rel)
        if isinstance(rel, ops.Project | ops.Aggregate):
            return self.of_value(rel.values[name]) | self.of_rows(rel)
        return self.of_column(rel.parent, name) | self.of_rows(rel)

    def _joined_column(self, chain: Any, value: Any) -> Columns:
        """Add what finds the match, where a value comes from the right side of a join."""
        sides = {field.rel for field in value.find(ops.Field)} if value is not None else set()
        links = [link for link in chain.rest if link.table in sides]
        return self.of_value(value) | _union(
            self.of_rows(link.table) | self._predicates(link) for link in links
        )

    def _part(self, node: Any, field: str) -> Columns:
        """Collect what one field of a struct depends on; the other fields do not count."""
        if isinstance(node, ops.StructColumn):
            return self.of_value(node.values[node.names.index(field)])
        if isinstance(node, ops.Field) and isinstance(node.rel, ops.Project):
            return self._part(node.rel.values[node.name], field) | self.of_rows(node.rel)
        if isinstance(node, ops.Field) and isinstance(node.rel, ops.DropColumns | ops.Filter):
            return self._part(ops.Field(node.rel.parent, node.name), field) | self.of_rows(node.rel)
        if isinstance(node, ops.WindowFunction | ops.First):
            return _union(
                self.of_rows(child)
                if isinstance(child, ops.Relation)
                else self._part(child, field)
                if child.dtype.is_struct()
                else self.of_value(child)
                for child in node.__children__
            )
        return self.of_value(node)

    def _predicates(self, node: Any) -> Columns:
        return _union(self.of_value(predicate) for predicate in node.predicates)

    def of_rows(self, rel: Any) -> Columns:
        """Collect the columns that decide which rows a relation has.

        Parameters
        ----------
        rel : ibis relation
            The relation.
        """
        if rel not in self._rows:
            self._rows[rel] = self._deciding(rel)
        return self._rows[rel]

    def _deciding(self, rel: Any) -> Columns:
        if isinstance(rel, ops.PhysicalTable):
            return frozenset()
        if isinstance(rel, SETS):
            return self.of_rows(rel.left) | self.of_rows(rel.right)
        if isinstance(rel, ops.JoinChain):
            return self.of_rows(rel.first) | _union(self._link(link) for link in rel.rest)
        own: Columns = frozenset()
        if isinstance(rel, ops.Filter):
            own = self._predicates(rel)
        elif isinstance(rel, ops.Aggregate):
            own = _union(self.of_value(group) for group in rel.groups.values())
        elif isinstance(rel, ops.Distinct):
            own = _union(self.of_column(rel.parent, name) for name in rel.schema.names)
        return self.of_rows(rel.parent) | own

    def _link(self, link: Any) -> Columns:
        """Collect what a join does to the rows: nothing, if it looks up at most one match."""
        if link.how in LOOKUPS and self._finds_one(link):
            return frozenset()
        return self.of_rows(link.table) | self._predicates(link)

    def _finds_one(self, link: Any) -> bool:
        compared = {
            field.name
            for predicate in link.predicates
            if isinstance(predicate, ops.Equals)
            for field in (predicate.left, predicate.right)
            if isinstance(field, ops.Field) and field.rel == link.table
        }
        return any(key <= compared for key in self._unique(link.table))

    def _unique(self, rel: Any) -> set[frozenset[str]]:
        """List sets of columns of which each combination occurs in one row at most."""
        if rel not in self._keys:
            self._keys[rel] = {key - self._constants for key in self._unique_sets(rel)}
        return self._keys[rel]

    def _unique_sets(self, rel: Any) -> Iterable[frozenset[str]]:
        if isinstance(rel, (ops.PhysicalTable, *SETS)):
            return []
        if isinstance(rel, ops.Aggregate | ops.Distinct):
            names = rel.groups if isinstance(rel, ops.Aggregate) else rel.schema.names
            return [frozenset(names)]
        if isinstance(rel, ops.Project):
            return _renamed(self._unique(rel.parent), rel.values)
        if isinstance(rel, ops.JoinChain):
            return self._joined_sets(rel)
        keys = set(self._unique(rel.parent))
        return keys | set(self._version_key(rel)) if isinstance(rel, ops.Filter) else keys

    def _joined_sets(self, chain: Any) -> Iterable[frozenset[str]]:
        """List the keys of a join's left side, if no row of it is repeated."""
        if not all(link.how in SEMI or self._finds_one(link) for link in chain.rest):
            return []
        first = {
            name: value
            for name, value in chain.values.items()
            if isinstance(value, ops.Field) and value.rel == chain.first
        }
        return _renamed(self._unique(chain.first), first)

    def _version_key(self, rel: Any) -> Iterable[frozenset[str]]:
        """Find the key of a filter that leaves the versions known at an instant."""
        for predicate in rel.predicates:
            for field in predicate.find(ops.Field):
                if field.name == VERSION_END:
                    for table, column in self._version_keys.items():
                        if (table, VERSION_END) in self.of_value(field):
                            yield frozenset({column})


def _renamed(keys: set[frozenset[str]], values: Any) -> Iterable[frozenset[str]]:
    """Name keys as a projection does; those that it does not keep whole are none any more."""
    names = {value.name: name for name, value in values.items() if isinstance(value, ops.Field)}
    for key in keys:
        if key <= names.keys():
            yield frozenset(names[name] for name in key)


def _union(parts: Iterable[Columns]) -> Columns:
    return frozenset().union(*parts)
