"""Define the BentoML service; a FastAPI app inside it answers requests (docs/adr/0004).

Start it with `guanjia serve`. BentoML imports this module in the process that watches the workers
and in each worker. The heavy modules are imported only in workers, at their start
(`serving.process.start`).
"""

import os
import sys
from functools import cached_property
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import bentoml

from features.settings import load
from serving.api.door.limits import BODY_SECONDS, MOST_SECONDS
from serving.exporter.folder import count_in_folder


class LateApp:
    """The FastAPI app, created at first use."""

    @cached_property
    def fastapi_app(self) -> Any:
        """The app itself."""
        from serving.api.app import create_app
        from serving.console.mount import add_console

        return add_console(create_app())

    @property
    def routes(self) -> Any:
        """Its routes."""
        return self.fastapi_app.routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.fastapi_app(scope, receive, send)


class LateRequestLimiter:
    """A `RequestLimiter`, created with the worker's other middleware."""

    def __init__(self, inner: Any, app: LateApp) -> None:
        from serving.api.door.request_limiter import RequestLimiter

        self._limiter = RequestLimiter(inner, app.fastapi_app)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._limiter(scope, receive, send)


app = LateApp()


@bentoml.service(
    name="guanjia",
    # BentoML's option --api-workers is for services of an earlier kind, and does nothing here.
    workers=int(os.environ.get("GUANJIA_WORKERS", "1")),
    metrics={"enabled": False},
    # The limits are those of `RequestLimiter`, and so are the lines of the access log.
    traffic={"timeout": BODY_SECONDS + 2 * MOST_SECONDS},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(app, path="/")
class GuanjiaService:
    """The service of a worker; loads everything before the first request."""

    def __init__(self) -> None:
        from serving.api.door.watcher import end_with_watcher

        end_with_watcher()
        from serving.process.start import announce, start

        start(app.fastapi_app)
        announce()


if "uvicorn" in sys.modules:
    # In a worker: where it counts is decided before the library that counts is imported.
    count_in_folder()
    from serving.telemetry.log_lines import make_logs_safe

    make_logs_safe(load().log)
    # Extensions declare before anything reads what is declared.
    from features.tags.extensions import load_extensions

    load_extensions(load().home)
    # BentoML has no option for what reads connections.
    from uvicorn.config import HTTP_PROTOCOLS

    HTTP_PROTOCOLS["auto"] = "serving.api.door.http_protocol:LimitedProtocol"
GuanjiaService.add_asgi_middleware(LateRequestLimiter, app=app)  # type: ignore[attr-defined]
