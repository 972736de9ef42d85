"""Log a user in by a password, and lock out who guesses one."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from serving.auth.passwords import is_password
from serving.records.database import Records
from serving.records.tables import console_users
from serving.records.users.sessions import open_session
from serving.records.users.users import RefusedLoginError

MOST_FAILURES = 5
"""Wrong passwords in a row after which a user is locked out."""
LOCKED_FOR = timedelta(minutes=15)
_u = console_users.c
_FIND = select(console_users).where(_u.user_name == bindparam("name"))


def log_in(records: Records, user_name: str, password: str, at: datetime) -> str:
    """Check a name and a password, and open a session.

    Parameters
    ----------
    records : Records
        Where users and sessions are.
    user_name, password : str
        As typed.
    at : datetime
        Now.

    Returns
    -------
    str
        What the session's cookie holds.

    Raises
    ------
    RefusedLoginError
        If there is no such user, they are closed or have no password here, or it is wrong: always
        in the same words; or in others if the user is locked out. A wrong password is counted.
    """
    name = user_name.strip()
    with records.reading() as connection:
        row = connection.execute(_FIND, {"name": name}).mappings().first()
    if row is not None and row["locked_until"] is not None and row["locked_until"] > at:
        minutes = 1 + int((row["locked_until"] - at).total_seconds() // 60)
        cure = f"try again in {minutes} minutes, or ask an administrator"
        fault = f"is locked after {MOST_FAILURES} wrong passwords"
        chinese = (
            "登录",
            f"口令连续 {MOST_FAILURES} 次输错，已暂时锁定",
            f"请在 {minutes} 分钟后再试，或联系管理员",
        )
        raise RefusedLoginError("login", fault, cure, chinese=chinese)
    known = row is not None and not row["closed"]
    # An unknown name takes as long as a wrong password, so that names cannot be told apart; and
    # no transaction is open meanwhile.
    right = is_password(password, row["password_hash"] if row is not None and known else None)
    with records.writing(durable=True) as connection:
        if right:
            _set(connection, name, failures=0, locked_until=None)
            return open_session(connection, name, at)
        if row is not None:
            _count_failure(connection, name, at)
    cure = "check name and password; an administrator can give you a new one"
    chinese = "登录", "用户名或口令不正确", "请核对后再试；忘记口令请联系管理员"
    raise RefusedLoginError("login", "is refused", cure, chinese=chinese)


def _count_failure(connection: Connection, name: str, at: datetime) -> None:
    """Count a wrong password; lock the user out at the fifth in a row."""
    failures = connection.execute(_FIND, {"name": name}).mappings().one()["failures"] + 1
    if failures < MOST_FAILURES:
        _set(connection, name, failures=failures)
    else:
        _set(connection, name, failures=0, locked_until=at + LOCKED_FOR)


def _set(connection: Connection, name: str, **values: object) -> None:
    connection.execute(update(console_users).where(_u.user_name == name).values(**values))
