"""Preview a list before anything is created: the waterfall, the mix, the worth, the overlap."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from features.errors import GuanjiaError
from features.lake import Lake
from features.snapshots.snapshots import read_snapshot
from serving.lists.conditions.counting import count_among
from serving.lists.conditions.truths import places_of
from serving.lists.definitions.versions import read_lists
from serving.lists.expectation import Expectation, expect
from serving.lists.questions import check_definition
from serving.lists.released.reading import released_customers
from serving.lists.released.releases import latest_release
from serving.lists.rules import RULES
from serving.lists.selection import Selection
from serving.lists.standing import SENT

MATCHED = "matched"
SENT_WORDS = ("可发送", "sent")
MATCHED_WORDS = ("符合条件", "matched")


@dataclass(frozen=True)
class Step:
    """A step of the waterfall.

    Attributes
    ----------
    rule : str
        "matched", a name of `RULES`, or "sent".
    chinese, english : str
        In words.
    customers : int
        How many matched, were taken by the rule, or are sent.
    left : int
        How many are left after the step.
    """

    rule: str
    chinese: str
    english: str
    customers: int
    left: int


@dataclass(frozen=True)
class Overlap:
    """Customers of the list who are on another list too.

    Attributes
    ----------
    name, label : str
        The other list.
    meets : int
        How many of those sent meet its condition.
    released : int or None
        How many of those sent are on its latest release; None: it was never released.
    """

    name: str
    label: str
    meets: int
    released: int | None


@dataclass(frozen=True)
class Preview:
    """What a list would be, were it released now.

    Attributes
    ----------
    name, label : str
        The list.
    as_of : date
        Date of scores and tags.
    at : datetime
        The instant that it is of.
    waterfall : list of Step
        From matched to sent; each customer is taken by one rule.
    held_out : int
        Customers of the holdout who would be sent, and are frozen with a release.
    stars, branches : dict of str to int
        Mix of those sent.
    days : dict of int to int
        Customers by the day on which their branch gets to them.
    expectation : Expectation or None
        What is expected of those sent; None if nobody is.
    overlaps : list of Overlap
        Other lists with the same customers, those with the most first.
    consent : str
        "checked", or "not recorded".
    snapshot_id, model_versions : str
        What it was made from.
    """

    name: str
    label: str
    as_of: date
    at: datetime
    waterfall: list[Step]
    held_out: int
    stars: dict[str, int]
    branches: dict[str, int]
    days: dict[int, int]
    expectation: Expectation | None
    overlaps: list[Overlap]
    consent: str
    snapshot_id: str
    model_versions: str


def preview_list(
    lake: Lake,
    selection: Selection,
    connection: Connection | None = None,
    branches: Collection[str] | None = None,
) -> Preview:
    """Preview a selection.

    Parameters
    ----------
    lake : Lake
        The home.
    selection : Selection
        Who would be on the list.
    connection : Connection, optional
        Of the records, for other lists. Default: no list is compared.
    branches : collection of str, optional
        Branches whose customers the caller sees; default: all.
    """
    definition, sent = selection.definition, selection.sent
    return Preview(
        name=definition.name,
        label=definition.label,
        as_of=selection.as_of,
        at=selection.at,
        waterfall=build_waterfall(selection),
        held_out=len(selection.held_out),
        stars=_counted(place.row["star_level"] for place in sent),
        branches=_counted(place.row["branch"] for place in sent),
        days=dict(sorted(Counter(place.day for place in sent).items())),
        expectation=expect(lake, definition, sent, selection.cost) if sent else None,
        overlaps=find_overlaps(lake, selection, connection, branches)
        if connection is not None
        else [],
        consent=selection.consent,
        snapshot_id=selection.snapshot_id,
        model_versions=selection.model_versions,
    )


def build_waterfall(selection: Selection) -> list[Step]:
    """Build the waterfall of a selection; its numbers add up to those who are sent."""
    left = selection.matched
    steps = [Step(MATCHED, *MATCHED_WORDS, left, left)]
    for rule in RULES.values():
        count = len(selection.left_out.get(rule.name, ()))
        if count:
            left -= count
            steps.append(Step(rule.name, rule.chinese, rule.english, count, left))
    steps.append(Step(SENT, *SENT_WORDS, len(selection.sent), left))
    return steps


def find_overlaps(
    lake: Lake,
    selection: Selection,
    connection: Connection,
    branches: Collection[str] | None = None,
) -> list[Overlap]:
    """Find which other lists have the same customers: by their condition, and as released.

    Parameters
    ----------
    lake : Lake
        The home.
    selection : Selection
        The list.
    connection : Connection
        Of the records.
    branches : collection of str, optional
        Branches whose customers the caller sees; default: all.
    """
    ours = {place.customer_id for place in selection.sent}
    places = places_of(lake, read_snapshot(lake, selection.as_of), ours)
    overlaps = []
    for name, other in read_lists(connection).items():
        if name == selection.definition.name:
            continue
        try:
            condition = check_definition(lake, other.definition).condition
            meets = count_among(lake, selection.as_of, places, condition)
        except GuanjiaError:
            continue  # a list that names a tag or segment that is gone overlaps with nothing
        last = latest_release(connection, name)
        released = None
        if last is not None:
            released = len(ours.intersection(released_customers(lake, last, branches)))
        if meets or released:
            overlaps.append(Overlap(name, other.definition.label, meets, released))
    return sorted(overlaps, key=lambda overlap: (-overlap.meets, overlap.name))


def _counted(values: Any) -> dict[str, int]:
    """Count values by their text, the smallest first; who has none stands under a dash."""
    counts = Counter("-" if value is None else str(value) for value in values)
    return dict(sorted(counts.items()))
