"""Walk the expressions of tags, and note the turns of the dates that they compare.

`Walk.value` says of each value how it moves (`features.tags.moving`). Where it does not understand
an expression, it notes that any limit may turn the dates beneath, and all that meets the value.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from features.tags.moving import (
    ANY,
    BIRTHDAY,
    MIRRORED,
    Calendar,
    Distance,
    Moving,
    Now,
    Operator,
    Origin,
    Still,
    Turn,
    Value,
    civil_day,
    joined,
)

PREFIX = "checked_"
COMPARED: dict[type, Operator] = {
    ops.Less: "<",
    ops.LessEqual: "<=",
    ops.Greater: ">",
    ops.GreaterEqual: ">=",
    ops.Equals: "==",
    ops.NotEquals: "==",
    ops.IdenticalTo: "==",
}
# One of the values of its first argument, whichever rows there are.
CHOSEN = (ops.Max, ops.Min, ops.First, ops.Last, ops.Arbitrary, ops.Lag, ops.Lead)
ORDERED = (ops.ArgMin, ops.ArgMax)
# Does not change if all its values grow by one.
COUNTED = (ops.Count, ops.CountDistinct, ops.IsNull, ops.NotNull)
FIELDS = (ops.ExtractYear, ops.ExtractMonth, ops.ExtractDay)


class Walk:
    """A walk through the expressions of one relation and its tags.

    Parameters
    ----------
    day : date
        The literal that stands for the date of the tags.
    end : datetime
        The literal that stands for its cutoff.

    Attributes
    ----------
    turns : set of Turn
        What was noted so far.
    """

    def __init__(self, day: date, end: datetime) -> None:
        self.turns: set[Turn] = set()
        self._day, self._end = day, end
        self._values: dict[Any, Value] = {}
        self._walked: set[Any] = set()

    def note_tag(self, name: str, node: Any) -> None:
        """Note the turns of a tag; distances are no turns if its name says that it moves."""
        value = self.value(node)
        grows = name.startswith("days_since_") - name.startswith("days_to_")
        if not (isinstance(value, Distance) and grows and value.sign == grows):
            self._settle(value)

    def rows(self, relation: Any) -> None:
        """Note the turns that decide which rows a relation has."""
        if relation in self._walked:
            return
        self._walked.add(relation)
        if isinstance(relation, ops.Aggregate):
            for group in relation.groups.values():
                self._order(group)
        if isinstance(relation, ops.Sort):
            for key in relation.keys:
                self._order(key)
        for child in relation.__children__:
            if isinstance(child, ops.Relation | ops.JoinLink):
                self.rows(child)
            elif isinstance(relation, ops.Filter | ops.JoinLink):
                self._settle(self.value(child))

    def value(self, node: Any) -> Value:
        """Say how a value moves."""
        if node not in self._values:
            self._values[node] = self._value(node)
        return self._values[node]

    def _value(self, node: Any) -> Value:
        if isinstance(node, ops.Literal):
            return self._literal(node)
        if isinstance(node, ops.Field):
            return self._column(node.rel, node.name)
        if isinstance(node, ops.Cast | ops.Alias):
            return self.value(node.arg)
        if isinstance(node, (*COMPARED, ops.Between)):
            return self._comparison(node)
        if isinstance(node, ops.IfElse | ops.SearchedCase | ops.Coalesce):
            return self._choice(node)
        return self._computed(node)

    def _comparison(self, node: Any) -> Value:
        if isinstance(node, ops.Between):
            value = self.value(node.arg)
            self._compare(">=", value, self.value(node.lower_bound))
            return self._compare("<=", value, self.value(node.upper_bound))
        return self._compare(COMPARED[type(node)], self.value(node.left), self.value(node.right))

    def _choice(self, node: Any) -> Value:
        """Say how a value moves that is one of several, and note what decides which."""
        if isinstance(node, ops.Coalesce):
            return self._one_of(node.arg)
        simple = isinstance(node, ops.IfElse)
        for condition in (node.bool_expr,) if simple else node.cases:
            self._settle(self.value(condition))
        results = (node.true_expr, node.false_null_expr) if simple else node.results
        return self._one_of([*results] if simple else [*results, node.default])

    def _computed(self, node: Any) -> Value:
        if isinstance(node, CHOSEN + ORDERED + COUNTED + (ops.WindowFunction,)):
            return self._of_rows(node)
        if isinstance(node, ops.DateDelta):
            return self._apart(self.value(node.left), self.value(node.right))
        if isinstance(node, ops.DateAdd | ops.DateSub):
            return self._shifted(node)
        if isinstance(node, ops.Add | ops.Subtract):
            return self._sum(node)
        if isinstance(node, ops.Abs):
            value = self.value(node.arg)
            return replace(value, sign=0) if isinstance(value, Distance) else self._mixed([value])
        return self._mixed(list(self._arguments(node)), calendar=isinstance(node, FIELDS))

    def _literal(self, node: Any) -> Value:
        if node.value == self._day and node.dtype.is_date():
            return Now()
        if node.dtype.is_timestamp() and node.value == self._end:
            return Now(instant=True)
        integer = node.dtype.is_integer() and node.value is not None
        numbers = frozenset({int(node.value)}) if integer else None
        return Still(numbers=numbers, null=node.value is None)

    def _column(self, relation: Any, name: str) -> Value:
        """Say how a column of a relation moves, and note what decides on its rows."""
        self.rows(relation)
        if isinstance(relation, ops.PhysicalTable):
            if not relation.schema[name].is_temporal():
                return Still()
            return Still(frozenset({Origin(relation.name.removeprefix(PREFIX), name)}))
        if isinstance(relation, ops.Union | ops.Difference | ops.Intersection):
            sides = [self._column(side, name) for side in (relation.left, relation.right)]
            return joined(sides) or self._mixed(sides)
        if isinstance(relation, ops.Project | ops.Aggregate | ops.JoinChain):
            return self.value(relation.values[name])
        return self._column(relation.parent, name)

    def _one_of(self, nodes: Iterable[Any]) -> Value:
        values = [self.value(node) for node in nodes]
        return joined(values) or self._mixed(values)

    def _of_rows(self, node: Any) -> Value:
        """Say how a value moves that is chosen from rows, or counts them."""
        if isinstance(node, ops.WindowFunction):
            for by in (*node.group_by, *node.order_by):
                self._order(by)
            return self.value(node.func)
        if isinstance(node, ORDERED):
            self._order(node.key)
        for child in self._children(node):
            if child is not node.arg and not (isinstance(node, ORDERED) and child is node.key):
                self._settle(self.value(child))
        value = self.value(node.arg)
        if isinstance(node, COUNTED):
            return self._settle(value) if isinstance(value, Calendar) else Still()
        return value

    def _order(self, node: Any) -> None:
        """Note the turns of what rows are ordered or grouped by: distances keep their order."""
        if isinstance(node, ops.SortKey):
            self._order(node.arg)
        elif isinstance(node, ops.StructColumn):
            for part in node.values:
                self._order(part)
        else:
            value = self.value(node)
            if not isinstance(value, Distance):
                self._settle(value)

    def _compare(self, operator: Operator, left: Value, right: Value) -> Value:
        """Note at which dates a comparison turns; it is still otherwise."""
        if isinstance(left, Now) or (isinstance(right, Distance) and isinstance(left, Still)):
            left, right, operator = right, left, MIRRORED[operator]
        if isinstance(left, Calendar | Moving) or isinstance(right, Calendar | Moving):
            ages = isinstance(left, Calendar) or isinstance(right, Calendar)
            self._mixed([left, right], calendar=ages)
        elif isinstance(left, Still) and isinstance(right, Now):
            if left.exact:
                for origin in left.origins:
                    self._turn(origin, operator, right)
            else:
                self._note(left.origins, ANY)
        elif isinstance(left, Distance) and isinstance(right, Still) and right.numbers is not None:
            self._turn_at(left, operator, right.numbers)
        elif not (
            isinstance(left, Distance)
            and isinstance(right, Distance)
            and left.sign == right.sign != 0
        ):
            self._settle(left)
            self._settle(right)
        return Still()

    def _turn_at(self, left: Distance, operator: Operator, numbers: frozenset[int]) -> None:
        if left.added is None or left.sign == 0:
            self._settle(left)
            return
        for number in numbers:
            days = left.sign * (number - left.added)
            # sign * (now - origin) compared with n: the origin compared with now - sign * n.
            side: Operator = MIRRORED[operator] if left.sign > 0 else operator
            now = replace(left.now, days=left.now.days - days)
            for origin in left.origins:
                self._turn(origin, side, now)

    def _turn(self, origin: Origin, operator: Operator, now: Now) -> None:
        """Note the turn of a date that is compared with the date of the tags."""
        # The passing of some instants counts as a change of the row, and needs no turn.
        end = now == Now(instant=True) and not (origin.months or origin.days)
        day = civil_day(origin, always=not end)
        if day is None:
            return
        if day != origin.column or now.instant:
            # A day ends at its cutoff: what lies before the one lies within the other.
            exact = end and operator in ("<", ">=") and day != origin.column
            self.turns.add(Turn(origin.table, day) if exact else Turn(origin.table, day, ANY))
            return
        for begins in {"==": (False, True), ">=": (True,), "<": (True,)}.get(operator, (False,)):
            turn = Turn(
                origin.table,
                day,
                months=origin.months,
                now_months=now.months,
                now_days=now.days - origin.days,
                begins=begins,
            )
            self.turns.add(turn)

    def _apart(self, left: Value, right: Value) -> Value:
        """Say how the days from `right` to `left` move."""
        if isinstance(left, Now) and isinstance(right, Now):
            return Still(exact=False)
        if isinstance(left, Now) and isinstance(right, Still) and right.exact:
            return Distance(right.origins, 1, left)
        if isinstance(right, Now) and isinstance(left, Still) and left.exact:
            return Distance(left.origins, -1, right)
        return self._mixed([left, right])

    def _shifted(self, node: Any) -> Value:
        """Add an interval to a date, or take it away."""
        value = self.value(node.left)
        sign = 1 if isinstance(node, ops.DateAdd) else -1
        span, type_ = node.right, node.right.dtype
        unit = type_.unit.short if isinstance(type_, dt.Interval) else ""
        if not isinstance(span, ops.Literal) or unit not in ("M", "Y", "D"):
            return self._mixed([value, self.value(span)])
        count = sign * int(span.value)
        months, days = {"M": (count, 0), "Y": (12 * count, 0), "D": (0, count)}[unit]
        if isinstance(value, Now) and not (months and value.days):
            return Now(value.months + months, value.days + days)
        if isinstance(value, Still) and not (months and any(o.days for o in value.origins)):
            moved = (
                origin._replace(months=origin.months + months, days=origin.days + days)
                for origin in value.origins
            )
            return replace(value, origins=frozenset(moved))
        return self._mixed([value])

    def _sum(self, node: Any) -> Value:
        """Add or subtract: the difference of two distances is still."""
        left, right = self.value(node.left), self.value(node.right)
        minus = isinstance(node, ops.Subtract)
        if isinstance(left, Distance) and isinstance(right, Distance):
            if minus and left.sign == right.sign != 0:
                return Still(exact=False)
        elif isinstance(left, Distance) and isinstance(right, Still):
            return left.plus(right, -1 if minus else 1) or self._mixed([left, right])
        elif isinstance(right, Distance) and isinstance(left, Still):
            distance = right.mirrored() if minus else right
            return distance.plus(left, 1) or self._mixed([left, right])
        return self._mixed([left, right])

    def _mixed(self, values: list[Value], *, calendar: bool = False) -> Value:
        """Say how a value moves that is computed from others in a way the walk does not follow."""
        origins = frozenset[Origin]().union(
            *(value.origins for value in values if not isinstance(value, Now))
        )
        dated = any(isinstance(value, Now) for value in values)
        ages = any(isinstance(value, Calendar) for value in values) or (calendar and dated)
        if ages:
            self._note(origins, BIRTHDAY)
        if any(isinstance(value, Distance | Moving) for value in values) or (dated and not ages):
            self._note(origins, ANY)
            return Moving(origins)
        return Calendar(origins) if ages else Still(origins, exact=False)

    def _settle(self, value: Value) -> Value:
        """Take a value for still that moves in a way the walk does not follow."""
        if isinstance(value, Distance):
            self._note(value.origins, ANY)
        elif isinstance(value, Calendar):
            self._note(value.origins, BIRTHDAY)
        return Still()

    def _note(self, origins: Iterable[Origin], kind: str) -> None:
        for origin in origins:
            day = civil_day(origin, always=True)
            if day is not None:
                self.turns.add(Turn(origin.table, day, kind))

    def _arguments(self, node: Any) -> Iterable[Value]:
        return (self.value(child) for child in self._children(node))

    def _children(self, node: Any) -> list[Any]:
        """List the values that a value is made from; relations among them are walked."""
        values = []
        for child in node.__children__:
            if not isinstance(child, ops.Relation):
                values.append(child)
            elif isinstance(node, ops.CountStar):
                self.rows(child)
            else:  # a query within the expression: whatever it gives
                for name in child.schema:
                    self._settle(self._column(child, name))
        return values
