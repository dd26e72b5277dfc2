"""What one person has sent and nobody has answered yet, and what of it waits. A pure core."""

from collections.abc import Iterator
from typing import Any

from tests.load.promises import Send


class Outbox:
    """In the order of sending. A conversation of which a send was put off is paused: nothing goes out until `resume`."""

    def __init__(self) -> None:
        self._pending: dict[str, Send] = {}
        self._paused: set[str] = set()

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, send: Send) -> list[dict[str, Any]]:
        """Put a send at the end; return the frames to say now."""
        self._pending[send.id] = send
        return [] if send.conversation in self._paused else [_frame(send)]

    def settle(self, id: str) -> Send | None:
        """Take a send out: acknowledged, or refused for good."""
        return self._pending.pop(id, None)

    def put_off(self, conversation: str) -> bool:
        """Pause a conversation; return whether it was not paused before, so that somebody must call `resume`."""
        is_new = conversation not in self._paused
        self._paused.add(conversation)
        return is_new

    def resume(self, conversation: str) -> list[dict[str, Any]]:
        """Return the frames that go on with it: all that is unanswered, in order, the first one saying so."""
        self._paused.discard(conversation)
        frames = [_frame(send) for send in self._pending.values() if send.conversation == conversation]
        if frames:
            frames[0]["again"] = True
        return frames

    def everything(self) -> Iterator[dict[str, Any]]:
        """Yield the frames to say on a new socket, where nothing is paused."""
        self._paused.clear()
        yield from map(_frame, self._pending.values())


def _frame(send: Send) -> dict[str, Any]:
    return {"type": "send", "conversation": send.conversation, "id": send.id, "text": send.text}
