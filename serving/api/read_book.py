"""Who read whose personal data: noted before the answer is given, in the records soon after."""

from features.settings import Settings
from serving import clock
from serving.api.guard import Read
from serving.records.database import Records
from serving.records.people.read_notes import ReadNotes, copy_notes, notes_folder

COPY_SECONDS = 1.0


class ReadBook:
    """Notes every request that reads data of customers.

    Where the records are away the notes wait beside them: predictions go on, and no read is lost.
    """

    def __init__(self, records: Records, settings: Settings) -> None:
        self._records = records
        self._settings = settings
        self._folder = notes_folder(settings.home)
        self._notes = ReadNotes(self._folder)

    def __call__(self, read: Read) -> None:
        """Note a read; see `serving.api.guard.note`."""
        at = clock.now(self._settings)
        self._notes.note(read.subject, read.endpoint, read.customer_ids, at, "request")

    def copy(self) -> None:
        """Copy the notes into the records.

        Raises
        ------
        RecordsAwayError
            If the records do not answer; the notes wait then.
        """
        self._notes.turn()
        copy_notes(self._records, self._folder)
