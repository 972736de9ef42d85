"""Count customers who meet a condition and each of its parts, while somebody types it.

For whom a single test holds is read once (`truths.py`); groups and negations are joined from that
in SQL's logic of three values.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc

from features.condition_forms.condition import Condition
from features.condition_forms.structure import Group, Negation, Structure, Test, parts_of
from features.lake import Lake
from features.snapshots.snapshots import Snapshot, read_snapshot
from features.sql import quoted, sql_text
from features.texts import Sentence
from serving.lists.conditions.truths import read_truths

BRANCH = "branch"


@dataclass(frozen=True)
class PartCount:
    """Customers who meet a condition or a part of it.

    Attributes
    ----------
    path : str
        Place of the part in the structure: "" is the condition itself, "1.0" the first member of
        its second member.
    plain, chinese : str
        The part as text.
    customers : int
        Customers for whom it holds.
    unknown : int
        Customers for whom it is neither true nor false, because a value is null.
    """

    path: str
    plain: str
    chinese: str
    customers: int
    unknown: int


@dataclass(frozen=True)
class ConditionCount:
    """Counts of a condition; `parts` has itself first, then its parts in their order.

    Attributes
    ----------
    customers, unknown : int
        As of the condition itself in `parts`.
    hints : list of Sentence
        Sentences on tests that hold for everybody or nobody, whatever the data.
    """

    customers: int
    unknown: int
    parts: list[PartCount]
    hints: list[Sentence]


@dataclass(frozen=True)
class Counts:
    """Counts of conditions over the customers of a date, of the branches asked for."""

    as_of: date
    snapshot_id: str
    customers: int
    conditions: list[ConditionCount]


@dataclass(frozen=True)
class Overlap:
    """Customers whom conditions share.

    Attributes
    ----------
    as_of, snapshot_id, customers
        As in `Counts`.
    sizes : dict of str to int
        Customers who meet each condition.
    shared : dict of str to dict of str to int
        Condition -> other condition -> customers who meet both.
    in_any : int
        Customers who meet at least one of them.
    """

    as_of: date
    snapshot_id: str
    customers: int
    sizes: dict[str, int]
    shared: dict[str, dict[str, int]]
    in_any: int

    def of(self, name: str) -> dict[str, int]:
        """Return how many customers of a condition meet each condition, itself included."""
        return {
            other: size if other == name else self.shared[name][other]
            for other, size in self.sizes.items()
        }


def count(
    lake: Lake,
    as_of: date,
    conditions: Sequence[Condition],
    branches: Collection[str] | None = None,
) -> Counts:
    """Count the customers who meet each condition, and each of its parts.

    Parameters
    ----------
    lake : Lake
        The home with the snapshot and, if a condition names a score, the scores.
    as_of : date
        Date of the snapshot.
    conditions : sequence of Condition
        The conditions, over tags and scores.
    branches : collection of str, optional
        Only customers of these branches are counted; default: all customers.

    Raises
    ------
    GuanjiaError
        If there is no snapshot or no scores, or their files do not belong together.
    """
    snapshot = read_snapshot(lake, as_of)
    scope, truths = _truths(lake, snapshot, conditions, branches)
    counted = []
    for condition in conditions:
        parts = []
        for path, structure in parts_of(condition.structure):
            part = condition.part(structure)
            holds = truths[structure]
            parts.append(
                PartCount(
                    path=".".join(map(str, path)),
                    plain=part.plain,
                    chinese=part.chinese,
                    customers=_size(holds, scope),
                    unknown=_size(holds.is_null(), scope),
                )
            )
        counted.append(ConditionCount(parts[0].customers, parts[0].unknown, parts, condition.hints))
    total = snapshot.customers if scope is None else scope.true_count
    return Counts(as_of, snapshot.snapshot_id, total, counted)


def overlap(
    lake: Lake,
    as_of: date,
    conditions: Mapping[str, Condition],
    branches: Collection[str] | None = None,
) -> Overlap:
    """Count the customers whom each pair of conditions shares.

    Parameters
    ----------
    lake, as_of, branches
        As in `count`.
    conditions : mapping of str to Condition
        Conditions by the name of their list, at least one.

    Raises
    ------
    GuanjiaError
        As `count`.
    """
    snapshot = read_snapshot(lake, as_of)
    scope, truths = _truths(lake, snapshot, [*conditions.values()], branches)
    members = {name: truths[condition.structure] for name, condition in conditions.items()}
    sizes = {name: _size(holds, scope) for name, holds in members.items()}
    shared: dict[str, dict[str, int]] = {name: {} for name in conditions}
    for first, second in combinations(conditions, 2):
        both = _size(pc.and_kleene(members[first], members[second]), scope)
        shared[first][second] = shared[second][first] = both
    total = snapshot.customers if scope is None else scope.true_count
    in_any = _size(_joined("any", [*members.values()]), scope)
    return Overlap(as_of, snapshot.snapshot_id, total, sizes, shared, in_any)


def count_among(lake: Lake, as_of: date, places: pa.Int64Array, condition: Condition) -> int:
    """Count how many of some customers meet a condition.

    Parameters
    ----------
    lake, as_of
        As in `count`.
    places : pyarrow.Int64Array
        Places of the customers in the snapshot (`places_of`).
    condition : Condition
        The condition.

    Raises
    ------
    GuanjiaError
        As `count`.
    """
    _, truths = _truths(lake, read_snapshot(lake, as_of), [condition], None)
    return int(truths[condition.structure].take(places).true_count)


def _truths(
    lake: Lake,
    snapshot: Snapshot,
    conditions: Sequence[Condition],
    branches: Collection[str] | None,
) -> tuple[pa.BooleanArray | None, dict[Structure, pa.BooleanArray]]:
    """Determine who is in scope (None: all), and for whom each part of the conditions holds."""
    tests = {
        structure: condition.part(structure)
        for condition in conditions
        for _, structure in parts_of(condition.structure)
        if not isinstance(structure, Group | Negation)
    }
    queries = {test.sql: _columns_of(test) for test in tests.values()}
    listed = ", ".join(map(sql_text, sorted(branches or ()))) or "NULL"
    of_branches = f"{quoted(BRANCH)} IN ({listed})"
    if branches is not None:
        queries[of_branches] = [BRANCH]
    read = read_truths(lake, snapshot, queries)
    truths: dict[Structure, pa.BooleanArray] = {
        structure: read[test.sql] for structure, test in tests.items()
    }
    for condition in conditions:
        # Parts come after what they are part of.
        for _, structure in reversed([*parts_of(condition.structure)]):
            if isinstance(structure, Negation):
                truths[structure] = pc.invert(truths[structure.part])
            elif isinstance(structure, Group):
                members = [truths[member] for member in structure.members]
                truths[structure] = _joined(structure.kind, members)
    return (None if branches is None else read[of_branches]), truths


def _columns_of(test: Condition) -> list[str]:
    """List the columns of a test, without parsing it a second time; of a segment, of its rule."""
    structure = test.structure
    if isinstance(structure, Test):
        return [structure.column, *([structure.other] if structure.other else [])]
    return test.columns


def _joined(kind: str, members: Sequence[pa.BooleanArray]) -> pa.BooleanArray:
    joined, *others = members
    for other in others:
        joined = (pc.and_kleene if kind == "all" else pc.or_kleene)(joined, other)
    return joined


def _size(holds: pa.BooleanArray, scope: pa.BooleanArray | None) -> int:
    return int((holds if scope is None else pc.and_kleene(holds, scope)).true_count)
