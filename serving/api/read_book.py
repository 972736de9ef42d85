"""Who read whose personal data, written into the records."""

import logging

from features.settings import Settings
from serving import clock
from serving.api.guard import Read
from serving.records.audit import note_read
from serving.records.database import Records, RecordsAwayError

logger = logging.getLogger(__name__)


class ReadBook:
    """Notes every request that reads data of customers.

    Where the records are away the log has it instead, without the customers' numbers: predictions
    go on.
    """

    def __init__(self, records: Records, settings: Settings) -> None:
        self._records = records
        self._settings = settings

    def __call__(self, read: Read) -> None:
        """Write a read down; see `serving.api.guard.note`."""
        at = clock.now(self._settings)
        try:
            with self._records.writing() as connection:
                ids = list(read.customer_ids)
                note_read(connection, read.subject, read.endpoint, ids, at, "request")
        except RecordsAwayError as error:
            who, where, many = read.subject, read.endpoint, len(read.customer_ids)
            logger.error("%s read %d customers at %s, unrecorded: %s", who, many, where, error)
