"""Open the lists of the service for a request, with who asks, and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from fastapi import Request

from features.lake import Lake
from serving import clock
from serving.api.guard import caller
from serving.lists.listing import Viewer
from serving.lists.service import ListService


@contextmanager
def opened(request: Request) -> Iterator[tuple[ListService, Viewer, datetime]]:
    """Open the lists for a request: a connection of its own, who asks, and now."""
    served = request.app.state.service.lake
    lake = Lake(served.settings, served.day)
    sender = caller(request)
    try:
        yield (
            ListService(lake, request.app.state.records),
            Viewer(sender.subject, sender.branches),
            clock.now(lake.settings),
        )
    finally:
        lake.close()
