"""Users of the console in the records of the running service, and browsers signed in as them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from browsers import chromium
from playwright.sync_api import Browser, Page

from features.lake import Lake
from features.settings import Settings
from serving.auth.roles import ROLES
from serving.records.database import Records
from serving.records.users.users import add_user

PASSWORD = "correct horse battery staple"
STRANGER = "stranger"
"""A steward of one branch."""


class Running(Protocol):
    """What the fixture `service` gives."""

    url: str
    home: Path
    as_of: str


SignIn = Callable[..., Page]
Enter = Callable[[str], httpx.Client]


@pytest.fixture(scope="session")
def records(service: Running) -> Iterator[Records]:
    """The records of the running service."""
    opened = Records(Settings(home=service.home))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def branches(service: Running) -> list[str]:
    """The branches of the demo."""
    lake = Lake(Settings(home=service.home))
    query = f"SELECT DISTINCT branch FROM '{lake.checked('customers')}' ORDER BY 1"
    return [name for (name,) in lake.con.execute(query).fetchall()]


@pytest.fixture(scope="session")
def users(records: Records, branches: list[str]) -> list[str]:
    """One user a role, named like it, and a steward who sees one branch."""
    with records.writing() as connection:
        for role in ROLES:
            add_user(connection, role, PASSWORD, [role], None, by="tests", at=datetime.now(UTC))
        add_user(
            connection,
            STRANGER,
            PASSWORD,
            ["steward"],
            branches[:1],
            by="tests",
            at=datetime.now(UTC),
        )
    return [*ROLES, STRANGER]


@pytest.fixture(scope="session")
def enter(service: Running, users: list[str]) -> Iterator[Enter]:
    """A client that is signed in: `enter("steward")`; each user signs in once."""
    opened: dict[str, httpx.Client] = {}

    def client(user: str) -> httpx.Client:
        if user not in opened:
            assert user in users
            opened[user] = httpx.Client(base_url=service.url, timeout=60)
            form = {"user_name": user, "password": PASSWORD}
            answer = opened[user].post("/console/login", data=form)
            assert answer.status_code == 303
        return opened[user]

    yield client
    for found in opened.values():
        found.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file: two at once cannot be driven by one process."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def sign_in(service: Running, browser: Browser, users: list[str]) -> Iterator[SignIn]:
    """A page of a user who typed name and password: `sign_in("steward", width=390)`. Whatever the
    browser complains of, or asks of another machine, fails the test."""
    assert users
    contexts, faults = [], []

    def signed_in(user: str, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=service.url
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda sent: None if sent.url.startswith(service.url) else faults.append(sent.url),
        )
        page.goto("/console/login")
        page.fill("#user_name", user)
        page.fill("#password", PASSWORD)
        page.click("button")
        return page

    yield signed_in
    for context in contexts:
        context.close()
    assert faults == []
