"""Who is let in: passwords, lock-out, sessions that end, forms of other sites, roles."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from features.errors import GuanjiaError
from features.settings import Settings
from serving.auth.passwords import require_strong
from serving.auth.roles import ROLES, scopes_of
from serving.console.mount import PAGES
from serving.console.navigation import ANYBODY, MENU, SCOPES, SIGNED_IN
from serving.records.database import Records
from serving.records.users.logins import LOCKED_FOR, MOST_FAILURES, log_in
from serving.records.users.sessions import IDLE, LONGEST, find_session, note_use
from serving.records.users.users import RefusedLoginError, add_user, change_user, list_users

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
Enter = Callable[[str], httpx.Client]


class Running(Protocol):
    """What the fixture `service` gives."""

    url: str


@pytest.fixture
def own_records(tmp_path: Path) -> Records:
    """Records with one user."""
    opened = Records(Settings(home=tmp_path / "home"))
    opened.migrate()
    with opened.writing() as connection:
        add_user(connection, "li", PASSWORD, ["steward"], ["B01"], by="tests", at=NOW)
    return opened


def refusal(records: Records, name: str, password: str, at: datetime) -> str:
    with pytest.raises(RefusedLoginError) as caught:
        log_in(records, name, password, at)
    return str(caught.value)


def test_the_records_hold_no_password_and_no_cookie(own_records: Records) -> None:
    key = log_in(own_records, "li", PASSWORD, NOW)
    with own_records.reading() as connection:
        for table in ("console_users", "console_sessions"):
            rows = str(connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall())
            assert PASSWORD not in rows
            assert key not in rows


def test_an_unknown_name_and_a_wrong_password_are_refused_in_the_same_words(
    own_records: Records,
) -> None:
    assert refusal(own_records, "li", "wrong", NOW) == refusal(own_records, "wang", "wrong", NOW)


def test_the_fifth_wrong_password_locks_out_and_the_lock_ends(own_records: Records) -> None:
    for _ in range(MOST_FAILURES):
        assert "is refused" in refusal(own_records, "li", "wrong", NOW)
    assert "is locked" in refusal(own_records, "li", PASSWORD, NOW + LOCKED_FOR / 2)
    assert log_in(own_records, "li", PASSWORD, NOW + LOCKED_FOR)


def test_a_right_password_forgets_the_wrong_ones(own_records: Records) -> None:
    for _ in range(3):
        for _ in range(MOST_FAILURES - 1):
            refusal(own_records, "li", "wrong", NOW)
        log_in(own_records, "li", PASSWORD, NOW)


def test_a_session_ends_when_it_is_idle_and_after_a_working_day(own_records: Records) -> None:
    key = log_in(own_records, "li", PASSWORD, NOW)
    with own_records.writing() as connection:
        assert find_session(connection, key, NOW + IDLE) is None
        at = NOW
        while at + IDLE / 2 < NOW + LONGEST:
            at += IDLE / 2
            session = find_session(connection, key, at)
            assert session is not None
            note_use(connection, session, at)
        assert find_session(connection, key, NOW + LONGEST) is None
        assert find_session(connection, key[:-1], NOW) is None


@pytest.mark.parametrize(
    "change", [{"closed": True}, {"password": "another quite long one"}, {"roles": ["marketer"]}]
)
def test_a_changed_user_must_log_in_anew(own_records: Records, change: dict[str, object]) -> None:
    key = log_in(own_records, "li", PASSWORD, NOW)
    with own_records.writing() as connection:
        change_user(connection, "li", NOW, **change)  # type: ignore[arg-type]
        assert find_session(connection, key, NOW) is None
    if "closed" in change:
        assert "is refused" in refusal(own_records, "li", PASSWORD, NOW)


@pytest.mark.parametrize("password", ["short", "li" * 10, "aaaaaaaaaaaabb", "x" * 201])
def test_a_password_that_can_be_guessed_is_refused(password: str) -> None:
    with pytest.raises(GuanjiaError, match="password"):
        require_strong(password, "li")


def test_a_user_needs_a_role_that_exists(own_records: Records) -> None:
    with own_records.writing() as connection:
        with pytest.raises(GuanjiaError, match="has no role"):
            add_user(connection, "wang", PASSWORD, [], None, by="tests", at=NOW)
        with pytest.raises(GuanjiaError, match="Did you mean steward"):
            add_user(connection, "wang", PASSWORD, ["stewart"], None, by="tests", at=NOW)
        with pytest.raises(GuanjiaError, match="is there already"):
            add_user(connection, "li", PASSWORD, ["steward"], None, by="tests", at=NOW)
        assert [user.user_name for user in list_users(connection)] == ["li"]


def test_every_address_has_a_scope_and_every_menu_entry_an_address() -> None:
    declared = {
        f"{method} {route.path}"  # type: ignore[attr-defined]
        for router in PAGES
        for route in router.routes
        for method in route.methods  # type: ignore[attr-defined]
    }
    assert declared == SCOPES.keys()
    for pages in MENU.values():
        for page in pages:
            assert SCOPES[f"GET {page.path}"] == page.scope
    known = {scope for role in ROLES for scope in scopes_of([role])} | {ANYBODY, SIGNED_IN}
    assert set(SCOPES.values()) <= known


def test_who_has_no_session_is_sent_to_the_login_and_back(service: Running, enter: Enter) -> None:
    answer = httpx.get(f"{service.url}/console/customers?q=1&q=2")
    assert answer.status_code == 303
    assert (
        answer.headers["location"] == "/console/login?next=%2Fconsole%2Fcustomers%3Fq%3D1%26q%3D2"
    )
    assert enter("steward").get("/console").headers["location"] == "/console/today"


def test_a_login_never_leads_to_another_site(service: Running, users: list[str]) -> None:
    for place in (
        "//evil.example",
        "https://evil.example",
        "/consoles",
        "/console\\@evil",
        "/docs",
    ):
        form = {"user_name": users[0], "password": PASSWORD, "next": place}
        answer = httpx.post(f"{service.url}/console/login", data=form)
        assert answer.headers["location"] == "/console"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie


def test_a_form_needs_the_key_of_its_session(enter: Enter) -> None:
    for form in ({}, {"form_key": "0" * 64}):
        answer = enter("steward").post("/console/logout", data=form)
        assert answer.status_code == 403
        assert "属于另一次登录" in answer.text


def test_a_form_of_another_site_is_refused(service: Running, users: list[str]) -> None:
    answer = httpx.post(
        f"{service.url}/console/login",
        data={"user_name": users[0], "password": PASSWORD},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_no_page_of_another_site_runs_in_ours_or_frames_it(enter: Enter) -> None:
    for path, status in (("/console/today", 200), ("/console/tags/nothing", 404)):
        answer = enter("administrator").get(path)
        assert answer.status_code == status
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_pages_and_no_other(enter: Enter, role: str) -> None:
    scopes = scopes_of([role])
    for pages in MENU.values():
        for page in pages:
            answer = enter(role).get(page.path)
            assert answer.status_code == (200 if page.scope in scopes else 403), page.path


def test_sessions_are_counted_in_hours() -> None:
    assert timedelta(hours=1) == IDLE < LONGEST == timedelta(hours=12)
