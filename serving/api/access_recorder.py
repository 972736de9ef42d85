"""Record who reads whose personal data: in the access log before each answer, then in records."""

from features.errors import GuanjiaError
from features.settings import Settings
from serving import clock
from serving.api.guard import Read
from serving.records.database import Records, RecordsAwayError
from serving.records.people.access_log import AccessLog, copy_log, log_folder
from serving.records.people.audit import access_row, insert_accesses

COPY_SECONDS = 1.0


class AccessRecorder:
    """Record every request that reads data of customers.

    While the records do not answer, the log files stay: predictions go on, and no access is lost.
    Where no file can be written, not even the reserve, a server of records is written to at once.

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
        self._log.keep_reserve()

    def __call__(self, read: Read) -> None:
        """Record a read; called by `serving.api.guard.note`.

        Raises
        ------
        GuanjiaError
            If it can be written nowhere: then no personal data may be given out.
        """
        at = clock.now(self._settings)
        about = read.subject, read.endpoint, read.customer_ids, at, "request"
        try:
            self._log.append(*about)
        except GuanjiaError:
            if self._records.is_local:
                raise
            try:
                with self._records.writing() as connection:
                    insert_accesses(connection, [access_row(*about)])
            except RecordsAwayError:
                pass
            else:
                return
            raise

    def copy(self) -> None:
        """Copy the log into the records.

        Raises
        ------
        RecordsAwayError
            If the records do not answer; the log files stay.
        """
        self._log.rotate()
        self._log.keep_reserve()
        copy_log(self._records, self._folder)
