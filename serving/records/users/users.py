"""Add, change and find users of the console.

A user is a person of the insurer, never a customer. Nothing is deleted: a user who leaves is
closed, so that the audit goes on naming them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from features.errors import GuanjiaError, unknown_name
from features.texts import CONTROL
from serving.auth.passwords import hash_password, require_strong
from serving.auth.roles import ROLES, require_role
from serving.records.tables import console_sessions, console_users

LONGEST_NAME = 64
_u = console_users.c
_FIND = select(console_users).where(_u.user_name == bindparam("name"))
_ALL = select(console_users).order_by(_u.user_name)


class RefusedLoginError(GuanjiaError):
    """A login was refused: the same words whether the user or the password is wrong."""


@dataclass(frozen=True)
class User:
    """A user of the console.

    Attributes
    ----------
    user_name : str
        The name that logs in, unique.
    full_name : str
        How the console greets them.
    roles : tuple of str
        Names of `serving.auth.roles.ROLES`.
    branches : frozenset of str or None
        Branches whose customers they see; None: all.
    issuer : str or None
        The identity provider that vouches for them; None: they have a password here.
    closed : bool
        Whether they may no longer log in.
    locked_until : datetime or None
        Until when logins are refused after wrong passwords.
    """

    user_name: str
    full_name: str
    roles: tuple[str, ...]
    branches: frozenset[str] | None
    issuer: str | None
    closed: bool
    locked_until: datetime | None


def add_user(
    connection: Connection,
    user_name: str,
    password: str,
    roles: Collection[str],
    branches: Collection[str] | None,
    *,
    full_name: str = "",
    by: str,
    at: datetime,
) -> User:
    """Add a user with a password.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    user_name : str
        The name that logs in: at most 64 characters.
    password : str
        At least 12 characters, and not the name.
    roles : collection of str
        At least one name of `ROLES`.
    branches : collection of str or None
        Branches whose customers they see; None: all.
    full_name : str
        How the console greets them; empty: by the name that logs in.
    by : str
        Who adds them.
    at : datetime
        Now.

    Raises
    ------
    GuanjiaError
        If there is such a user, or the name, a role or the password cannot be taken.
    """
    name = _require_name(user_name)
    if find_user(connection, name) is not None:
        cure = "choose another name, or `guanjia user password` to give them a new password"
        raise GuanjiaError(f"user {name}", "is there already", cure)
    require_strong(password, name)
    row = {
        "user_name": name,
        "full_name": full_name.strip() or name,
        "roles": _require_roles(roles),
        "branches": None if branches is None else sorted(set(branches)),
        "password_hash": hash_password(password),
        "issuer": None,
        "closed": False,
        "failures": 0,
        "locked_until": None,
        "added_by": by,
        "added_at": at,
        "changed_at": at,
    }
    connection.execute(console_users.insert(), row)
    return user_of(row)


def keep_vouched_user(
    connection: Connection,
    user_name: str,
    issuer: str,
    roles: Collection[str],
    branches: Collection[str] | None,
    *,
    full_name: str,
    at: datetime,
) -> User:
    """Add a user whom an identity provider vouches for, or take over what it says of them now.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    user_name : str
        The subject as the provider names it.
    issuer : str
        The provider.
    roles : collection of str
        Roles as the provider's claim maps to them.
    branches : collection of str or None
        Branches, likewise; None: all.
    full_name : str
        Their name.
    at : datetime
        Now.

    Raises
    ------
    RefusedLoginError
        If the name belongs to a user with a password or of another provider, or is closed.
    GuanjiaError
        If no role is left.
    """
    name = _require_name(user_name)
    claims = {
        "full_name": full_name.strip() or name,
        "roles": _require_roles(roles),
        "branches": None if branches is None else sorted(set(branches)),
        "changed_at": at,
    }
    there = connection.execute(_FIND, {"name": name}).mappings().first()
    if there is None:
        row = {
            "user_name": name, "password_hash": None, "issuer": issuer, "closed": False,
            "failures": 0, "locked_until": None, "added_by": issuer, "added_at": at, **claims,
        }  # fmt: skip
        connection.execute(console_users.insert(), row)
        return user_of(row)
    if there["issuer"] != issuer or there["closed"]:
        cure = "ask an administrator of Guanjia"
        chinese = f"用户 {name}", "不能用这个登录方式", "请联系管家管理员"
        fault = "may not log in through this provider"
        raise RefusedLoginError(f"user {name}", fault, cure, chinese=chinese)
    connection.execute(update(console_users).where(_u.user_name == name).values(**claims))
    return user_of({**there, **claims})


def change_user(
    connection: Connection,
    user_name: str,
    at: datetime,
    *,
    password: str | None = None,
    roles: Collection[str] | None = None,
    closed: bool | None = None,
) -> User:
    """Change password, roles or state of a user; every session of theirs ends.

    Parameters
    ----------
    connection : Connection
        Of `Records.writing()`.
    user_name : str
        The user.
    at : datetime
        Now.
    password : str, optional
        A new password, which also ends a lock.
    roles : collection of str, optional
        New roles in place of theirs.
    closed : bool, optional
        True: they may no longer log in; False: they may again.

    Raises
    ------
    GuanjiaError
        If there is no such user, or the password or a role cannot be taken.
    """
    user = require_user(connection, user_name)
    values: dict[str, Any] = {"changed_at": at}
    if password is not None:
        if user.issuer is not None:
            cure = f"change it at {user.issuer}"
            raise GuanjiaError(f"user {user_name}", "has no password here", cure)
        require_strong(password, user_name)
        values |= {"password_hash": hash_password(password), "failures": 0, "locked_until": None}
    if roles is not None:
        values["roles"] = _require_roles(roles)
    if closed is not None:
        values["closed"] = closed
    connection.execute(update(console_users).where(_u.user_name == user_name).values(**values))
    connection.execute(console_sessions.delete().where(console_sessions.c.user_name == user_name))
    return require_user(connection, user_name)


def find_user(connection: Connection, user_name: str) -> User | None:
    """Find a user by the name that logs in; None: there is none."""
    row = connection.execute(_FIND, {"name": user_name}).mappings().first()
    return None if row is None else user_of(row)


def require_user(connection: Connection, user_name: str) -> User:
    """Find a user by the name that logs in.

    Raises
    ------
    UnknownNameError
        If there is none; the error names the nearest.
    """
    user = find_user(connection, user_name)
    if user is None:
        raise unknown_name("user", user_name, [other.user_name for other in list_users(connection)])
    return user


def list_users(connection: Connection) -> list[User]:
    """List all users by name, closed ones too."""
    return [user_of(row) for row in connection.execute(_ALL).mappings()]


def _require_name(user_name: str) -> str:
    name = user_name.strip()
    if not name or len(name) > LONGEST_NAME or CONTROL.search(name):
        cure = f"use 1 to {LONGEST_NAME} letters, digits and signs"
        raise GuanjiaError("name of a user", "cannot be taken", cure)
    return name


def _require_roles(roles: Collection[str]) -> list[str]:
    if not roles:
        cure = f"give one of {', '.join(ROLES)}"
        raise GuanjiaError("user", "has no role", cure)
    return sorted({require_role(role) for role in roles})


def user_of(row: Any) -> User:
    """Make a user of a row of `console_users`."""
    return User(
        user_name=row["user_name"],
        full_name=row["full_name"],
        # A role of a later release, after a step back, allows nothing.
        roles=tuple(role for role in row["roles"] if role in ROLES),
        branches=None if row["branches"] is None else frozenset(row["branches"]),
        issuer=row["issuer"],
        closed=bool(row["closed"]),
        locked_until=row["locked_until"],
    )
