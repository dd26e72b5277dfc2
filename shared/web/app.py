"""The FastAPI application that every gateway starts from: errors as problem documents, health, docs, pages that may call."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from shared.auth import Authenticator
from shared.errors import NotFound, RingpostError, TooLarge
from shared.web import openapi
from shared.web.docs_page import answer_docs
from shared.web.edge import Edge
from shared.web.fields import describe_faults
from shared.web.health import Reasons, health_routes
from shared.web.origins import Origins
from shared.web.problems import BadRequest, MethodNotAllowed, answer
from shared.web.socket_route import socket_routes

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = openapi.describe(self.title, self.version, self.routes)
        return self.openapi_schema


def create_app(
    *,
    title: str,
    version: str,
    authenticator: Authenticator,
    origins: Origins,
    ready: Reasons,
    degraded: Reasons,
    registry: CollectorRegistry,
    shortcuts: Sequence[Middleware] = (),
    answers: Counter[int] | None = None,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Return an application with the routes that all gateways have; a gateway adds its own by `include_router`.

    *ready* gives the reasons why it can't serve (none: it can), *degraded* what it does without at present; *shortcuts* stand
    behind the edge, in front of the routes; *answers* counts what is answered, by status.
    """
    app = _Application(
        title=title,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers={
            RingpostError: _answer_error,
            RequestValidationError: _answer_faults,
            HTTPException: _answer_status,
        },
    )
    app.state.authenticator = authenticator
    app.include_router(health_routes(ready, degraded, registry))
    app.include_router(socket_routes())
    app.add_route("/docs", _answer_docs, include_in_schema=False)
    app.user_middleware = [Middleware(Edge, origins=origins, answers=Counter() if answers is None else answers), *shortcuts]
    return app


async def _answer_docs(request: Request) -> Response:
    return answer_docs(request.app.openapi())


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RingpostError)
    return answer(error)


async def _answer_faults(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # A fault's place is ("query", "limit") or ("path", "conversation"): what stands first is not the field.
    faults = [{**fault, "loc": fault["loc"][1:]} for fault in error.errors()]
    return answer(describe_faults(faults, None))


async def _answer_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known: dict[int, RingpostError] = {404: NotFound("There is no such path."), 405: MethodNotAllowed(), 413: TooLarge()}
    return answer(known.get(error.status_code, BadRequest()), error.headers)
