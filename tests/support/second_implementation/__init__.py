"""Compute tags a second time, in pandas, from docs/tags.md and docs/definitions.md.

Nothing here imports the packages that it checks. `view.py` says what was known on a date; every
other module has one function that adds the tags of a subject to a table, one row a customer.
"""

from second_implementation import claims, contacts, cover, history, quotes, services, vehicles
from second_implementation.view import View

SUBJECTS = (cover, history, claims, quotes, contacts, services, vehicles)

__all__ = ["View", "tags_of"]


def tags_of(view: View) -> dict[str, object]:
    """Compute the tags of all subjects, name -> one value a customer."""
    tags: dict[str, object] = {}
    for subject in SUBJECTS:
        tags |= subject.tags_of(view)
    return tags
