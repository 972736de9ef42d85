"""Who read whose personal data: every request that did is noted in the records."""

import logging
from collections.abc import Sequence

from fastapi import Request
from fastapi.routing import APIRoute

from serving import clock
from serving.api.access import caller_of
from serving.records.audit import note_read
from serving.records.database import Records, RecordsAwayError

logger = logging.getLogger(__name__)


def note_reading(request: Request, customer_ids: Sequence[str], purpose: str) -> None:
    """Note that the caller read the data of customers.

    Where the records are away, the log has it instead, without their numbers: predictions go on.
    """
    state = request.app.state
    records: Records = state.records
    route = request.scope.get("route")
    endpoint = route.path if isinstance(route, APIRoute) else request.url.path
    subject = caller_of(request).subject
    try:
        with records.writing() as connection:
            at = clock.now(state.door.lake.settings)
            note_read(connection, subject, endpoint, customer_ids, at, purpose)
    except RecordsAwayError as error:
        logger.error(
            "%s read %d customers at %s, unrecorded: %s",
            subject,
            len(customer_ids),
            endpoint,
            error,
        )
