"""Record who reads whose personal data: in the access log before each answer, then in records."""

from features.settings import Settings
from serving import clock
from serving.api.guard import Read
from serving.records.database import Records
from serving.records.people.access_log import AccessLog, copy_log, log_folder

COPY_SECONDS = 1.0


class AccessRecorder:
    """Record every request that reads data of customers.

    While the records do not answer, the log files stay: predictions go on, and no access is lost.

    Parameters
    ----------
    records : Records
        The records to copy the log into.
    settings : Settings
        Settings with the home folder and the clock.
    """

    def __init__(self, records: Records, settings: Settings) -> None:
        self._records = records
        self._settings = settings
        self._folder = log_folder(settings.home)
        self._log = AccessLog(self._folder)

    def __call__(self, read: Read) -> None:
        """Append a read to the log; called by `serving.api.guard.note`."""
        at = clock.now(self._settings)
        self._log.append(read.subject, read.endpoint, read.customer_ids, at, "request")

    def copy(self) -> None:
        """Copy the log into the records.

        Raises
        ------
        RecordsAwayError
            If the records do not answer; the log files stay.
        """
        self._log.rotate()
        copy_log(self._records, self._folder)
