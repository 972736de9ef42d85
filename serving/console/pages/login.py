"""Log in and out, switch the language, show the style guide."""

from typing import Annotated, Any

from fastapi import Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from features.errors import UnknownNameError
from serving.console.navigation import MENU
from serving.console.provider import FILE, LOGIN_LASTS, Provider, load_console_settings
from serving.console.render import CHINESE, ENGLISH, LANGUAGE, show
from serving.console.route import COOKIE, caller_of, console_router, now_of, session_of
from serving.records.database import Records
from serving.records.users.logins import log_in
from serving.records.users.sessions import LONGEST, end_session, open_session
from serving.records.users.users import RefusedLoginError, keep_vouched_user

router = console_router()
FIRST = "/console"
MEMORY = "guanjia_login"
"""Cookie with what a login through a provider must remember."""
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
    return _login_form(request, next)


@router.post("/console/login")
def login(
    request: Request,
    user_name: Text,
    password: Text,
    next: Annotated[str, Form(max_length=2_000)] = FIRST,
) -> Response:
    """Log in, or show the form again with the reason.

    Parameters
    ----------
    request : Request
        The request.
    user_name, password : str
        As typed.
    next : str
        The page that the user wants to see.
    """
    records: Records = request.app.state.records
    settings = load_console_settings(request.app.state.service.lake.home)
    try:
        if settings.provider is not None and not settings.passwords:
            cure = "use the button of the identity provider"
            chinese = "登录", "这里不用口令", "请用身份提供方的按钮登录"
            fault = "is refused: passwords are not used here"
            raise RefusedLoginError("login", fault, cure, chinese=chinese)
        key = log_in(records, user_name, password, now_of(request))
    except RefusedLoginError as error:
        return _login_form(request, next, error, user_name)
    return _enter(request, key, next)


@router.get("/console/provider")
def begin_at_provider(request: Request, next: str = FIRST) -> Response:
    """Send the browser to the identity provider."""
    address, memory = _provider(request).begin(_return_address(request), own_path(next))
    response = RedirectResponse(address, 303)
    response.set_cookie(
        MEMORY, memory, max_age=int(LOGIN_LASTS.total_seconds()), **_cookie(request)
    )
    return response


@router.get("/console/provider/return")
def return_from_provider(request: Request) -> Response:
    """Log in whom the provider vouches for, or show the login form with the reason."""
    provider, records = _provider(request), request.app.state.records
    try:
        person, back = provider.finish(
            str(request.url), _return_address(request), request.cookies.get(MEMORY, "")
        )
        at = now_of(request)
        with records.writing(durable=True) as connection:
            user = keep_vouched_user(
                connection,
                person.subject,
                provider.declared.issuer,
                person.roles,
                person.branches,
                full_name=person.full_name,
                at=at,
            )
            key = open_session(connection, user.user_name, at)
    except RefusedLoginError as error:
        return _login_form(request, FIRST, error)
    response = _enter(request, key, back)
    response.delete_cookie(MEMORY, path="/console")
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


def _login_form(
    request: Request, back: str, fault: RefusedLoginError | None = None, user_name: str = ""
) -> Response:
    """Show the login form; with a fault the status is 401."""
    settings = load_console_settings(request.app.state.service.lake.home)
    return show(
        request,
        "login.html",
        401 if fault else 200,
        next=own_path(back),
        fault=fault,
        user_name=user_name,
        provider=settings.provider,
        passwords=settings.passwords or settings.provider is None,
    )


def _enter(request: Request, key: str, back: str) -> Response:
    response = RedirectResponse(own_path(back), 303)
    response.set_cookie(COOKIE, key, max_age=int(LONGEST.total_seconds()), **_cookie(request))
    return response


def _cookie(request: Request) -> Any:
    """Return how cookies of the console are kept: from scripts, other sites and plain HTTP."""
    secure = request.url.scheme == "https"
    return {"path": "/console", "httponly": True, "samesite": "lax", "secure": secure}


def _provider(request: Request) -> Provider:
    """Return the identity provider of the home, the same for all requests of a process."""
    lake = request.app.state.service.lake
    declared = load_console_settings(lake.home).provider
    if declared is None:
        cure = f"declare it in {FILE} (docs/console.md), or log in with a password"
        chinese = "身份提供方", "没有设置", f"请管理员在 {FILE} 中设置，或用口令登录"
        raise UnknownNameError("identity provider", "is not declared", cure, chinese=chinese)
    provider: Provider | None = getattr(request.app.state, "provider", None)
    if provider is None or provider.declared != declared:
        provider = request.app.state.provider = Provider(declared, lake.settings)
    return provider


def _return_address(request: Request) -> str:
    return str(request.url_for("return_from_provider"))


def own_path(path: str) -> str:
    r"""Return a path of the console; an address of another site becomes the first page.

    Examples
    --------
    >>> own_path("/console/today?a=1"), own_path("//evil.example"), own_path("/console\\..")
    ('/console/today?a=1', '/console', '/console')
    """
    safe = path.startswith("/console") and not any(sign in path for sign in "\\\r\n\t")
    return path if safe and path[8:9] in ("", "/", "?") else FIRST
