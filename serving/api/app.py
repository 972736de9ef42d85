"""Create the FastAPI app: resources, pages and refusals."""

from typing import Any

from fastapi import FastAPI

from features.settings import Settings
from serving.api import (
    catalogues,
    consents,
    customers,
    decision_batches,
    decisions,
    due,
    events,
    monitoring,
    outcomes,
    pages,
    predictions,
    reviews,
    triggers,
)
from serving.api.door.rate_limit import RateLimit
from serving.api.door.words import DESCRIPTION, OPERATIONS, TAGS, TITLE
from serving.api.guard import Read
from serving.api.marketing import conditions, lists, releases, reports
from serving.api.refusals import answer_refusals

RESOURCES = (
    predictions.router,
    decisions.router,
    decision_batches.router,
    reviews.router,
    outcomes.router,
    consents.router,
    customers.router,
    events.router,
    due.router,
    triggers.router,
    conditions.router,
    lists.router,
    releases.router,
    catalogues.router,
    reports.router,
    monitoring.router,
)
"""Routers of all resources; the scopes of their endpoints are in `serving/auth/access.py`."""


def create_app() -> FastAPI:
    """Create the app; `serving.api.start` sets the services in `app.state`."""
    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version="1",
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
    )
    pages.mount_assets(app)
    for router in (*RESOURCES, pages.router):
        app.include_router(router)
    describe_operations(app)
    answer_refusals(app)
    app.state.rate_limit = None
    app.state.on_read = _ignore
    return app


def describe_operations(app: FastAPI) -> None:
    """Give each operation of the document its tag and its summary in two languages."""
    document = app.openapi

    def described() -> dict[str, Any]:
        known = app.openapi_schema is not None
        openapi = document()
        if not known:
            for operations in openapi["paths"].values():
                for operation in operations.values():
                    if operation["operationId"] in OPERATIONS:
                        tag, operation["summary"] = OPERATIONS[operation["operationId"]]
                        operation["tags"] = [tag]
        return openapi

    app.openapi = described  # type: ignore[method-assign]


def limit_rate(app: FastAPI, settings: Settings) -> None:
    """Limit the rate of requests per subject from now on."""
    app.state.rate_limit = RateLimit(settings.rate_per_second, settings.rate_burst)


def _ignore(_read: Read) -> None:
    """Ignore a read; `serving.api.start` sets a recorder instead."""
