"""The write service over HTTP."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.write.committer import Committer
from services.write.publisher import Publisher
from services.write.queue import Result
from services.write.socket import acknowledgement, as_error, make_message
from shared import frames, limits
from shared.errors import (
    AlreadyMember,
    Forbidden,
    IdReused,
    Invalid,
    NotFound,
    Overloaded,
    RateLimited,
    RingpostError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from shared.storage.append import Message, Outcome, Status
from shared.storage.conversations import Change, Conversations, NewConversation, NewMember
from shared.web.body import Caller, json_body
from shared.web.fields import Body, Text, Title, User, Uuid
from shared.web.problems import problem_responses

Role = Literal["member", "moderator", "owner"]


class ConversationBody(Body):
    """A new conversation. `owner` is for the admin key, which must name one."""

    id: Uuid
    title: Title | None = None
    members: Annotated[tuple[User, ...], Field(max_length=limits.CREATE_MEMBERS)] = ()
    history: Literal["all", "joined"] = "all"
    owner: User | None = None


class MemberBody(Body):
    id: Uuid
    user: User
    role: Role = "member"


class MessageBody(Body):
    id: Uuid
    text: Text


class Acknowledged(Body):
    """The change is committed."""

    conversation: UUID
    seq: int
    id: UUID
    at: str


class WriteRoutes:
    """What the routes work on."""

    def __init__(self, committer: Committer, conversations: Conversations, publisher: Publisher) -> None:
        self._committer, self._conversations, self._publisher = committer, conversations, publisher

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1/conversations", tags=["write"])
        for path, endpoint, errors in (
            ("", self.create, (Forbidden, IdReused)),
            ("/{conversation}/members", self.add_member, (Forbidden, NotFound, IdReused, AlreadyMember)),
            ("/{conversation}/messages", self.send, (NotFound, IdReused, Overloaded, RateLimited)),
        ):
            told = problem_responses(Unauthenticated, TooLarge, Invalid, Unavailable, *errors)
            router.add_api_route(path, endpoint, methods=["POST"], status_code=201, response_model=Acknowledged, responses=told)
        return router

    async def create(
        self, caller: Caller, body: Annotated[ConversationBody, json_body(ConversationBody, limits.CREATE_BODY_BYTES)]
    ) -> Response:
        """Create a conversation; the same id by the same caller finds it again."""
        if caller.is_admin and body.owner is None:
            raise Invalid("The admin key must name the owner.", fields=("owner",))
        if not caller.is_admin and body.owner is not None:
            raise Forbidden("Only the admin key names another owner.")
        owner = body.owner or caller.user
        members = {owner: "owner"} | {user: "member" for user in body.members if user != owner}
        change = await self._conversations.create(NewConversation(caller.user, body.id, body.title, body.history, members))
        return self._answer(change, body.id)

    async def add_member(
        self, caller: Caller, conversation: Uuid, body: Annotated[MemberBody, json_body(MemberBody)]
    ) -> Response:
        """Add a member: owners, moderators (members only) and the admin key may."""
        new = NewMember(conversation, caller.user, body.id, body.user, body.role)
        return self._answer(await self._conversations.add(new), body.id)

    async def send(self, caller: Caller, conversation: Uuid, body: Annotated[MessageBody, json_body(MessageBody)]) -> Response:
        """Send a message. Answered once it is committed; the same id by the same caller is the same message, for ever."""
        message = make_message(conversation, caller.user, body.id, body.text)
        outcome = await _Once().committed(self._committer, message)
        return _acknowledge(acknowledgement(message, outcome), outcome.status)

    def _answer(self, change: Change, id: UUID) -> Response:
        outcome = change.outcome
        error = _REFUSALS.get(outcome.status)
        if error is not None:
            raise error
        if outcome.status is Status.STORED:
            self._publisher.publish_change(change)
        answer = {"conversation": change.conversation, "seq": outcome.seq, "id": id, "at": outcome.at}
        return _acknowledge(answer, outcome.status)


_REFUSALS: dict[Status, type[RingpostError]] = {
    Status.ID_REUSED: IdReused,
    Status.NOT_FOUND: NotFound,
    Status.FORBIDDEN: Forbidden,
    Status.ALREADY_MEMBER: AlreadyMember,
}


class _Once:
    """Waits for the outcome of one send."""

    def __init__(self) -> None:
        self._result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def settle(self, results: Sequence[tuple[Message, Result]]) -> None:
        if not self._result.done():
            self._result.set_result(results[0][1])

    async def committed(self, committer: Committer, message: Message) -> Outcome:
        committer.offer(message, self)
        result = await self._result
        error = as_error(result)
        if error is not None:
            raise error
        assert isinstance(result, Outcome)
        return result


def _acknowledge(answer: dict[str, object], status: Status) -> Response:
    code = 200 if status is Status.DUPLICATE else 201
    return Response(frames.encode(answer), code, media_type="application/json")
