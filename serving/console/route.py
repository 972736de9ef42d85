"""Check session, scope and form of each request to the console, and dress its answer.

A page declares its addresses on a router of `console_router()`. A request without a session is
sent to the login page; a form without the key of its session, or from another site, is refused.
"""

import hmac
import logging
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute

from features.errors import GuanjiaError
from serving import clock
from serving.api.guard import Read
from serving.api.refusals import ForbiddenError, failed, status_of
from serving.auth.access import Caller
from serving.auth.roles import scopes_of
from serving.console.navigation import ANYBODY, SIGNED_IN, scope_of_page
from serving.console.render import show_fault
from serving.records.database import Records
from serving.records.users.sessions import NOTED_EVERY, Session, find_session, note_use
from serving.telemetry.log_lines import hide_body_in_log, hide_in_log

logger = logging.getLogger(__name__)
COOKIE = "guanjia_session"
FORM_KEY = "form_key"
OWN_SITE = ("same-origin", "none")
CHINESE_AGAIN = "请重新打开页面，再从页面提交"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every page: nothing of another site runs in it, frames it, or keeps it."""


def console_router() -> APIRouter:
    """Create a router whose pages require a session with their scope."""
    return APIRouter(
        route_class=_ConsoleRoute, include_in_schema=False, default_response_class=HTMLResponse
    )


def session_of(request: Request) -> Session:
    """Return the session of a request to a page that requires one."""
    session: Session = request.state.session
    return session


def caller_of(request: Request) -> Caller:
    """Return what the user of a request may do, as a token would say it."""
    sender: Caller = request.state.caller
    return sender


def now_of(request: Request) -> datetime:
    """Return the time at the insurer."""
    return clock.now(request.app.state.service.lake.settings)


def note_seen(request: Request, customer_ids: Iterable[str]) -> None:
    """Record that the user is about to see customers; if that fails, they see nothing."""
    endpoint = f"{request.method} {request.scope['route'].path}"
    request.app.state.on_read(
        Read(caller_of(request).subject, endpoint, tuple(dict.fromkeys(customer_ids)))
    )


class _ConsoleRoute(APIRoute):
    """A route of a page."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        (method,) = more["methods"]
        self.scope = scope_of_page(method, path)
        super().__init__(path, endpoint, **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler with the checks; every fault becomes a page."""
        handler = super().get_route_handler()
        path, method = self.path, next(iter(self.methods or ()))

        async def guarded_handler(request: Request) -> Response:
            request.state.session = request.state.caller = None
            try:
                response = await self._open(request)
                if response is None:
                    with request.app.state.service.lake.one_day():
                        response = await handler(request)
            except GuanjiaError as error:
                response = show_fault(request, error, status_of(error))
            except RequestValidationError:
                cure = "go back and fill in the form as it says"
                chinese = "表单", "与页面要求的不一致", "请返回，按页面提示填写"
                fault = GuanjiaError("form", "is not as the page sends it", cure, chinese=chinese)
                response = show_fault(request, fault, 422)
            except Exception:
                logger.exception("%s %s failed and is answered 500", method, path)
                response = show_fault(request, failed(), 500)
            response.headers.update(HEADERS)
            return response

        return guarded_handler

    async def _open(self, request: Request) -> Response | None:
        """Find the session and check scope and form; a response sends the user elsewhere."""
        hide_in_log([request.path_params.get("customer_id", "")])
        key = request.cookies.get(COOKIE)
        if key:
            session = await run_in_threadpool(_current_session, request, key)
            if session is not None:
                user = session.user
                request.state.session = session
                request.state.caller = Caller(user.user_name, scopes_of(user.roles), user.branches)
        if request.method == "POST":
            await self._check_form(request)
        if self.scope == ANYBODY:
            return None
        if request.state.session is None:
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            where = back if request.method == "GET" else "/console"
            return RedirectResponse(f"/console/login?next={quote(where, safe='')}", 303)
        if self.scope != SIGNED_IN and self.scope not in request.state.caller.scopes:
            cure = "ask an administrator for a role that has it"
            chinese = "您的角色", f"没有权限 {self.scope}", "请管理员分配有此权限的角色"
            fault = f"does not have {self.scope}"
            raise ForbiddenError("your role", fault, cure, chinese=chinese)
        return None

    async def _check_form(self, request: Request) -> None:
        """Refuse a form that another site sent, or that does not belong to the session."""
        hide_body_in_log(await request.body())
        cure = "open the page again and send it from there"
        if request.headers.get("sec-fetch-site", "none") not in OWN_SITE:
            chinese = "表单", "来自别的网站", CHINESE_AGAIN
            raise ForbiddenError("form", "was sent by another site", cure, chinese=chinese)
        session: Session | None = request.state.session
        if session is None:
            return
        sent = (await request.form()).get(FORM_KEY, "")
        if not isinstance(sent, str) or not hmac.compare_digest(
            sent.encode(), session.form_key.encode()
        ):
            chinese = "表单", "属于另一次登录", CHINESE_AGAIN
            raise ForbiddenError("form", "belongs to another session", cure, chinese=chinese)


def _current_session(request: Request, key: str) -> Session | None:
    """Find a session, and note at most once a minute that it is used."""
    records: Records = request.app.state.records
    at = now_of(request)
    with records.reading() as connection:
        session = find_session(connection, key, at)
    if session is not None and at - session.used_at >= NOTED_EVERY:
        with records.writing() as connection:
            note_use(connection, session, at)
    return session
