"""Markers and receipts over HTTP, for those without a socket and for large conversations."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.read.answers import MarkerAnswer, ReceiptsAnswer
from services.read.marks import Marks
from shared import frames
from shared.auth import Identity
from shared.errors import Forbidden, NotFound, Unavailable
from shared.storage.markers import Mark, Markers
from shared.web.body import Caller, json_body
from shared.web.fields import Body, Parameters, QuerySeq, Target, Uuid
from shared.web.problems import problem_responses


class MarkBody(Body):
    seq: Target


class ReceiptsParameters(Parameters):
    seq: QuerySeq | None = None


class CompanyRoutes:
    """What the routes work on."""

    def __init__(self, marks: Marks, markers: Markers) -> None:
        self._marks, self._markers = marks, markers

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1/conversations/{conversation}", tags=["read"])
        told = problem_responses(Forbidden, NotFound, Unavailable)
        router.add_api_route("/read", self.mark_read, methods=["POST"], response_model=MarkerAnswer, responses=told)
        router.add_api_route("/receipts", self.list_receipts, response_model=ReceiptsAnswer, responses=told)
        return router

    async def mark_read(self, caller: Caller, conversation: Uuid, body: Annotated[MarkBody, json_body(MarkBody)]) -> Response:
        """Say that I have read a conversation up to a seq; the marker never goes back, nor beyond the head."""
        marker = await self._marks.mark_now(conversation, _user(caller), Mark(read=body.seq))
        return _json({"conversation": conversation, "seq": marker.read, "head": marker.head, "unread": marker.unread})

    async def list_receipts(
        self, caller: Caller, conversation: Uuid, query: Annotated[ReceiptsParameters, Query()]
    ) -> Response:
        """Say how many have got and read a conversation up to a seq; in a small one also how far each has come."""
        found = await self._markers.receipts(_user(caller), conversation, query.seq)
        if found is None:
            raise NotFound
        counts = {"seq": found.seq, "of": found.of, "delivered": found.delivered, "read": found.read}
        about = {"epoch": found.epoch, "conversation": conversation, "head": found.head}
        return _json(about | counts | {"members": found.members})


def _user(caller: Identity) -> str:
    if caller.is_admin:
        raise Forbidden("The admin key reads nothing; use a user's token.")
    return caller.user


def _json(answer: object) -> Response:
    return Response(frames.encode(answer), media_type="application/json")
