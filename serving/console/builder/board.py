"""Play one round of the form of a condition: text and tree in step, an act, counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from features.condition_forms.condition import Condition, read_condition
from features.condition_forms.structure import Structure, parts_of
from features.condition_forms.vocabulary import Vocabulary
from features.errors import GuanjiaError
from serving.console.builder.controls import Controls, controls_of
from serving.console.builder.draft import (
    Draft,
    DraftGroup,
    DraftRow,
    IncompleteRowError,
    draft_of,
    structure_of,
)
from serving.console.builder.edits import change
from serving.console.builder.fields import ROOT, read_draft
from serving.console.builder.tag_search import TagMatches, search_tags
from serving.lists.conditions.counting import PartCount, count
from serving.lists.conditions.vocabulary import list_vocabulary
from serving.lists.listing import Viewer
from serving.lists.questions import readable_columns
from serving.lists.service import ListService

WHERE, WAS, ACT = "where", "where_was", "do"
"""Fields of the form: the text, the text as the page was sent, and the act of a button."""


@dataclass(frozen=True)
class Part:
    """A group or row as the page shows it.

    Attributes
    ----------
    path : str
        Its path.
    depth : int
        How deep it stands; 0 is the outermost group.
    kind : str
        all, any, none, or row.
    row : DraftRow or None
        The row; None: a group.
    controls : Controls or None
        Of a row with a tag.
    matches : TagMatches or None
        What the search of a row found.
    fault : GuanjiaError or None
        Why a row is not counted.
    customers, unknown : int or None
        For how many it holds, and is neither true nor false; None: it is not counted.
    members : list of Part
        Of a group.
    """

    path: str
    depth: int
    kind: str
    row: DraftRow | None = None
    controls: Controls | None = None
    matches: TagMatches | None = None
    fault: GuanjiaError | None = None
    customers: int | None = None
    unknown: int | None = None
    members: "list[Part]" = field(default_factory=list)

    @property
    def is_incomplete(self) -> bool:
        """Whether a row lacks something, and nothing in it is wrong."""
        return isinstance(self.fault, IncompleteRowError)


@dataclass(frozen=True)
class Board:
    """What the page shows of a condition.

    Attributes
    ----------
    text : str
        The condition as text.
    root : Part
        The tree.
    focus : str
        Id of the element that gets the focus; empty: where it was.
    fault : GuanjiaError or None
        Why the text cannot be read; the tree is then that of before.
    customers : int
        Customers whom the user sees.
    as_of : date
        Date of the tags.
    open_rows : int
        Rows that are not counted.
    """

    text: str
    root: Part
    focus: str
    fault: GuanjiaError | None
    customers: int
    as_of: date
    open_rows: int


def play(
    service: ListService,
    viewer: Viewer,
    fields: Sequence[tuple[str, str]],
    *,
    english: bool = False,
) -> Board:
    """Run one round: take the text if it was changed, else the tree and the act; count every part.

    Parameters
    ----------
    service : ListService
        The lists of the home.
    viewer : Viewer
        Whose customers are counted.
    fields : sequence of (str, str)
        The fields of the form.
    english : bool
        Write a changed tree as plain text; else in Chinese.

    Raises
    ------
    GuanjiaError
        If the form is none of ours, or there are no scores.
    """
    as_of = service.day()
    vocabulary = list_vocabulary(service.lake, readable_columns(), as_of)
    form = dict(fields)
    text, known = form.get(WHERE, ""), read_draft(fields)
    draft, focus, fault = known or DraftGroup(), "", None
    changed = known is None or _folded(text) != _folded(form.get(WAS, ""))
    if changed:
        try:
            structure = read_condition(text, vocabulary).structure if text.strip() else None
            draft = draft_of(structure)
        except GuanjiaError as error:
            # An act of a button is for the tree that is shown, which then replaces the text.
            changed = known is None or not form.get(ACT)
            fault = error if changed else None
    if not changed:
        if form.get(ACT):
            focus = change(draft, form[ACT], vocabulary)
        structure = structure_of(draft, vocabulary, lenient=True)
        text = _text(text, structure, vocabulary, english=english)
    counted = _counted(service, viewer, as_of, draft, vocabulary)
    root = _part(draft, ROOT, vocabulary, counted, viewer)
    return Board(
        text=text,
        root=root,
        focus=focus,
        fault=fault,
        customers=counted.customers,
        as_of=as_of,
        open_rows=sum(part.fault is not None for part in parts_below(root)),
    )


def parts_below(part: Part) -> Iterator[Part]:
    """Iterate over a part and everything in it."""
    yield part
    for member in part.members:
        yield from parts_below(member)


def _folded(text: str) -> str:
    """Return a text as every browser sends it."""
    return text.replace("\r\n", "\n").strip()


def _text(text: str, structure: Structure | None, vocabulary: Vocabulary, *, english: bool) -> str:
    """Write a tree as text; the text stays as it was typed where it says the same."""
    if structure is None:
        return ""
    try:
        if read_condition(text, vocabulary).structure == structure:
            return text
    except GuanjiaError:
        pass
    condition = Condition(structure, vocabulary)
    return condition.plain if english else condition.chinese


@dataclass(frozen=True)
class _Counted:
    by_structure: dict[Structure, PartCount]
    customers: int


def _counted(
    service: ListService, viewer: Viewer, as_of: date, draft: DraftGroup, vocabulary: Vocabulary
) -> _Counted:
    """Count every group and row of a draft that says something, in one go.

    The whole condition is counted with its parts; what is no part of it, such as a row of a group
    of none that became its contrary, is counted beside it.
    """
    structures = [
        structure
        for part in _drafts(draft)
        if (structure := structure_of(part, vocabulary, lenient=True)) is not None
    ]
    within = {part for root in structures[:1] for _, part in parts_of(root)}
    counted_structures = [
        *structures[:1],
        *dict.fromkeys(other for other in structures if other not in within),
    ]
    conditions = [Condition(structure, vocabulary) for structure in counted_structures]
    counts = count(service.lake, as_of, conditions, viewer.branches)
    by_structure = {
        part: counted
        for structure, condition in zip(counted_structures, counts.conditions, strict=True)
        for (_, part), counted in zip(parts_of(structure), condition.parts, strict=True)
    }
    return _Counted(by_structure, counts.customers)


def _drafts(draft: Draft) -> Iterator[Draft]:
    yield draft
    if isinstance(draft, DraftGroup):
        for member in draft.members:
            yield from _drafts(member)


def _part(
    draft: Draft, path: str, vocabulary: Vocabulary, counted: _Counted, viewer: Viewer
) -> Part:
    structure = structure_of(draft, vocabulary, lenient=True)
    counts = None if structure is None else counted.by_structure[structure]
    customers = None if counts is None else counts.customers
    unknown = None if counts is None else counts.unknown
    depth = path.count(".")
    if isinstance(draft, DraftGroup):
        members = [
            _part(member, f"{path}.{place}", vocabulary, counted, viewer)
            for place, member in enumerate(draft.members)
        ]
        return Part(path, depth, draft.kind, customers=customers, unknown=unknown, members=members)
    return Part(
        path=path,
        depth=depth,
        kind="row",
        row=draft,
        controls=controls_of(draft, vocabulary, viewer.branches),
        matches=None if draft.find is None else search_tags(vocabulary, draft.find, draft.part),
        fault=_fault(draft, vocabulary),
        customers=customers,
        unknown=unknown,
    )


def _fault(row: DraftRow, vocabulary: Vocabulary) -> GuanjiaError | None:
    try:
        structure_of(row, vocabulary)
    except GuanjiaError as error:
        return error
    return None
