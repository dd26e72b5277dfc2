"""How a gateway is: /live (the process runs), /ready (it can serve), /metrics."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from shared.errors import Unavailable
from shared.web.problems import answer, problem_responses

Reasons = Callable[[], Sequence[str]]


class Liveness(BaseModel):
    live: bool


class Readiness(BaseModel):
    ready: bool
    reasons: list[str]
    degraded: list[str]


def health_routes(ready: Reasons, degraded: Reasons, registry: CollectorRegistry) -> APIRouter:
    """Return the routes; *ready* gives the reasons why not (none: it is), *degraded* what it does without."""
    router = APIRouter(tags=["health"])

    @router.get("/live", summary="The process runs")
    async def live() -> Liveness:
        return Liveness(live=True)

    @router.get("/ready", response_model=Readiness, responses=problem_responses(Unavailable), summary="It can serve")
    async def is_ready() -> Readiness | Response:
        reasons = list(ready())
        told = Readiness(ready=not reasons, reasons=reasons, degraded=list(degraded()))
        return answer(Unavailable("Not ready."), **told.model_dump()) if reasons else told

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}}, summary="Prometheus")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
