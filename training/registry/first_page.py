"""Open MLflow's server on the experiment of Guanjia: its own first page is about agents.

MLflow has no setting for it. `mlflow/serve` names this module as the application that MLflow calls
`basic-auth`: it is that application, with an answer of its own to `/`. Routes of MLflow's pages
stand after the `#`, which no server sees, so the answer is a page that goes on to the address
behind it where there is one, and else to the table of runs.
"""

import json
import os
from typing import Any

from training.registry.mlflow_client import EXPERIMENT

SEEN = "?opened"
"""A query that MLflow does not read: with it, `/` is MLflow's own page."""
PAGE = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>管家 · MLflow</title>
<script>
const asked = location.hash;
location.replace({seen} + (asked.length > 2 ? asked : {runs}));
</script>
<p><a href={link}>训练记录 Trainings</a></p></html>
"""


class FirstPage:
    """An ASGI application that answers `GET /`, and leaves everything else to another.

    Parameters
    ----------
    app : ASGI application
        MLflow's server.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        opens = scope["type"] == "http" and (scope["method"], scope["path"]) == ("GET", "/")
        if opens and not scope["query_string"]:
            from starlette.concurrency import run_in_threadpool
            from starlette.responses import HTMLResponse

            if number := await run_in_threadpool(_experiment):
                await HTMLResponse(first_page(number))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def first_page(experiment: str) -> str:
    """Render the page that opens an experiment's table of runs.

    Parameters
    ----------
    experiment : str
        Id of the experiment.
    """
    runs = f"#/experiments/{experiment}/runs?workflowType=machine_learning"
    seen, target, link = (json.dumps(text) for text in ("/" + SEEN, runs, "/" + SEEN + runs))
    return PAGE.format(seen=seen, runs=target, link=link)


def create_app() -> Any:
    """Create MLflow's server with access control, which opens on the experiment of Guanjia."""
    from mlflow.server.auth import create_app as create_server

    return FirstPage(create_server())


def _experiment() -> str | None:
    """Find the id of the experiment; None before the first training."""
    from mlflow import MlflowClient

    store = os.environ["MLFLOW_BACKEND_STORE_URI"]
    experiment = MlflowClient(tracking_uri=store, registry_uri=store).get_experiment_by_name(
        EXPERIMENT
    )
    return None if experiment is None else str(experiment.experiment_id)
