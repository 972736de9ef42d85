"""Select who is on a list: everybody who meets its condition goes through every rule once.

The selection is a function of definition, scores, records and instant: the same are selected, in
the same order, whenever it is made again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection

from features.lake import Lake
from features.sql import quoted, sql_text
from features.tags.catalogue import catalogue
from serving.decision.candidates import Value
from serving.lists.conditions.counting import Counts, count
from serving.lists.contact import CampaignOf, nobody_else
from serving.lists.definitions.definition import EXPECTED_VALUE, ListDefinition
from serving.lists.gatekeeper import Checked, Gatekeeper
from serving.lists.places import Place, place_customers
from serving.lists.questions import ListQuestion, check_definition, readable_columns
from serving.lists.scores import Row, check_scores, fetch_rows, read_versions_of_models
from serving.lists.source import match_query, refuse_unknown_texts


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
    left_out : dict of str to list of str
        Rule -> customers it took, in the order of the list.
    sent : list of Place
        Customers to contact, in order.
    held_out : list of Place
        Customers of the holdout who would be sent.
    consent : str
        "checked", or "not recorded" if the insurer delivers no consents.
    ranks : dict of str to int
        Place among all who may be contacted, with or without room for them, in its order.
    checked : list of Checked
        What the gates said of everybody who matched, in the order of the list's columns.
    """

    definition: ListDefinition
    as_of: date
    at: datetime
    snapshot_id: str
    model_versions: str
    cost: float
    matched: int
    left_out: dict[str, list[str]]
    sent: list[Place]
    held_out: list[Place]
    consent: str
    ranks: dict[str, int] = field(default_factory=dict)
    checked: list[Checked] = field(default_factory=list)

    @property
    def placed(self) -> list[Place]:
        """All who are frozen in a release: those sent and those held out, by rank."""
        return sorted([*self.sent, *self.held_out], key=lambda place: place.rank)


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
    only: str | None = None,
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
    only : str, optional
        The only customer to match; default: everybody.

    Raises
    ------
    GuanjiaError
        If the definition names what there is not, a condition is not valid, or scores are missing
        or do not belong to the snapshot.
    """
    question = check_definition(lake, definition, where)
    definition = question.definition
    snapshot_id = check_scores(lake, as_of)
    keeper = Gatekeeper(lake, definition, as_of, at, connection, campaign_of)
    rows = _matched(lake, as_of, question, [*keeper.tags, *reads], branches, only)
    checked = keeper.check(rows)
    values: list[Value | None] = [None] * len(rows)
    for number, (row, checks) in enumerate(zip(rows, checked, strict=True)):
        if checks.rule is None or checks.holdout:
            values[number] = keeper.value(row, checks)
    placed = place_customers(definition, rows, checked, values, keeper.candidate.cost, excluded)
    versions = rows[0]["model_versions"] if rows else read_versions_of_models(lake, as_of)
    return Selection(
        definition=definition,
        as_of=as_of,
        at=at,
        snapshot_id=snapshot_id,
        model_versions=versions,
        cost=keeper.candidate.cost,
        matched=len(rows),
        left_out=placed.left_out,
        sent=placed.sent,
        held_out=placed.held_out,
        consent="checked" if lake.has("consents") else "not recorded",
        ranks=placed.ranks,
        checked=checked,
    )


def count_matched(
    lake: Lake,
    definition: ListDefinition,
    as_of: date,
    where: str | None = None,
    branches: Collection[str] | None = None,
) -> Counts:
    """Count the customers who meet a list's condition and each of its parts, before any gate.

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
    tags = [tag for tag in catalogue() if tag in question.columns]
    refuse_unknown_texts(lake, as_of, tags, question.texts)
    return count(lake, as_of, [question.condition], branches)


def _matched(
    lake: Lake,
    as_of: date,
    question: ListQuestion,
    reads: Collection[str],
    branches: Collection[str] | None,
    only: str | None,
) -> list[Row]:
    """Read everybody who meets the condition, in the order of the list."""
    query = _query(lake, as_of, question, reads, branches, only)
    terms = [term for term in question.definition.terms if term.column != EXPECTED_VALUE]
    order = [f"{quoted(t.column)} {'DESC' if t.descends else 'ASC'} NULLS LAST" for t in terms]
    return fetch_rows(lake, f"{query} ORDER BY {', '.join([*order, 'customer_id'])}")


def _query(
    lake: Lake,
    as_of: date,
    question: ListQuestion,
    reads: Collection[str],
    branches: Collection[str] | None,
    only: str | None,
) -> str:
    """Write the query of everybody who meets the condition and whom the caller sees."""
    named = {*question.columns, *reads}
    tags = [tag for tag in catalogue() if tag in named and tag not in readable_columns()]
    refuse_unknown_texts(lake, as_of, tags, question.texts)
    conditions = list(question.conditions)
    if branches is not None:
        listed = ", ".join(sql_text(branch) for branch in sorted(branches)) or "NULL"
        conditions.append(f'"branch" IN ({listed})')
    if only is not None:
        conditions.append(f"customer_id = {sql_text(only)}")
    return match_query(lake, as_of, tags, conditions, list(question.left_out.values()))


def count_left_out(left_out: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Count the customers that each rule took."""
    return {rule: len(customers) for rule, customers in left_out.items()}
