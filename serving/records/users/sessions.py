"""Open, find and end sessions of the console; the records keep hashes of their cookies.

A session ends 12 hours after it began, and 1 hour after it was last used; both are checked at each
request, so that a closed user or a changed role counts at once.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from serving.records.tables import console_sessions, console_users
from serving.records.users.users import User, user_of

LONGEST = timedelta(hours=12)
IDLE = timedelta(hours=1)
NOTED_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was last used: a write at each request would cost more."""
_s = console_sessions.c
_FIND = (
    select(console_users, _s.began_at, _s.used_at)
    .join_from(console_sessions, console_users, _s.user_name == console_users.c.user_name)
    .where(_s.session_hash == bindparam("session_hash"))
)


@dataclass(frozen=True)
class Session:
    """A session that is open.

    Attributes
    ----------
    user : User
        Whose it is.
    key : str
        What the cookie holds.
    used_at : datetime
        When it was last used, to the minute.
    """

    user: User
    key: str
    used_at: datetime

    @property
    def form_key(self) -> str:
        """What every form of the session carries, so that no other site can send it."""
        return hmac.new(self.key.encode(), b"form", hashlib.sha256).hexdigest()


def open_session(connection: Connection, user_name: str, at: datetime) -> str:
    """Open a session, and delete those that have ended.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    user_name : str
        Whose it is.
    at : datetime
        Now.

    Returns
    -------
    str
        What the cookie holds: 256 random bits.
    """
    connection.execute(
        console_sessions.delete().where((_s.began_at <= at - LONGEST) | (_s.used_at <= at - IDLE))
    )
    key = secrets.token_urlsafe(32)
    row = {"session_hash": _hash(key), "user_name": user_name, "began_at": at, "used_at": at}
    connection.execute(console_sessions.insert(), row)
    return key


def find_session(connection: Connection, key: str, at: datetime) -> Session | None:
    """Find the session of a cookie; None: there is none, it has ended, or its user is closed.

    Parameters
    ----------
    connection : Connection
        Of the records.
    key : str
        What the cookie holds.
    at : datetime
        Now.
    """
    row = connection.execute(_FIND, {"session_hash": _hash(key)}).mappings().first()
    if row is None or row["closed"]:
        return None
    if row["began_at"] <= at - LONGEST or row["used_at"] <= at - IDLE:
        return None
    return Session(user_of(row), key, row["used_at"])


def note_use(connection: Connection, session: Session, at: datetime) -> None:
    """Note that a session is used now.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    session : Session
        The session.
    at : datetime
        Now.
    """
    connection.execute(
        update(console_sessions).where(_s.session_hash == _hash(session.key)).values(used_at=at)
    )


def end_session(connection: Connection, key: str) -> None:
    """End the session of a cookie."""
    connection.execute(console_sessions.delete().where(_s.session_hash == _hash(key)))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
