"""How an event of a log looks to clients, made from a row."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

COLUMNS = "seq, sender, id, type, text, target, data, messages, at"
ABOUT_A_MESSAGE = ("edited", "deleted", "reacted", "unreacted")
PUTS_OUT = ("left", "removed")
decode_data = msgspec.json.Decoder(dict[str, Any]).decode


def message(
    seq: int, sender: str, id: UUID, at: datetime, messages: int, text: str | None, reply_to: int | None = None
) -> dict[str, Any]:
    """Return a `message` event in the shape of `docs/protocol.md`; a *text* of None was erased."""
    event = {"seq": seq, "type": "message", "sender": sender, "id": id, "at": at, "messages": messages}
    if text is None:
        event["erased"] = True
    else:
        event["text"] = text
    if reply_to is not None:
        event["reply_to"] = reply_to
    return event


def about(type: str, target: int, text: str | None) -> dict[str, Any]:
    """Return the own fields of an event about a message: an edit, a deletion, a reaction."""
    if type == "edited":
        return {"target": target, "erased": True} if text is None else {"target": target, "text": text}
    if type == "deleted":
        return {"target": target}
    return {"target": target, "emoji": text}


class Row(Protocol):
    """What asyncpg's Record does with a column's name."""

    def __getitem__(self, column: str) -> Any: ...


def from_row(row: Row) -> dict[str, Any]:
    """Return the event of *row*, which has `COLUMNS`."""
    type = row["type"]
    if type == "message":
        return message(row["seq"], row["sender"], row["id"], row["at"], row["messages"], row["text"], row["target"])
    event: dict[str, Any] = {name: row[name] for name in ("seq", "type", "sender", "id", "at", "messages")}
    event.update(about(type, row["target"], row["text"]) if type in ABOUT_A_MESSAGE else decode_data(row["data"]))
    return event
