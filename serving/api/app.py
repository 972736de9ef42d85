"""The app: its resources, its pages, and how it refuses."""

from fastapi import FastAPI

from features.settings import Settings
from serving.api import (
    catalogues,
    consents,
    customers,
    decisions,
    due,
    events,
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
)
"""A new resource is one more here; its endpoints have their scopes in `serving/auth/access.py`."""


def made() -> FastAPI:
    """The app, without what answers: what `app.state` holds is set at start."""
    app = FastAPI(
        title="Guanjia",
        description="Predictions and stars of customers, the next contact with each, and what "
        "happens to them. Every call needs a bearer token; an endpoint's security names the scope "
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
    app.state.on_read = _keep_nothing
    return app


def limit_rate(app: FastAPI, settings: Settings) -> None:
    """Hold back, from now on, who asks too often."""
    app.state.rate_limit = RateLimit(settings.rate_per_second, settings.rate_burst)


def _keep_nothing(_read: Read) -> None:
    """Until records are kept, nobody asks who read what."""
