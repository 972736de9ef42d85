"""Pages that are open to everybody: the API's interactive document, from files of this machine."""

from importlib.metadata import distribution
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

ASSETS = "bentoml/_internal/server/static_content"
router = APIRouter(include_in_schema=False)


def mount_assets(app: FastAPI) -> None:
    """Serve the scripts of the page of the document: BentoML ships them, and is not imported."""
    folder = Path(str(distribution("bentoml").locate_file(ASSETS)))
    app.mount("/assets", StaticFiles(directory=folder), name="assets")


@router.get("/docs")
def docs() -> HTMLResponse:
    """The interactive page, from files of this machine alone."""
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
    """Whoever opens the address finds the page."""
    return RedirectResponse("/docs")
