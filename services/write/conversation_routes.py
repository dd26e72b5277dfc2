"""Conversations over HTTP: creating them, who is in them, what they are called."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.write.answers import Acknowledged, acknowledge, told
from services.write.publisher import Publisher
from services.write.sends import Ack
from shared import limits
from shared.auth import Identity
from shared.errors import (
    AlreadyMember,
    Forbidden,
    IdReused,
    Invalid,
    LastOwner,
    NotFound,
    RingpostError,
    Unavailable,
    Unchanged,
)
from shared.storage.append import Status
from shared.storage.conversations import Change, Conversations, NewChange, NewConversation
from shared.web.body import Caller, json_body
from shared.web.fields import Body, Title, Topic, User, Uuid

Role = Literal["member", "moderator", "owner"]
_ALWAYS = (NotFound, Forbidden, IdReused, Unavailable)


class ConversationBody(Body):
    """A new conversation. `owner` is for the admin key, which must name one."""

    id: Uuid
    title: Title | None = None
    topic: Topic | None = None
    members: Annotated[tuple[User, ...], Field(max_length=limits.CREATE_MEMBERS)] = ()
    history: Literal["all", "joined"] = "all"
    access: Literal["invited", "open"] = "invited"
    owner: User | None = None


class DirectBody(Body):
    """A direct conversation with `user`. `owner` is for the admin key, which must name the other one."""

    id: Uuid
    user: User
    owner: User | None = None


class MemberBody(Body):
    id: Uuid
    user: User
    role: Role = "member"


class RemovalBody(Body):
    id: Uuid
    user: User


class RoleBody(Body):
    id: Uuid
    user: User
    role: Role


class OwnBody(Body):
    """What is about the caller alone."""

    id: Uuid


class TitleBody(Body):
    id: Uuid
    title: Title | None


class TopicBody(Body):
    id: Uuid
    topic: Topic | None


class ConversationRoutes:
    """What the routes work on."""

    def __init__(self, conversations: Conversations, publisher: Publisher) -> None:
        self._conversations, self._publisher = conversations, publisher

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["write"])
        one = "/conversations/{conversation}"
        routes: tuple[tuple[str, Callable[..., Any], tuple[type[RingpostError], ...]], ...] = (
            ("/conversations", self.create_conversation, (Forbidden, IdReused, Unavailable)),
            ("/direct", self.open_direct, (Forbidden, Unavailable)),
            (f"{one}/members", self.add_member, (*_ALWAYS, AlreadyMember)),
            (f"{one}/invitations", self.invite, (*_ALWAYS, AlreadyMember, Unchanged)),
            (f"{one}/join", self.join, (*_ALWAYS, AlreadyMember)),
            (f"{one}/leave", self.leave, (*_ALWAYS, LastOwner)),
            (f"{one}/remove", self.remove_member, (*_ALWAYS, LastOwner)),
            (f"{one}/role", self.change_role, (*_ALWAYS, LastOwner, Unchanged)),
            (f"{one}/title", self.change_title, (*_ALWAYS, Unchanged)),
            (f"{one}/topic", self.change_topic, (*_ALWAYS, Unchanged)),
        )
        for path, endpoint, errors in routes:
            responses = told(*errors)
            router.add_api_route(
                path, endpoint, methods=["POST"], status_code=201, response_model=Acknowledged, responses=responses
            )
        return router

    async def create_conversation(
        self, caller: Caller, body: Annotated[ConversationBody, json_body(ConversationBody, limits.CREATE_BODY_BYTES)]
    ) -> Response:
        """Create a conversation; the same id by the same caller finds it again."""
        owner = _owner(caller, body.owner)
        members = {owner: "owner"} | {user: "member" for user in body.members if user != owner}
        about = (body.title, body.topic, body.history, body.access)
        return self._answer(await self._conversations.create(NewConversation(caller.user, body.id, members, *about)), body.id)

    async def open_direct(self, caller: Caller, body: Annotated[DirectBody, json_body(DirectBody)]) -> Response:
        """Create or find the direct conversation of two users: there is one, whichever of them asks first."""
        user = _owner(caller, body.owner)
        if user == body.user:
            raise Invalid("A direct conversation is with somebody else.", fields=("user",))
        new = NewConversation(caller.user, body.id, {user: "member", body.user: "member"}, is_direct=True)
        return self._answer(await self._conversations.create(new), body.id)

    async def add_member(
        self, caller: Caller, conversation: Uuid, body: Annotated[MemberBody, json_body(MemberBody)]
    ) -> Response:
        """Add a member: owners, moderators (members only) and the admin key may."""
        return await self._change(NewChange(conversation, caller.user, body.id, "joined", body.user, body.role))

    async def invite(self, caller: Caller, conversation: Uuid, body: Annotated[MemberBody, json_body(MemberBody)]) -> Response:
        """Invite somebody, who hears of it in the inbox and may join: who may add may invite."""
        return await self._change(NewChange(conversation, caller.user, body.id, "invited", body.user, body.role))

    async def join(self, caller: Caller, conversation: Uuid, body: Annotated[OwnBody, json_body(OwnBody)]) -> Response:
        """Join a conversation that is open, or to which one was invited."""
        return await self._change(NewChange(conversation, _user(caller), body.id, "joined", caller.user))

    async def leave(self, caller: Caller, conversation: Uuid, body: Annotated[OwnBody, json_body(OwnBody)]) -> Response:
        """Leave; the last owner can't."""
        return await self._change(NewChange(conversation, _user(caller), body.id, "left", caller.user))

    async def remove_member(
        self, caller: Caller, conversation: Uuid, body: Annotated[RemovalBody, json_body(RemovalBody)]
    ) -> Response:
        """Remove a member, or take an invitation back: owners, moderators (members only) and the admin key may."""
        return await self._change(NewChange(conversation, caller.user, body.id, "removed", body.user))

    async def change_role(self, caller: Caller, conversation: Uuid, body: Annotated[RoleBody, json_body(RoleBody)]) -> Response:
        """Give a member another role: owners and the admin key may."""
        return await self._change(NewChange(conversation, caller.user, body.id, "role_changed", body.user, body.role))

    async def change_title(
        self, caller: Caller, conversation: Uuid, body: Annotated[TitleBody, json_body(TitleBody)]
    ) -> Response:
        """Give a conversation another title, or none: owners, moderators and the admin key may."""
        return await self._change(NewChange(conversation, caller.user, body.id, "renamed", text=body.title))

    async def change_topic(
        self, caller: Caller, conversation: Uuid, body: Annotated[TopicBody, json_body(TopicBody)]
    ) -> Response:
        """Give a conversation another topic, or none: owners, moderators and the admin key may."""
        return await self._change(NewChange(conversation, caller.user, body.id, "topic_changed", text=body.topic))

    async def _change(self, new: NewChange) -> Response:
        return self._answer(await self._conversations.change(new), new.request)

    def _answer(self, change: Change, id: UUID) -> Response:
        outcome = change.outcome
        if outcome.status in _REFUSALS:
            raise _REFUSALS[outcome.status]
        if outcome.status is Status.STORED:
            self._publisher.publish_change(change)
        return acknowledge(Ack(change.conversation, id, outcome.seq, outcome.at), outcome.status)


_REFUSALS: dict[Status, RingpostError] = {
    Status.ID_REUSED: IdReused(),
    Status.NOT_FOUND: NotFound(),
    Status.FORBIDDEN: Forbidden(),
    Status.ALREADY_MEMBER: AlreadyMember(),
    Status.NO_MEMBER: NotFound("There is no such member in this conversation."),
    Status.LAST_OWNER: LastOwner(),
    Status.UNCHANGED: Unchanged(),
}


def _owner(caller: Identity, named: str | None) -> str:
    """Return whose the new conversation is: the caller's, or with the admin key who is named."""
    if caller.is_admin and named is None:
        raise Invalid("The admin key must name the owner.", fields=("owner",))
    if not caller.is_admin and named is not None:
        raise Forbidden("Only the admin key names another owner.")
    return named or caller.user


def _user(caller: Identity) -> str:
    if caller.is_admin:
        raise Forbidden("The admin key is no member: it adds and removes.")
    return caller.user
