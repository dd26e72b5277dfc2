"""The router's own port: health, metrics, what it knows (`/status`), and a page that draws it (`/`)."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

import msgspec
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from router.status import RouterStatus
from shared.web.health import Reasons, health_routes

PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
GUARD = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
Handler = Callable[[Request], Awaitable[Response]]
_encode = msgspec.json.Encoder().encode


def create_admin(ready: Reasons, degraded: Reasons, registry: CollectorRegistry, status: Callable[[], RouterStatus]) -> FastAPI:
    """Return the application; *status* is asked anew for each request."""
    app = FastAPI(title="Ringpost router", docs_url=None, redoc_url=None)
    app.include_router(health_routes(ready, degraded, registry))
    app.add_route("/status", _answer_status(status), include_in_schema=False)
    for path, (name, kind) in PAGE.items():
        app.add_route(path, _answer_file(name, kind), include_in_schema=False)
    return app


def _answer_status(status: Callable[[], RouterStatus]) -> Handler:
    async def handle(_: Request) -> Response:
        return Response(_encode(status()), media_type="application/json", headers=GUARD)

    return handle


def _answer_file(name: str, kind: str) -> Handler:
    body = (files("router") / "page" / name).read_bytes()

    async def handle(_: Request) -> Response:
        return Response(body, headers={**GUARD, "content-type": kind})

    return handle
