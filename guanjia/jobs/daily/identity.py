"""Identify the events of a day, which grow in place."""

from contextlib import closing

from features.events.event_file import inbox_connection
from features.lake import Lake
from serving.identity import ABSENT


def events_identity(lake: Lake) -> str:
    """Say which events the inbox holds: how many, and the last; whatever is online of them."""
    if not lake.inbox.exists():
        return ABSENT
    with closing(inbox_connection(lake.inbox)) as connection:
        (count, last) = connection.execute("SELECT count(*), max(sequence) FROM events").fetchone()
    return f"{count} events, last {last}"
