"""Tell who waits to be erased from files, without what it takes to rewrite them.

Nobody waits on most days: then `guanjia erase --pending` imports no engine and reads no table.
"""

from features.erased import Erased, UnfinishedErasure
from serving.records.database import Records
from serving.records.people.erase_records import receipts_by_mark


def take_over_receipts(erased: Erased, records: Records) -> dict[str, str]:
    """Add customers who were erased on another machine to the list of this home.

    Parameters
    ----------
    erased : Erased
        The list of the home.
    records : Records
        The records, which machines may share.

    Returns
    -------
    dict of str to str
        Mark -> id of the latest receipt, of every customer ever erased.
    """
    with records.reading() as connection:
        receipt_ids = receipts_by_mark(connection)
    with erased.changing() as marks:
        for mark, receipt_id in receipt_ids.items():
            marks.setdefault(mark, UnfinishedErasure(receipt_id))
    return receipt_ids


def pending_marks(erased: Erased) -> set[str]:
    """Return the marks of the erased customers whom files of this home may still name."""
    return {mark for mark, unfinished in erased.all().items() if unfinished is not None}
