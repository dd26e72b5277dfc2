"""Conversations that stand ready for senders, each with members of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

from tests.bench.chats import Chat


@dataclass(frozen=True, slots=True)
class Plot:
    """So many conversations of so many members each, out of so many users."""

    conversations: int
    users: int
    members: int

    def members_of(self, conversation: int) -> list[int]:
        """Return who is in a conversation: neighbours, so that everybody is in as many as everybody else."""
        return [(conversation + n) % self.users for n in range(self.members)]


@dataclass(frozen=True, slots=True)
class Rooms:
    """Users, and the conversations that each of them is in."""

    users: Sequence[str]
    conversations: Sequence[Sequence[str]]

    def seat(self, sender: int, senders: int) -> tuple[str, Sequence[str]]:
        """Return the user that *sender* (from 0) of so many is, and the conversations that it sends to by turns.

        Where there are more senders than users, those of one user begin with different conversations.
        """
        nth, place = divmod(sender, len(self.users))
        own = self.conversations[place]
        start = nth * len(own) // -(-senders // len(self.users))
        return self.users[place], [*own[start:], *own[:start]]


async def open_rooms(chat: Chat, plot: Plot) -> Rooms:
    """Create the conversations of *plot*, for users of its own."""
    run = token_hex(4)
    names = [f"{run}-{n}" for n in range(plot.users)]
    own: list[list[str]] = [[] for _ in names]
    for number in range(plot.conversations):
        members = plot.members_of(number)
        conversation = await chat.create([names[n] for n in members])
        for n in members:
            own[n].append(conversation)
    return Rooms(names, own)
