"""Preview a stored list once for everybody who looks at it within a minute.

The numbers of a preview, the customers behind them and why each stands where they do are of one
selection: what explains a number shows whom it counted, and says of when that is. What is released
or sent is always selected anew.
"""

from collections.abc import Callable, Hashable
from typing import TypeAlias

from fastapi import Request

from serving.api.marketing.opened_lists import opened
from serving.background import BackgroundWork
from serving.lists.definitions.definition import ListDefinition
from serving.lists.preview import Preview
from serving.lists.standing import Standing

SECONDS, MOST = 60, 8
"""How long a preview is handed out, and how many at a time: of a million matches it has 50 MB."""
Previewed: TypeAlias = tuple[Preview, Standing]
PREVIEWS: BackgroundWork[Previewed] = BackgroundWork(1, SECONDS, MOST)


def look_for_preview(
    request: Request, definition: ListDefinition, patience: float | None
) -> Previewed | None:
    """Return the preview of a list and where its customers stand; None while it is being made.

    Parameters
    ----------
    request : Request
        The request, whose sender sees customers of their branches alone.
    definition : ListDefinition
        The list.
    patience : float or None
        Seconds to wait for it; None: until it is there.
    """
    key, make = _work(request, definition)
    return PREVIEWS.ask(key, make, patience)


def ask_for_preview(request: Request, definition: ListDefinition) -> Previewed:
    """Return the preview of a list and where its customers stand, at most a minute old."""
    key, make = _work(request, definition)
    previewed = PREVIEWS.ask(key, make)
    assert previewed is not None, "who has no patience to lose waits"
    return previewed


def make_preview(request: Request, definition: ListDefinition) -> Preview:
    """Preview a list as it is now; questions about its numbers are answered from it."""
    key, make = _work(request, definition)
    PREVIEWS.forget(key)
    previewed = PREVIEWS.ask(key, make)
    assert previewed is not None, "who has no patience to lose waits"
    return previewed[0]


def _work(request: Request, definition: ListDefinition) -> tuple[Hashable, Callable[[], Previewed]]:
    """Return what a preview depends on but the moment, as its key, and the work."""
    with opened(request) as (service, viewer, _):
        home, day = service.lake.home, service.lake.day

    def make() -> Previewed:
        with opened(request) as (own, _, at):
            return own.preview_and_standing(definition, viewer, at)

    return (home, day, definition.model_dump_json(), viewer.branches), make
