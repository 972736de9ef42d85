"""Change a draft by one act of a button: add, remove, move, choose a tag."""

from features.condition_forms.faults import condition_fault
from features.condition_forms.vocabulary import Vocabulary
from features.errors import InputError
from serving.console.builder.controls import first_operator
from serving.console.builder.draft import Draft, DraftGroup, DraftRow
from serving.console.builder.fields import path_of, places_of
from serving.console.builder.tag_search import search_tags

CURE = "load the page again"
CHINESE_CURE = "请重新打开页面"


def change(draft: DraftGroup, act: str, vocabulary: Vocabulary) -> str:
    """Apply an act to a draft, in place.

    Parameters
    ----------
    draft : DraftGroup
        The outermost group.
    act : str
        `add`, `group`, `remove`, `up`, `down`, `take`, `find`, `keep`, `first` or `choose`, a
        colon and the path of the group or row; `choose` has a second colon and a tag or segment.
    vocabulary : Vocabulary
        The tags and segments.

    Returns
    -------
    str
        Id of the element that gets the focus.

    Raises
    ------
    GuanjiaError
        If there is no such act or path, such as after two clicks at once.
    """
    what, _, rest = act.partition(":")
    path, _, chosen = rest.partition(":")
    places = places_of(path)
    if what in ("add", "group"):
        return _added(draft, places, a_group=what == "group")
    if what in ("up", "down", "remove") and places:
        return _removed(draft, places) if what == "remove" else _moved(draft, places, what)
    if what == "take":  # the tree, where the text cannot be read
        return "where"
    row = _at(draft, places)
    if not isinstance(row, DraftRow) or what not in ("first", "choose", "keep", "find"):
        chinese = f"操作 {act}", "不认识", CHINESE_CURE
        raise InputError(f"act {act}", "is not known", CURE, chinese=chinese)
    if what == "first":  # Enter in the search takes the first that was found
        chosen = search_tags(vocabulary, row.find or "", row.part).first
    if what in ("first", "choose") and chosen:
        return _chosen(row, path, chosen, vocabulary)
    if what == "keep":
        row.find = None
        return f"choose-{path}"
    row.find = row.find or ""
    return f"find-{path}"


def _chosen(row: DraftRow, path: str, name: str, vocabulary: Vocabulary) -> str:
    """Let a row ask for another tag; what was asked stays where the tag can be asked so."""
    if name not in vocabulary.columns and name not in vocabulary.segments:
        chinese = f"标签 {name}", "不存在", CHINESE_CURE
        raise InputError(f"tag {name}", "is not known", CURE, chinese=chinese)
    if name != row.column:
        row.column, row.operator, row.values = name, first_operator(name, vocabulary), ()
    row.find = None
    return f"operator-{path}"


def _added(draft: DraftGroup, places: tuple[int, ...], *, a_group: bool) -> str:
    above = _group(draft, places)
    row = DraftRow(find="")
    place = (*places, len(above.members))
    if not a_group:
        above.members.append(row)
        return f"find-{path_of(place)}"
    above.members.append(DraftGroup("any" if above.kind == "all" else "all", [row]))
    return f"kind-{path_of(place)}"


def _removed(draft: DraftGroup, places: tuple[int, ...]) -> str:
    *above, place = places
    group = _group(draft, tuple(above))
    _at(draft, places)
    del group.members[place]
    if not group.members:
        return f"add-{path_of(above)}"
    nearest = min(place, len(group.members) - 1)
    return f"remove-{path_of((*above, nearest))}"


def _moved(draft: DraftGroup, places: tuple[int, ...], way: str) -> str:
    """Move a part past its neighbour: into a group that stands there, or out of its own group."""
    step = 1 if way == "down" else -1
    *above, place = places
    group, part = _group(draft, tuple(above)), _at(draft, places)
    beyond = place + step
    if 0 <= beyond < len(group.members):
        neighbour = group.members[beyond]
        if isinstance(neighbour, DraftGroup):
            del group.members[place]
            inner = 0 if step > 0 else len(neighbour.members)
            neighbour.members.insert(inner, part)
            reached = (*above, place if step > 0 else beyond, inner)
        else:
            group.members[place], group.members[beyond] = neighbour, part
            reached = (*above, beyond)
    elif above:
        *outer, own = above
        del group.members[place]
        reached = (*outer, own + (step > 0))
        _group(draft, tuple(outer)).members.insert(reached[-1], part)
    else:
        reached = places
    return f"{way}-{path_of(reached)}"


def _at(draft: DraftGroup, places: tuple[int, ...]) -> Draft:
    part: Draft = draft
    for place in places:
        if not isinstance(part, DraftGroup) or place >= len(part.members):
            raise condition_fault(
                "has no part there any more", CURE, "那里已经没有这一条", CHINESE_CURE
            )
        part = part.members[place]
    return part


def _group(draft: DraftGroup, places: tuple[int, ...]) -> DraftGroup:
    part = _at(draft, places)
    if not isinstance(part, DraftGroup):
        raise condition_fault(
            "has no group there any more", CURE, "那里已经没有这一组", CHINESE_CURE
        )
    return part
