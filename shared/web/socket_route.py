"""What HTTP says of the socket's path: how to ask for a WebSocket there. One that is asked for properly never comes here."""

from fastapi import APIRouter, Response

from shared.web.http_policy import SOCKET_PATH
from shared.web.problems import BadRequest, UpgradeRequired, answer, problem_responses


def socket_routes() -> APIRouter:
    """Return the route that stands for the socket: it answers 426, and puts the socket into the OpenAPI document."""
    router = APIRouter(tags=["socket"])
    opened = {101: {"description": "The WebSocket is open; the client says hello."}}
    told = opened | problem_responses(BadRequest, UpgradeRequired)

    @router.get(SOCKET_PATH.decode(), status_code=101, responses=told, summary="Open a WebSocket")
    async def open_socket() -> Response:
        return answer(UpgradeRequired(), {"upgrade": "websocket", "connection": "upgrade"})

    return router
