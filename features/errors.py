"""Raise errors that users read: each names the thing, the fault and the cure."""

import difflib
from collections.abc import Iterable

LISTED_IN_FULL = 12
"""Names that an error lists at most; of more it shows the first."""


class GuanjiaError(Exception):
    """An error that the user can correct.

    Parameters
    ----------
    thing : str
        The thing that is wrong, named as the user knows it: a file, a column, a customer.
    fault : str
        What is wrong with it.
    cure : str
        What to do about it, as an instruction.

    Examples
    --------
    >>> print(GuanjiaError("table claims", "has no file under raw/", "run `guanjia simulate`"))
    table claims: has no file under raw/. Run `guanjia simulate`.
    """

    def __init__(self, thing: str, fault: str, cure: str) -> None:
        self.thing = thing
        self.fault = fault
        self.cure = cure
        super().__init__(thing, fault, cure)

    def __str__(self) -> str:
        cure = self.cure[:1].upper() + self.cure[1:]
        return (
            f"{self.thing}: {self.fault}. {cure if cure.endswith('?') else cure.rstrip('.') + '.'}"
        )


class UnknownNameError(GuanjiaError):
    """A name of a column, model, list or customer that does not exist."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Make the error for an unknown name, with similar names as its cure.

    Parameters
    ----------
    kind : str
        Kind of thing: "model", "column".
    name : str
        The name as it was written.
    known : iterable of str
        The known names.

    Examples
    --------
    >>> print(unknown_name("model", "chrun", ["churn", "renewal"]))
    model chrun: is not known. Did you mean churn?
    """
    return UnknownNameError(f"{kind} {name}", "is not known", did_you_mean(name, known))


def similar_names(name: str, known: Iterable[str], most: int = 3, least: float = 0.5) -> list[str]:
    """List the names that are spelt most like a name, the most similar first.

    Parameters
    ----------
    name : str
        The name as it was written.
    known : iterable of str
        The known names.
    most : int
        How many to list at most.
    least : float
        Similarity that a name has at least; 1: the same name.
    """
    return difflib.get_close_matches(name, list(known), n=most, cutoff=least)


def likeness(name: str, other: str) -> float:
    """Return how alike two names are: 0 to 1, the same name."""
    return difflib.SequenceMatcher(None, name, other).ratio()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest names for a misspelt one: up to three similar ones, else the known names.

    Parameters
    ----------
    name : str
        The name as it was written; case does not matter.
    known : iterable of str
        The known names, in the order in which to list them.

    Examples
    --------
    >>> did_you_mean("Chrun", ["churn", "renewal"])
    'did you mean churn?'
    >>> did_you_mean("weather", ["churn", "renewal"])
    'use one of churn, renewal'
    >>> did_you_mean("weather", [f"tag_{number}" for number in range(100)])
    'use one of tag_0, tag_1, tag_2, tag_3, tag_4, tag_5, tag_6, tag_7 and 92 others'
    """
    # Sets have no order of their own, but the message must be the same every time.
    names = sorted(known) if isinstance(known, (set, frozenset)) else list(known)
    by_lower_case = {known_name.lower(): known_name for known_name in names}
    nearest = similar_names(name.lower(), by_lower_case)
    if nearest:
        return f"did you mean {', '.join(by_lower_case[match] for match in nearest)}?"
    if not names:
        return "there is none yet"
    if len(names) > LISTED_IN_FULL:
        shown = 8
        return f"use one of {', '.join(names[:shown])} and {len(names) - shown} others"
    return f"use one of {', '.join(names)}"
