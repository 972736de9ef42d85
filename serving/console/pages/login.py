"""Log in and out, switch the language, show the style guide."""

from typing import Annotated

from fastapi import Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from serving.console.navigation import MENU
from serving.console.render import CHINESE, ENGLISH, LANGUAGE, show
from serving.console.route import COOKIE, caller_of, console_router, now_of, session_of
from serving.records.database import Records
from serving.records.users.logins import log_in
from serving.records.users.sessions import LONGEST, end_session
from serving.records.users.users import RefusedLoginError

router = console_router()
FIRST = "/console"
Text = Annotated[str, Form(max_length=200)]


@router.get("/console")
def first_page(request: Request) -> Response:
    """Send a user to the first page that they may see."""
    pages = [page for group in MENU.values() for page in group]
    seen = (page.path for page in pages if page.scope in caller_of(request).scopes)
    return RedirectResponse(next(seen, "/console/style"), 303)


@router.get("/console/login")
def login_page(request: Request, next: str = FIRST) -> Response:
    """Show the login form."""
    return show(request, "login.html", next=own_path(next), fault=None, user_name="")


@router.post("/console/login")
def login(
    request: Request,
    user_name: Text,
    password: Text,
    next: Annotated[str, Form(max_length=2_000)] = FIRST,
) -> Response:
    """Log in, or show the form again with the reason."""
    records: Records = request.app.state.records
    try:
        key = log_in(records, user_name, password, now_of(request))
    except RefusedLoginError as error:
        return show(
            request, "login.html", 401, next=own_path(next), fault=error, user_name=user_name
        )
    response = RedirectResponse(own_path(next), 303)
    response.set_cookie(
        COOKIE,
        key,
        max_age=int(LONGEST.total_seconds()),
        path="/console",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/console/logout")
def logout(request: Request) -> Response:
    """End the session."""
    records: Records = request.app.state.records
    with records.writing() as connection:
        end_session(connection, session_of(request).key)
    response = RedirectResponse("/console/login", 303)
    response.delete_cookie(COOKIE, path="/console")
    return response


@router.get("/console/language")
def language(to: Annotated[str, Query(pattern="^(zh|en)$")], next: str = FIRST) -> Response:
    """Show the pages in another language from now on."""
    response = RedirectResponse(own_path(next), 303)
    response.set_cookie(
        LANGUAGE, ENGLISH if to == ENGLISH else CHINESE, max_age=31_536_000, path="/console",
        httponly=True, samesite="lax",
    )  # fmt: skip
    return response


@router.get("/console/style")
def style_guide(request: Request) -> Response:
    """Show every component of the pages."""
    return show(request, "style.html")


def own_path(path: str) -> str:
    r"""Return a path of the console; an address of another site becomes the first page.

    Examples
    --------
    >>> own_path("/console/today?a=1"), own_path("//evil.example"), own_path("/console\\..")
    ('/console/today?a=1', '/console', '/console')
    """
    safe = path.startswith("/console") and not any(sign in path for sign in "\\\r\n\t")
    return path if safe and path[8:9] in ("", "/", "?") else FIRST
