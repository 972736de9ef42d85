"""Select who is on a list: everybody who meets its condition goes through every rule once.

The selection is a function of definition, scores, records and instant: the same are selected, in
the same order, whenever it is made again.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection

from features.lake import Lake
from features.sql import quoted, sql_text
from features.tags.catalogue import catalogue
from serving.decision.candidates import Value
from serving.lists.definition import EXPECTED_VALUE, ListDefinition, branch_capacity
from serving.lists.gatekeeper import CampaignOf, Checked, Gatekeeper, nobody_else
from serving.lists.questions import ListQuestion, check_definition, readable_columns
from serving.lists.scores import Row, check_scores, fetch_rows, read_versions_of_models
from serving.lists.source import match_query, refuse_unknown_texts


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


@dataclass(frozen=True)
class Selection:
    """Who is on a list, and who is not, by the rule that took them.

    Attributes
    ----------
    definition : ListDefinition
        The list.
    as_of, at : date, datetime
        Date of the scores, and the instant of the selection.
    snapshot_id, model_versions : str, str
        What scores and tags were made from.
    cost : float
        Yuan of one contact.
    matched : int
        Customers who meet the condition.
    taken : dict of str to list of str
        Rule -> customers it took, in the order of the list.
    sent : list of Place
        Customers to contact, in order.
    held_out : list of Place
        Customers of the holdout who would be sent.
    consent : str
        "checked", or "not recorded" if the insurer delivers no consents.
    kept : dict of str to Checked
        What the gates said of the customers that were asked for.
    ranks : dict of str to int
        Their place among all who may be contacted, with or without room for them.
    """

    definition: ListDefinition
    as_of: date
    at: datetime
    snapshot_id: str
    model_versions: str
    cost: float
    matched: int
    taken: dict[str, list[str]]
    sent: list[Place]
    held_out: list[Place]
    consent: str
    kept: dict[str, Checked] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)

    @property
    def placed(self) -> list[Place]:
        """All who are frozen in a release: those sent and those held out, by rank."""
        return sorted([*self.sent, *self.held_out], key=lambda place: place.rank)


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


def select(
    lake: Lake,
    definition: ListDefinition,
    as_of: date,
    at: datetime,
    *,
    connection: Connection | None = None,
    where: str | None = None,
    excluded: Collection[str] = frozenset(),
    campaign_of: CampaignOf = nobody_else,
    branches: Collection[str] | None = None,
    reads: Collection[str] = (),
    kept: Collection[str] = frozenset(),
) -> Selection:
    """Select the customers of a list.

    Parameters
    ----------
    lake : Lake
        The home with scores, snapshot and checked tables.
    definition : ListDefinition
        The list.
    as_of : date
        Date of the scores and tags.
    at : datetime
        Now: what the records know by then counts.
    connection : Connection, optional
        Of the records. Default: nothing is on record.
    where : str, optional
        Narrows the list's own condition.
    excluded : collection of str
        Customers on lists that are left out.
    campaign_of : callable
        Says who is in a campaign of higher priority.
    branches : collection of str, optional
        Branches whose customers the caller sees; nobody else is matched. Default: all.
    reads : collection of str
        Further tags of the rows.
    kept : collection of str
        Customers of whom the gates are told.

    Raises
    ------
    GuanjiaError
        If the definition names what there is not, a condition is not valid, or scores are missing
        or do not belong to the snapshot.
    """
    question = check_definition(lake, definition, where)
    snapshot_id = check_scores(lake, as_of)
    keeper = Gatekeeper(lake, definition, as_of, at, connection, campaign_of)
    rows = _matched(lake, as_of, question, [*keeper.tags, *reads], branches)
    checked = keeper.check(rows)
    values: list[Value | None] = [None] * len(rows)
    for number, (row, found) in enumerate(zip(rows, checked, strict=True)):
        if found.rule is None or found.holdout:
            values[number] = keeper.value(row, found)
    order = range(len(rows))
    if definition.by_value:
        totals = [-float("inf") if value is None else value.total for value in values]
        order = sorted(order, key=lambda number: -totals[number])  # type: ignore[assignment]
    taken: dict[str, list[str]] = {}
    sent: list[Place] = []
    held_out: list[Place] = []
    ranks: dict[str, int] = {}
    room, rank = _Room(definition, keeper.candidate.cost), 0
    for number in order:
        row, found, value = rows[number], checked[number], values[number]
        rule = found.rule
        if any(row["flags"]) or row["customer_id"] in excluded:
            rule = "excluded" if rule != "erased" else rule
        may = rule is None or (rule == "holdout" and found.holdout)
        low = definition.least_value
        if may and low is not None and (value is None or value.total < low):
            rule, may = "low_value" if rule is None else rule, False
        if may:
            rank += 1
            if row["customer_id"] in kept:
                ranks[row["customer_id"]] = rank
            full = room.refusal(row["branch"])
            place = Place(row, rank, value, room.day(row["branch"]), rule is not None, found)
            if rule is None and full is None:
                room.enter(row["branch"])
                sent.append(place)
            elif rule is not None and full is None:
                held_out.append(place)
            rule = rule or full
        if rule is not None:
            taken.setdefault(rule, []).append(str(row["customer_id"]))
    versions = rows[0]["model_versions"] if rows else read_versions_of_models(lake, as_of)
    return Selection(
        definition=definition,
        as_of=as_of,
        at=at,
        snapshot_id=snapshot_id,
        model_versions=versions,
        cost=keeper.candidate.cost,
        matched=len(rows),
        taken=taken,
        sent=sent,
        held_out=held_out,
        consent="checked" if lake.has("consents") else "not recorded",
        kept={
            row["customer_id"]: found
            for row, found in zip(rows, checked, strict=True)
            if row["customer_id"] in kept
        },
        ranks=ranks,
    )


def count_matched(
    lake: Lake,
    definition: ListDefinition,
    as_of: date,
    where: str | None = None,
    branches: Collection[str] | None = None,
) -> int:
    """Count the customers who meet a list's condition, before any gate.

    Parameters
    ----------
    lake, definition, as_of, where, branches
        As in `select`.

    Raises
    ------
    GuanjiaError
        As `select`.
    """
    question = check_definition(lake, definition, where)
    check_scores(lake, as_of)
    query = _query(lake, as_of, question, ["branch"], branches)
    return int(fetch_rows(lake, f"SELECT count(*) AS customers FROM ({query})")[0]["customers"])


def _matched(
    lake: Lake,
    as_of: date,
    question: ListQuestion,
    reads: Collection[str],
    branches: Collection[str] | None,
) -> list[Row]:
    """Read everybody who meets the condition, in the order of the list."""
    query = _query(lake, as_of, question, reads, branches)
    terms = [term for term in question.definition.terms if term.column != EXPECTED_VALUE]
    order = [f"{quoted(t.column)} {'DESC' if t.descends else 'ASC'} NULLS LAST" for t in terms]
    return fetch_rows(lake, f"{query} ORDER BY {', '.join([*order, 'customer_id'])}")


def _query(
    lake: Lake,
    as_of: date,
    question: ListQuestion,
    reads: Collection[str],
    branches: Collection[str] | None,
) -> str:
    """Write the query of everybody who meets the condition and whom the caller sees."""
    named = {*question.columns, *reads}
    tags = [tag for tag in catalogue() if tag in named and tag not in readable_columns()]
    refuse_unknown_texts(lake, as_of, tags, question.texts)
    conditions = list(question.conditions)
    if branches is not None:
        listed = ", ".join(sql_text(branch) for branch in sorted(branches)) or "NULL"
        conditions.append(f'"branch" IN ({listed})')
    return match_query(lake, as_of, tags, conditions, list(question.left_out.values()))


def count_taken(taken: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Count the customers that each rule took."""
    return {rule: len(customers) for rule, customers in taken.items()}
