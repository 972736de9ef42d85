"""Compute tags a second time, in pandas, from docs/definitions.md and the pages that it names.

Nothing here imports the packages that it checks. `view.py` says what was known on a date; every
other module has one function that adds the tags of a subject to a table, one row a customer.
"""

from second_implementation import (
    claims,
    contacts,
    cover,
    history,
    quotes,
    sensitivity,
    services,
    stars,
    vehicles,
)
from second_implementation.view import View

SUBJECTS = (cover, history, claims, quotes, contacts, services, vehicles, stars, sensitivity)

__all__ = ["View", "tags_of"]


def tags_of(view: View) -> dict[str, object]:
    """Compute the tags of all subjects, name -> one value a customer."""
    tags: dict[str, object] = {}
    for subject in SUBJECTS:
        tags |= subject.tags_of(view)
    return tags
