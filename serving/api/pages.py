"""Serve the pages that need no token: the interactive API document, from local files only."""

from importlib.metadata import distribution
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

ASSETS = "bentoml/_internal/server/static_content"
router = APIRouter(include_in_schema=False)


def mount_assets(app: FastAPI) -> None:
    """Serve the scripts of the document page, which BentoML ships; BentoML is not imported."""
    folder = Path(str(distribution("bentoml").locate_file(ASSETS)))
    app.mount("/assets", StaticFiles(directory=folder), name="assets")


@router.get("/docs")
def docs() -> HTMLResponse:
    """Show the interactive API document."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Guanjia API",
        swagger_js_url="/assets/swagger-ui-bundle.js",
        swagger_css_url="/assets/swagger-ui.css",
        swagger_favicon_url="data:,",
        swagger_ui_parameters={"validatorUrl": None},
    )


@router.get("/")
def home() -> RedirectResponse:
    """Send visitors of the bare address to the document."""
    return RedirectResponse("/docs")
