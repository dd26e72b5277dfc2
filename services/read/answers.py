"""What the read service's answers look like, for the OpenAPI document. The answers themselves are encoded from rows."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

Role = Literal["member", "moderator", "owner"]
History = Literal["all", "joined"]
Kind = Literal["group", "direct"]
Access = Literal["invited", "open"]


class _Event(BaseModel):
    seq: int
    sender: str = Field(description="Empty: the host product itself.")
    id: UUID
    at: datetime
    messages: int = Field(description="How many messages the log held with this event.")


class Member(BaseModel):
    user: str
    role: Role


class Created(_Event):
    type: Literal["created"]
    kind: Kind
    title: str | None
    topic: str | None
    history: History
    access: Access
    members: list[Member]


class Granted(_Event):
    """Somebody joined or was added, was invited, or has another role."""

    type: Literal["joined", "invited", "role_changed"]
    user: str
    role: Role


class Gone(_Event):
    """Somebody left, or was removed."""

    type: Literal["left", "removed"]
    user: str


class Renamed(_Event):
    type: Literal["renamed"]
    title: str | None


class TopicChanged(_Event):
    type: Literal["topic_changed"]
    topic: str | None


class _Message(_Event):
    type: Literal["message"]
    text: str | None = Field(None, description="Absent: erased.")
    erased: Literal[True] | None = Field(None, description="It was deleted.")
    reply_to: int | None = Field(None, description="The seq of the message that it answers.")


class Message(_Message):
    """A message as it was sent; a deletion alone changes it."""


class Edited(_Event):
    """Another text for the message *target*."""

    type: Literal["edited"]
    target: int
    text: str | None = Field(None, description="Absent: erased.")
    erased: Literal[True] | None = None


class Deleted(_Event):
    """The message *target* was deleted: its text, and that of its edits, is erased."""

    type: Literal["deleted"]
    target: int


class Reacted(_Event):
    """The sender reacts to the message *target*, or does so no longer."""

    type: Literal["reacted", "unreacted"]
    target: int
    emoji: str


class Reaction(BaseModel):
    emoji: str
    count: int
    mine: bool


class Edit(BaseModel):
    seq: int
    at: datetime


class MessageNow(_Message):
    """A message with its latest text and the reactions to it."""

    edited: Edit | None = Field(None, description="The latest edit.")
    reactions: list[Reaction] | None = None


class InboxJoined(_Event):
    """A conversation that the user joined; they follow it from the event *joined* on."""

    type: Literal["joined"]
    conversation: UUID
    role: Role
    joined: int


class InboxInvited(_Event):
    """A conversation that the user may join."""

    type: Literal["invited"]
    conversation: UUID
    role: Role
    title: str | None


class InboxRole(_Event):
    type: Literal["role_changed"]
    conversation: UUID
    role: Role


class InboxGone(_Event):
    """A conversation that the user is in no longer; its event *until* was the last for them."""

    type: Literal["left", "removed"]
    conversation: UUID
    until: int


_Change = Created | Granted | Gone | Renamed | TopicChanged
Event = Annotated[_Change | Message | Edited | Deleted | Reacted, Field(discriminator="type")]
Item = Annotated[_Change | MessageNow, Field(discriminator="type")]
InboxEvent = Annotated[InboxJoined | InboxInvited | InboxRole | InboxGone, Field(discriminator="type")]


class Listed(BaseModel):
    conversation: UUID
    kind: Kind
    title: str | None
    topic: str | None
    role: Role
    history: History
    access: Access
    head: int
    messages: int
    joined: int
    other: str | None = Field(alias="with", description="With whom, where it is a direct one.")
    read: int = Field(description="The read marker; 0: none.")
    unread: int


class MarkerAnswer(BaseModel):
    conversation: UUID
    seq: int = Field(description="Where the read marker is now.")
    head: int
    unread: int = Field(description="As of the head.")


class MemberReceipt(BaseModel):
    user: str
    read: int
    delivered: int


class ReceiptsAnswer(BaseModel):
    epoch: UUID
    conversation: UUID
    head: int
    seq: int
    of: int = Field(description="How many members there are.")
    delivered: int = Field(description="How many of them have got everything up to *seq*.")
    read: int = Field(description="How many of them have read up to *seq*.")
    members: list[MemberReceipt] | None = Field(description="Where each of them is; null where there are more than 50.")


class ConversationsAnswer(BaseModel):
    epoch: UUID
    inbox: int = Field(description="The inbox's head.")
    conversations: list[Listed]
    next: UUID | None = Field(description="The *after* of the next page.")


class _Range(BaseModel):
    first: int = Field(alias="from")
    to: int
    complete: bool


class _Events(_Range):
    events: list[Event]


class EventsAnswer(_Events):
    epoch: UUID
    conversation: UUID
    head: int


class ConversationNews(_Events):
    conversation: UUID


class InboxNews(_Range):
    events: list[InboxEvent]


class NamedRange(_Range):
    conversation: UUID


class PollAnswer(BaseModel):
    user: str
    epoch: UUID
    ranges: list[NamedRange] = Field(description="What comes of conversations with news, or without a position.")
    inbox: InboxNews | None
    conversations: list[ConversationNews]


class HistoryAnswer(BaseModel):
    epoch: UUID
    conversation: UUID
    head: int = Field(description="What is told is as of this seq.")
    complete: bool = Field(description="There is nothing further in this direction.")
    items: list[Item]


class ListedMember(Member):
    joined: int
    name: str | None = Field(description="By the latest token of theirs that had one.")
    picture: str | None


class MembersAnswer(BaseModel):
    epoch: UUID
    conversation: UUID
    head: int
    members: list[ListedMember]
    next: str | None = Field(description="The *after* of the next page.")
