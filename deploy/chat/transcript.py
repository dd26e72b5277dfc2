"""How an event reads on a terminal, on one line. A pure core."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from ringpost_client import Event

from deploy.chat.terminal import plain, shorten

TITLE_CHARACTERS = 40
MEMBERS_NAMED = 5
_DIM, _USUAL = "\x1b[2m", "\x1b[0m"
_NOTES = {
    "message": "said what was deleted later",
    "edited": "edited #{target}: {text}",
    "deleted": "deleted #{target}",
    "reacted": "reacted to #{target}: {emoji}",
    "unreacted": "reacts to #{target} no longer: {emoji}",
    "joined": "added {user}",
    "invited": "invited {user}",
    "role_changed": "made {user} {role}",
    "left": "left",
    "removed": "removed {user}",
    "renamed": "renamed this conversation: {title}",
    "topic_changed": "changed the topic: {topic}",
}


def event_line(event: Event, title: str, zone: tzinfo | None = None, *, is_colored: bool = False) -> str:
    """Return *event* of the conversation *title* as one line; its time in *zone* (None: the local one).

    A message reads `alice: Hello`; anything else is a note, `* alice added bob`, which is dim where it may have colours.
    """
    begins = f"{_time(event.at, zone)} [{shorten(plain(title), TITLE_CHARACTERS)} #{event.seq}]"
    if event.type == "message" and not event.fields.get("erased"):
        reply_to = event.fields.get("reply_to")
        about = f" (to #{reply_to})" if reply_to is not None else ""
        return f"{begins} {_name(event.sender)}{about}: {plain(event.text)}"
    note = f"{begins} * {_name(event.sender)} {_note(event)}"
    return f"{_DIM}{note}{_USUAL}" if is_colored else note


def event_fields(event: Event, title: str) -> dict[str, Any]:
    """Return *event* with its conversation, for those who read JSON."""
    return {"conversation": event.conversation, "title": title, **event.fields}


def _note(event: Event) -> str:
    """Return what the sender did; the type's own word, where this does not know it."""
    fields = event.fields
    if event.type == "created":
        return f"created this conversation{_with([member['user'] for member in fields.get('members', ())], event.sender)}"
    if event.type == "joined" and fields.get("user") == event.sender:
        return "joined"
    told = defaultdict(lambda: "(nothing)", {name: plain(str(value)) for name, value in fields.items() if value is not None})
    return _NOTES.get(event.type, "{type}").format_map(told)


def _with(users: Sequence[str], sender: str) -> str:
    others = [_name(user) for user in users if user != sender]
    more = f" and {len(others) - MEMBERS_NAMED} more" if len(others) > MEMBERS_NAMED else ""
    return f" with {', '.join(others[:MEMBERS_NAMED])}{more}" if others else ""


def _name(user: str) -> str:
    return plain(user) or "(the host product)"


def _time(at: str, zone: tzinfo | None) -> str:
    try:
        return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return plain(at)
