"""Create the FastAPI app: resources, pages and refusals."""

from fastapi import FastAPI

from features.settings import Settings
from serving.api import (
    catalogues,
    consents,
    customers,
    decisions,
    due,
    events,
    monitoring,
    outcomes,
    pages,
    predictions,
    reviews,
)
from serving.api.guard import Read
from serving.api.rate_limit import RateLimit
from serving.api.refusals import answer_refusals

RESOURCES = (
    predictions.router,
    decisions.router,
    reviews.router,
    outcomes.router,
    consents.router,
    customers.router,
    events.router,
    due.router,
    catalogues.router,
    monitoring.router,
)
"""Routers of all resources; the scopes of their endpoints are in `serving/auth/access.py`."""


def create_app() -> FastAPI:
    """Create the app; `serving.api.start` sets the services in `app.state`."""
    app = FastAPI(
        title="Guanjia",
        description="Predictions and stars of customers, the next contact with each, events and "
        "outcomes. Every request needs a bearer token; an endpoint's security names the scope that "
        "the token must have.",
        version="1",
        docs_url=None,
        redoc_url=None,
    )
    pages.mount_assets(app)
    for router in (*RESOURCES, pages.router):
        app.include_router(router)
    answer_refusals(app)
    app.state.rate_limit = None
    app.state.on_read = _ignore
    return app


def limit_rate(app: FastAPI, settings: Settings) -> None:
    """Limit the rate of requests per subject from now on."""
    app.state.rate_limit = RateLimit(settings.rate_per_second, settings.rate_burst)


def _ignore(_read: Read) -> None:
    """Ignore a read; `serving.api.start` sets a recorder instead."""
