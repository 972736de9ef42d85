"""Say of an address that no page has that it is not known, in the language of the user."""

from fastapi import Request
from fastapi.responses import Response

from features.errors import UnknownNameError
from serving.console.route import console_router

router = console_router()
LONGEST = 100


@router.get("/console/{path:path}")
def unknown(_request: Request, path: str) -> Response:
    """Refuse every address of the console that no other page has."""
    address = f"/console/{path[:LONGEST]}"
    chinese = f"网址 {address}", "不存在", "请从菜单里选一页"
    cure = "choose a page of the menu"
    raise UnknownNameError(f"address {address}", "is not known", cure, chinese=chinese)
