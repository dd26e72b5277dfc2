"""Sends over HTTP: one, or an array of which each is answered by itself."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Discriminator, Field, RootModel, Tag

from services.write.answers import NOT_NOW, Acknowledged, acknowledge, status_code, told
from services.write.intake import Intake
from services.write.queue import Result
from services.write.sends import Ack, as_error, make_event
from shared import frames, limits
from shared.auth import Identity
from shared.errors import (
    Erased,
    Forbidden,
    IdReused,
    NotFound,
    PutOff,
    RateLimited,
    RingpostError,
    TooManyReactions,
    Unchanged,
)
from shared.storage.append import NewEvent, Outcome
from shared.web.body import Caller, decode, json_body
from shared.web.fields import Body, Emoji, Target, Text, Uuid
from shared.web.problems import describe


class SendBody(Body):
    """A message. `reply_to` is the seq of the one that it answers."""

    type: Literal["send"] = "send"
    id: Uuid
    text: Text
    reply_to: Target | None = None


class EditBody(Body):
    """Another text for a message of mine."""

    type: Literal["edit"]
    id: Uuid
    seq: Target
    text: Text


class DeleteBody(Body):
    """The end of a message's text: its author's, or a moderator's doing."""

    type: Literal["delete"]
    id: Uuid
    seq: Target


class ReactBody(Body):
    type: Literal["react"]
    id: Uuid
    seq: Target
    emoji: Emoji


class UnreactBody(Body):
    type: Literal["unreact"]
    id: Uuid
    seq: Target
    emoji: Emoji


_KINDS: dict[type[Body], Any] = {
    SendBody: frames.Send,
    EditBody: frames.Edit,
    DeleteBody: frames.Delete,
    ReactBody: frames.React,
    UnreactBody: frames.Unreact,
}


def _tag(value: Any) -> Any:
    return value.get("type", "send") if isinstance(value, dict) else getattr(value, "type", "send")


OneBody = Annotated[
    Annotated[SendBody, Tag("send")]
    | Annotated[EditBody, Tag("edit")]
    | Annotated[DeleteBody, Tag("delete")]
    | Annotated[ReactBody, Tag("react")]
    | Annotated[UnreactBody, Tag("unreact")],
    Discriminator(_tag),
]
ManyBody = Annotated[list[OneBody], Field(min_length=1, max_length=limits.POST_SENDS)]


_OneOrMany = Annotated[
    Annotated[OneBody, Tag("one")] | Annotated[ManyBody, Tag("many")],
    Discriminator(lambda value: "many" if isinstance(value, list) else "one"),
]


class SendsBody(RootModel[_OneOrMany]):
    """One send, or an array of up to 100, which are stored in its order."""

    known_fields: ClassVar = frozenset(name for kind in _KINDS for name in kind.model_fields)


class Answer(Acknowledged):
    """One of an array's answers: what it would have been by itself."""

    status: Literal[200, 201]


class Refusal(BaseModel):
    """One of an array's sends that was not stored, as the problem document that it would have had by itself."""

    id: UUID
    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: bool
    retry_after: float | None = None


class Answers(RootModel[list[Answer | Refusal]]):
    """An array's answers, in its order."""


class SendRoutes:
    """What the routes work on."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1/conversations", tags=["write"])
        errors = (NotFound, Forbidden, IdReused, Erased, Unchanged, TooManyReactions, RateLimited, *NOT_NOW)
        responses = told(*errors, model=Acknowledged | Answers)
        router.add_api_route(
            "/{conversation}/messages",
            self.send,
            methods=["POST"],
            status_code=201,
            response_model=Acknowledged,
            responses=responses,
        )
        return router

    async def send(
        self, caller: Caller, conversation: Uuid, body: Annotated[SendsBody, json_body(SendsBody, limits.POST_BODY_BYTES)]
    ) -> Response:
        """Send a message, edit or delete one, react to one; or an array of these.

        Answered once all is committed; the same id by the same caller is the same send, for ever. An array is answered with
        200 and an array: each with the `status` and the body that it would have had by itself.
        """
        return await self._answer(caller, conversation, body)

    async def answer(self, caller: Identity, conversation: UUID, raw: bytes) -> Response:
        """Answer the request with the body *raw*, as `send` does."""
        return await self._answer(caller, conversation, decode(SendsBody, raw))

    async def _answer(self, caller: Identity, conversation: UUID, body: SendsBody) -> Response:
        bodies = body.root if isinstance(body.root, list) else [body.root]
        events = [_event(each, conversation, caller.user) for each in bodies]
        results = await Together(caller, len(events)).committed(self._intake, events)
        if isinstance(body.root, list):
            return Response(frames.encode([*map(_one_of_many, events, results)]), 200, media_type="application/json")
        (result,) = results
        error = as_error(result)
        if error is not None:
            raise error
        assert isinstance(result, Outcome)
        return acknowledge(Ack(conversation, events[0].id, result.seq, result.at), result.status)


class Together:
    """Waits for the outcomes of the sends of one request."""

    def __init__(self, caller: Identity, count: int) -> None:
        self._caller = caller
        self._results: dict[int, Result] = {}
        self._count = count
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, results: Sequence[tuple[NewEvent, Result]]) -> None:
        for event, result in results:
            self._results[id(event)] = result
        self._check()

    def _check(self) -> None:
        if len(self._results) >= self._count and not self._done.done():
            self._done.set_result(None)

    async def committed(self, intake: Intake, events: Sequence[NewEvent]) -> list[Result]:
        """Return one result an event. What is put off puts off all that follow it."""
        for place, event in enumerate(events):
            try:
                intake.offer(self._caller, event, self)
            except RingpostError as error:
                self._put_off(events[place:], error)
                break
        await self._done
        return [self._results[id(event)] for event in events]

    def _put_off(self, events: Sequence[NewEvent], error: RingpostError) -> None:
        self._results[id(events[0])] = error
        for event in events[1:]:
            self._results[id(event)] = PutOff()
        self._check()


def _event(body: OneBody, conversation: UUID, sender: str) -> NewEvent:
    fields = {name: getattr(body, name) for name in type(body).model_fields if name != "type"}
    return make_event(_KINDS[type(body)](conversation=conversation, **fields), sender)


def _one_of_many(event: NewEvent, result: Result) -> Ack | Mapping[str, Any]:
    error = as_error(result)
    if error is not None:
        return {"id": event.id} | describe(error)
    assert isinstance(result, Outcome)
    return Ack(event.conversation, event.id, result.seq, result.at, status=status_code(result.status))
