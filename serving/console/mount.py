"""Add the console to the app: its pages, its style sheet and its script."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from serving.console.pages import (
    accounts,
    campaigns,
    catalogues,
    compliance,
    customer_records,
    customers,
    list_builder,
    lists,
    login,
    models,
    policy,
    reports,
    reviews,
    service_effect,
    today,
    touchpoints,
    unknown,
)
from serving.console.pages.data import deliveries, overview, quality
from serving.console.render import FOLDER

PAGES = (
    login.router,
    today.router,
    lists.router,
    list_builder.router,
    campaigns.router,
    reports.router,
    service_effect.router,
    accounts.router,
    policy.router,
    customers.router,
    customer_records.router,
    reviews.router,
    touchpoints.router,
    catalogues.router,
    models.router,
    overview.router,
    deliveries.router,
    quality.router,
    compliance.router,
    unknown.router,  # the last: it has every other address
)


def add_console(app: FastAPI) -> FastAPI:
    """Add the pages of the console to an app, and return it."""
    app.mount("/console/static", StaticFiles(directory=FOLDER / "static"), name="console")
    for router in PAGES:
        app.include_router(router)
    return app
