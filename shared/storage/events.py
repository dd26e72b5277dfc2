"""How an event of a log looks to clients, made from a row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

COLUMNS = "seq, sender, id, type, text, data, messages, at"
decode_data = msgspec.json.Decoder(dict[str, Any]).decode


def message(seq: int, sender: str, id: UUID, at: datetime, messages: int, text: str) -> dict[str, Any]:
    """Return a `message` event in the shape of `docs/protocol.md`."""
    return {"seq": seq, "type": "message", "sender": sender, "id": id, "at": at, "messages": messages, "text": text}


class Row(Protocol):
    """What asyncpg's Record does with a column's name."""

    def __getitem__(self, column: str) -> Any: ...


def from_row(row: Row) -> Mapping[str, Any]:
    """Return the event of *row*, which has `COLUMNS`."""
    if row["type"] == "message":
        return message(row["seq"], row["sender"], row["id"], row["at"], row["messages"], row["text"])
    event = {name: row[name] for name in ("seq", "type", "sender", "id", "at", "messages")}
    return event | decode_data(row["data"])
