"""Commands to add, list and change users of the console."""

import getpass
import secrets
from typing import Annotated, Any

import typer

from guanjia.terminal.options import Json, open_lake, read_clock
from guanjia.terminal.output import emit, table

PASSWORD = "Password, typed when asked for. --generate makes one and prints it."
NameOfUser = Annotated[str, typer.Argument(help="The name that logs in")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password and print it once.")]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="marketer, manager, steward, scientist, compliance, administrator"),
]


def add(
    name: NameOfUser,
    role: Roles = None,
    branch: Annotated[
        list[str] | None,
        typer.Option(help="Whose customers they see, once a branch. Default: everybody's."),
    ] = None,
    full_name: Annotated[str, typer.Option(help="How the console greets them.")] = "",
    generate: Generate = False,
    who: Annotated[
        str | None, typer.Option(help="Who adds them. Default: the user of this machine.")
    ] = None,
    json: Json = False,
) -> None:
    """Add a user of the console, with a password."""
    from features.lake.branches import require_branch
    from serving.records.users.users import add_user

    lake = open_lake()
    for place in branch or ():
        require_branch(lake, place)
    password, shown = _password(generate)
    with _records(lake).writing(durable=True) as connection:
        user = add_user(
            connection,
            name,
            password,
            role or [],
            branch,
            full_name=full_name,
            by=who or getpass.getuser(),
            at=read_clock(),
        )
    payload = {**_answer(user), "password": shown}
    words = [f"User {user.user_name} is added: {', '.join(user.roles)}."]
    words += [f"Password, shown once: {shown}"] if shown else []
    emit(payload, json, *words, "Next: guanjia serve, then /console in a browser")


def list_users(json: Json = False) -> None:
    """List users of the console, closed ones too."""
    from serving.records.users.users import list_users as read_users

    with _records(open_lake()).reading() as connection:
        users = [_answer(user) for user in read_users(connection)]
    rows = [
        {
            "user": user["user"],
            "name": user["full_name"],
            "roles": ", ".join(user["roles"]),
            "branches": "all" if user["branches"] is None else ", ".join(user["branches"]),
            "state": "closed" if user["closed"] else "open",
        }
        for user in users
    ]
    emit(users, json, table(f"{len(rows)} users of the console", rows))


def password(name: NameOfUser, generate: Generate = False, json: Json = False) -> None:
    """Give a user another password; their sessions end."""
    from serving.records.users.users import change_user

    text, shown = _password(generate)
    with _records(open_lake()).writing(durable=True) as connection:
        user = change_user(connection, name, read_clock(), password=text)
    words = [f"User {name} has another password."]
    words += [f"Password, shown once: {shown}"] if shown else []
    emit({**_answer(user), "password": shown}, json, *words)


def close(name: NameOfUser, json: Json = False) -> None:
    """Close a user, who can no longer log in; their sessions end."""
    _change(name, json, "is closed", closed=True)


def reopen(name: NameOfUser, json: Json = False) -> None:
    """Allow a closed user to log in again."""
    _change(name, json, "can log in again", closed=False)


def roles(name: NameOfUser, role: Roles = None, json: Json = False) -> None:
    """Give a user other roles in place of theirs; their sessions end."""
    _change(name, json, "has other roles", roles=role or [])


def _change(name: str, json: bool, what: str, **changes: Any) -> None:
    from serving.records.users.users import change_user

    with _records(open_lake()).writing(durable=True) as connection:
        user = change_user(connection, name, read_clock(), **changes)
    emit(_answer(user), json, f"User {name} {what}.")


def _records(lake: Any) -> Any:
    from serving.records.database import Records

    records = Records(lake.settings)
    records.migrate()
    return records


def _password(generate: bool) -> tuple[str, str | None]:
    """Make a password, or ask for one twice; the second value is what is printed."""
    if generate:
        text = secrets.token_urlsafe(15)
        return text, text
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True)), None


def _answer(user: Any) -> dict[str, Any]:
    return {
        "user": user.user_name,
        "full_name": user.full_name,
        "roles": list(user.roles),
        "branches": None if user.branches is None else sorted(user.branches),
        "closed": user.closed,
    }
