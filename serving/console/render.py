"""Fill in the templates of the console, in Chinese or English."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from features.contracts.vocabulary import CONTACT_CHANNEL_LABELS
from features.dictionary.marking import marked
from features.dictionary.phrases import phrases_of
from features.errors import GuanjiaError
from serving.console.navigation import MENU

FOLDER = Path(__file__).parent
ENGLISH, CHINESE = "en", "zh"
LANGUAGE = "guanjia_language"
NOTHING = "—"
Say = Callable[[str, str], str]


def show(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Fill in a template.

    Parameters
    ----------
    request : Request
        Says the language, the user and what they may see.
    template : str
        File in `templates/`.
    status : int
        HTTP status.
    **values
        What the template names, beside `say`, `phrase`, `phrases_of` (a tag), `channel_name`,
        `menu`, `user`, `path`, `language` and `form_key`.
    """
    session, caller = request.state.session, request.state.caller
    scopes = caller.scopes if caller else frozenset()
    menu = [
        (titles, [page for page in pages if not page.scope or page.scope in scopes])
        for titles, pages in MENU.items()
    ]
    language = language_of(request)
    english = language == ENGLISH
    zone = ZoneInfo(request.app.state.service.lake.settings.timezone)
    text = (
        _environment()
        .get_template(template)
        .render(
            say=lambda chinese, in_english: in_english if english else chinese,
            language=language,
            phrase=lambda words, most=None: marked(words, language, most),
            phrases_of=lambda tag: phrases_of(tag, language),
            menu=[(titles, pages) for titles, pages in menu if pages],
            user=session.user if session else None,
            scopes=scopes,
            form_key=session.form_key if session else "",
            path=request.url.path,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            clock=lambda at: clock_text(at, zone),
            channel_name=lambda name: name if english else CONTACT_CHANNEL_LABELS.get(name, name),
            **values,
        )
    )
    return HTMLResponse(text, status)


def show_fault(request: Request, error: GuanjiaError, status: int) -> HTMLResponse:
    """Show a fault: what, why, and what to do.

    Parameters
    ----------
    request : Request
        The request.
    error : GuanjiaError
        The fault.
    status : int
        HTTP status.
    """
    return show(request, "fault.html", status, fault=error, status_code=status)


def language_of(request: Request) -> str:
    """Return the language of a request: as its cookie says, or Chinese."""
    return ENGLISH if request.cookies.get(LANGUAGE) == ENGLISH else CHINESE


def clock_text(at: datetime | str | None, zone: ZoneInfo) -> str:
    """Write an instant in the insurer's time zone, to the minute."""
    if at is None:
        return NOTHING
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def number(value: Any, digits: int = 0) -> str:
    """Write a number with thousands separated; None is a dash.

    Examples
    --------
    >>> number(1234567), number(0.25, 2), number(None)
    ('1,234,567', '0.25', '—')
    """
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share as a percentage; None is a dash.

    Examples
    --------
    >>> percent(0.1234), percent(None)
    ('12.3%', '—')
    """
    return NOTHING if value is None else f"{100 * value:.{digits}f}%"


def cell(value: Any) -> str:
    """Write any value as a person reads it."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, int | float | Decimal):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


FILTERS: Mapping[str, Callable[..., str]] = {"number": number, "percent": percent, "cell": cell}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= FILTERS
    return environment
