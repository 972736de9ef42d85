"""Give everybody who matched a list's condition a place on it, or the rule that takes them."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from serving.decision.candidates import Value
from serving.lists.definitions.definition import ListDefinition, branch_capacity
from serving.lists.gatekeeper import Checked
from serving.lists.scores import Row


@dataclass(frozen=True)
class Place:
    """A customer's place on a list.

    Attributes
    ----------
    row : dict of str to object
        The customer's scores and tags.
    rank : int
        Place among all who may be contacted, those of the holdout too; from 1 on.
    value : Value or None
        What the contact is worth; None if no prediction says it.
    day : int
        Day on which the branch gets to them, from 1 on; 1 without a capacity.
    holdout : bool
        Whether they are in the holdout, and are not contacted.
    checked : Checked
        What the gates said.
    """

    row: Row
    rank: int
    value: Value | None
    day: int
    holdout: bool
    checked: Checked

    @property
    def customer_id(self) -> str:
        """The customer."""
        return str(self.row["customer_id"])

    @property
    def expected_value(self) -> float | None:
        """Expected value of the contact in yuan."""
        return None if self.value is None else self.value.total


@dataclass
class Placed:
    """Customers who matched, each with a place or taken by a rule; see `Selection`."""

    left_out: dict[str, list[str]] = field(default_factory=dict)
    sent: list[Place] = field(default_factory=list)
    held_out: list[Place] = field(default_factory=list)
    ranks: dict[str, int] = field(default_factory=dict)


@dataclass
class _Room:
    """How far a list may still go."""

    definition: ListDefinition
    cost: float
    sent: int = 0
    by_branch: Counter[str | None] = field(default_factory=Counter)

    def refusal(self, branch: str | None) -> str | None:
        """Name the bound that leaves no room for another customer of a branch; None: none does."""
        most = branch_capacity(self.definition, branch)
        if most is not None and self.by_branch[branch] >= most:
            return "capacity"
        if self.definition.size is not None and self.sent >= self.definition.size:
            return "size"
        budget = self.definition.budget
        if budget is not None and round(self.cost * (self.sent + 1), 4) > budget:
            return "budget"
        return None

    def day(self, branch: str | None) -> int:
        """Return the day on which the branch gets to its next customer."""
        most = branch_capacity(self.definition, branch)
        return 1 if not most else 1 + self.by_branch[branch] * self.definition.days // most

    def enter(self, branch: str | None) -> None:
        """Take the place of one customer."""
        self.sent += 1
        self.by_branch[branch] += 1


def place_customers(
    definition: ListDefinition,
    rows: Sequence[Row],
    checked: Sequence[Checked],
    values: Sequence[Value | None],
    cost: float,
    excluded: Collection[str] = frozenset(),
) -> Placed:
    """Give everybody who matched a place, or the rule that takes them. Nothing else is read.

    Parameters
    ----------
    definition : ListDefinition
        The list, with its order by value, size, budget and capacity.
    rows : sequence of dict
        Shape (customers,): scores and tags, in the order of the list's columns; `flags` says
        whether the customer is in a segment that is left out.
    checked : sequence of Checked
        Shape (customers,): what the gates said.
    values : sequence of Value or None
        Shape (customers,): what the contact is worth.
    cost : float
        Yuan of one contact.
    excluded : collection of str
        Customers on lists that are left out.
    """
    order = range(len(rows))
    if definition.by_value:
        totals = [-float("inf") if value is None else value.total for value in values]
        order = sorted(order, key=lambda number: -totals[number])  # type: ignore[assignment]
    placed, room, rank = Placed(), _Room(definition, cost), 0
    for number in order:
        row, checks, value = rows[number], checked[number], values[number]
        rule = checks.rule
        if any(row["flags"]) or row["customer_id"] in excluded:
            rule = "excluded" if rule != "erased" else rule
        may = rule is None or (rule == "holdout" and checks.holdout)
        low = definition.least_value
        if may and low is not None and (value is None or value.total < low):
            rule, may = "low_value" if rule is None else rule, False
        if may:
            rank += 1
            placed.ranks[row["customer_id"]] = rank
            full = room.refusal(row["branch"])
            place = Place(row, rank, value, room.day(row["branch"]), rule is not None, checks)
            if rule is None and full is None:
                room.enter(row["branch"])
                placed.sent.append(place)
            elif rule is not None and full is None:
                placed.held_out.append(place)
            rule = rule or full
        if rule is not None:
            placed.left_out.setdefault(rule, []).append(str(row["customer_id"]))
    return placed
