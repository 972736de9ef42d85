"""The service: BentoML runs it, a FastAPI app inside it answers (docs/adr/0004).

Start it with `guanjia serve`. BentoML imports this module in the process that watches the workers
and in each worker: what answers is imported when a worker starts (`serving.api.start`), and by it
alone.
"""

import os
from functools import cached_property
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import bentoml


class LateApp:
    """The FastAPI app, made when it is first asked for."""

    @cached_property
    def made(self) -> Any:
        """The app itself."""
        from serving.api.app import made

        return made()

    @property
    def routes(self) -> Any:
        """Its routes."""
        return self.made.routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.made(scope, receive, send)


class LateGate:
    """`serving.api.gate.Gate`, made with the worker's other middleware."""

    def __init__(self, inner: Any, app: LateApp) -> None:
        from serving.api.gate import Gate

        self._gate = Gate(inner, app.made)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._gate(scope, receive, send)


app = LateApp()


@bentoml.service(name="guanjia", metrics={"enabled": False}, traffic={"timeout": 30})
@bentoml.asgi_app(app, path="/")
class GuanjiaService:
    """Holds what requests need; loads it before the first one."""

    def __init__(self) -> None:
        from serving.api.start import announce, start

        start(app.made)
        announce()


GuanjiaService.add_asgi_middleware(LateGate, app=app)  # type: ignore[attr-defined]
