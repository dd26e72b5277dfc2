"""The read service over HTTP: my conversations, history, long poll, event stream."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.read.answers import ConversationsAnswer, EventsAnswer, HistoryAnswer, MembersAnswer, PollAnswer
from services.read.fills import Fills, Wanted
from services.read.memory import Version
from services.read.poll import Polls, Wish, named
from services.read.resume import Cursor
from services.read.streams import Streams
from shared import frames, limits
from shared.errors import Draining, Forbidden, NotFound, PositionLost, TooLarge, TooManySockets, Unavailable
from shared.storage.history import History, Membership
from shared.storage.timeline import Timeline
from shared.web.body import Caller, json_body
from shared.web.fields import Body, Parameters, QueryLimit, QuerySeq, Seq, User, Uuid
from shared.web.problems import problem_responses

EVENT_STREAM: dict[str, Any] = {
    "description": "Frames as events, until the stream ends; docs/protocol.md has them.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


class ListParameters(Parameters):
    limit: QueryLimit = limits.PAGE_EVENTS_DEFAULT
    after: Uuid | None = None


class MembersParameters(Parameters):
    limit: QueryLimit = limits.PAGE_EVENTS_DEFAULT
    after: User | None = None


class RangeParameters(Parameters):
    """Forwards with *after*, backwards with *before*, or (neither) backwards from the head."""

    limit: QueryLimit = limits.PAGE_EVENTS_DEFAULT
    after: QuerySeq | None = None
    before: QuerySeq | None = None

    @model_validator(mode="after")
    def _one_direction(self) -> "RangeParameters":
        if self.after is not None and self.before is not None:
            raise PydanticCustomError("direction", "after and before exclude each other")
        return self


class CursorBody(Body):
    """What a client has."""

    epoch: Uuid | None = None
    inbox: Seq = 0
    positions: Annotated[dict[Uuid, Seq], Field(max_length=limits.CURSOR_POSITIONS, default_factory=dict)]
    first: Annotated[list[Uuid], Field(max_length=limits.CURSOR_FIRST, default_factory=list)]

    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self.inbox, self.positions, self.first)


class PollBody(CursorBody):
    """A cursor, and how long to wait for what comes after it."""

    wait_s: Annotated[float, Field(ge=0, le=limits.POLL_WAIT_S)] = 25
    limit: Annotated[int, Field(ge=1, le=limits.PAGE_EVENTS)] = limits.PAGE_EVENTS_DEFAULT


class ReadRoutes:
    """What the routes work on."""

    def __init__(self, history: History, timeline: Timeline, fills: Fills, polls: Polls, streams: Streams) -> None:
        self._history, self._timeline, self._fills = history, timeline, fills
        self._polls, self._streams = polls, streams

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["read"])
        told = problem_responses(Forbidden, Unavailable)
        router.add_api_route("/conversations", self.list_conversations, response_model=ConversationsAnswer, responses=told)
        lost = problem_responses(Forbidden, PositionLost, Unavailable)
        router.add_api_route("/poll", self.poll, methods=["POST"], response_model=PollAnswer, responses=lost)
        told = problem_responses(Draining, Forbidden, TooManySockets, Unavailable) | {200: EVENT_STREAM}
        router.add_api_route("/stream", self.stream, methods=["POST"], response_class=Response, responses=told)
        unknown = (Forbidden, NotFound, Unavailable)
        for path, endpoint, model, errors in (
            ("events", self.read_events, EventsAnswer, unknown),
            ("history", self.read_history, HistoryAnswer, unknown),
            ("members", self.list_members, MembersAnswer, (*unknown, TooLarge)),
        ):
            told = problem_responses(*errors)
            router.add_api_route(f"/conversations/{{conversation}}/{path}", endpoint, response_model=model, responses=told)
        return router

    async def list_conversations(self, caller: Caller, query: Annotated[ListParameters, Query()]) -> Response:
        """List my conversations, with their heads and my read markers."""
        memberships, rows = await self._history.listed(_user(caller), query.after, query.limit)
        following = rows[-1]["conversation"] if len(rows) == query.limit else None
        about = {"epoch": memberships.epoch, "inbox": memberships.inbox_head}
        return _json(about | {"conversations": rows, "next": following})

    async def read_events(self, caller: Caller, conversation: Uuid, query: Annotated[RangeParameters, Query()]) -> Response:
        """Read a range of a conversation's events, as they were stored."""
        memberships = await self._history.memberships(_user(caller), conversation)
        membership = memberships.of.get(conversation)
        if membership is None:
            raise NotFound
        found = await self._range(membership, memberships.epoch, query)
        about = {"epoch": memberships.epoch, "conversation": conversation, "head": membership.head.seq}
        return _json(about | found)

    async def _range(self, membership: Membership, epoch: UUID, query: RangeParameters) -> dict[str, Any]:
        lowest, head, log = membership.visible_from, membership.head.seq, membership.conversation
        if query.after is not None:
            after = max(query.after, lowest - 1)
            wanted = Wanted(log, False, Version(epoch, membership.head.generation), after, head)
            return named(after, max(after, head), await self._fills.events(wanted, query.limit))
        before = min(head + 1 if query.before is None else query.before, head + 1)
        events = await self._history.before(log, before, lowest, query.limit) if before > lowest else []
        first, last = (events[0]["seq"], events[-1]["seq"]) if events else (before, before - 1)
        return {"from": first, "to": last, "complete": not events or first == lowest, "events": events}

    async def read_history(self, caller: Caller, conversation: Uuid, query: Annotated[RangeParameters, Query()]) -> Response:
        """Read a conversation as it now is: messages with their latest text and their reactions, and who came and went."""
        user = _user(caller)
        if query.after is not None:
            page = await self._timeline.after(user, conversation, query.after, query.limit)
        else:
            before = limits.SEQ_MAX if query.before is None else query.before
            page = await self._timeline.before(user, conversation, before, query.limit)
        if page is None:
            raise NotFound
        about = {"epoch": page.epoch, "conversation": conversation, "head": page.head}
        return _json(about | {"complete": page.is_complete, "items": page.items})

    async def list_members(self, caller: Caller, conversation: Uuid, query: Annotated[MembersParameters, Query()]) -> Response:
        """List the members of a conversation, by their ids."""
        page = await self._timeline.members(_user(caller), conversation, query.after or "", query.limit)
        if page is None:
            raise NotFound
        following = None if page.is_complete else page.items[-1]["user"]
        about = {"epoch": page.epoch, "conversation": conversation, "head": page.head}
        return _json(about | {"members": page.items, "next": following})

    async def poll(self, caller: Caller, body: Annotated[PollBody, json_body(PollBody, limits.CURSOR_BODY_BYTES)]) -> Response:
        """Wait for what comes after a cursor."""
        wish = Wish(body.cursor(), body.wait_s, body.limit)
        return _json(await self._polls.answer(_user(caller), wish))

    async def stream(
        self, request: Request, caller: Caller, body: Annotated[CursorBody, json_body(CursorBody, limits.CURSOR_BODY_BYTES)]
    ) -> Response:
        """Get what comes after a cursor as server-sent events."""
        _user(caller)
        return self._streams.answer(caller, body.cursor(), request.state.outlet)


def _user(caller: Any) -> str:
    """A user reads; the admin key has no conversations of its own."""
    if caller.is_admin:
        raise Forbidden("The admin key reads nothing; use a user's token.")
    user: str = caller.user
    return user


def _json(answer: Any) -> Response:
    return Response(frames.encode(answer), media_type="application/json")
