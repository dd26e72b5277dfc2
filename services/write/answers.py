"""What the write service answers over HTTP when a change is committed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel

from services.write.sends import Ack
from shared import frames
from shared.errors import Draining, Overloaded, RingpostError, Unavailable
from shared.storage.append import Status
from shared.web.problems import problem_responses

NOT_NOW = (Unavailable, Overloaded, Draining)


class Acknowledged(BaseModel):
    """The change is committed. `id` is the request's own."""

    conversation: UUID
    seq: int
    id: UUID
    at: datetime


def told(*errors: type[RingpostError], model: Any = Acknowledged) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses=`: committed, committed before, and *errors*."""
    again = {"model": model, "description": "Committed before: the same id came with the same body."}
    return {201: {"description": "Committed."}, 200: again, **problem_responses(*errors)}


def status_code(status: Status) -> int:
    return 200 if status is Status.DUPLICATE else 201


def acknowledge(answer: Ack, status: Status) -> Response:
    return Response(frames.encode(answer), status_code(status), media_type="application/json")
