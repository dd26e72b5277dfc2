"""Sends by POST as a write socket's frames: one request of a conversation at a time, which keeps their order. A pure core."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

MOST, MOST_BYTES = 100, 256 << 10
HEARTBEAT_S = 25
CHANGES = frozenset({"send", "edit", "delete", "react", "unreact"})
_PUT_OFF = {"code": "put_off", "detail": "An earlier send was put off.", "retryable": True, "retry_after": 1}
Frame = Mapping[str, Any]


class Posted:
    """Takes the frames that a socket would send, and tells what it would hear."""

    def __init__(self) -> None:
        self._queues: dict[str, list[Frame]] = {}
        self._flying: dict[str, list[Frame]] = {}
        self._off: set[str] = set()

    @staticmethod
    def welcome() -> Frame:
        """Return what answers the hello."""
        about = {"gateway": "", "roles": ["write"], "heartbeat_s": HEARTBEAT_S, "reconnect": {"spread_s": 0}}
        return {"type": "welcome"} | about

    def take(self, frame: Frame) -> list[Frame]:
        """Take a change. After one of its conversation that was put off, it is put off too, until one comes again."""
        conversation = frame["conversation"]
        if frame.get("again"):
            self._off.discard(conversation)
        if conversation in self._off:
            return [_error(frame, _PUT_OFF)]
        self._queues.setdefault(conversation, []).append(frame)
        return []

    def next(self, conversation: str) -> list[Frame]:
        """Return the body of the next request; nothing while one is on its way, or there is nothing to say."""
        queue = self._queues.get(conversation, [])
        if conversation in self._flying or not queue:
            return []
        many = _fitting(queue)
        self._flying[conversation], self._queues[conversation] = queue[:many], queue[many:]
        return [_change(frame) for frame in self._flying[conversation]]

    def answered(self, conversation: str, answers: Sequence[Frame]) -> list[Frame]:
        """Take what became of each of them."""
        flying = self._flying.pop(conversation)
        acks = [_ack(answer) for answer in answers if answer["status"] < 300]
        errors: list[Frame] = [
            _error(frame, answer) for frame, answer in zip(flying, answers, strict=True) if answer["status"] >= 300
        ]
        if any(error["retryable"] for error in errors):
            self._off.add(conversation)
            errors += [_error(frame, _PUT_OFF) for frame in self._queues.pop(conversation, [])]
        told: list[Frame] = [{"type": "acks", "acks": acks}] if acks else []
        return told + errors

    def refused(self, conversation: str, problem: Frame) -> list[Frame]:
        """The request as a whole was refused."""
        return self.answered(conversation, [{"status": 500, **problem}] * len(self._flying[conversation]))


def _fitting(queue: Sequence[Frame]) -> int:
    """Return how many of *queue* fit into a request: one at least."""
    many, size = 1, len(json.dumps(queue[0]))
    while many < min(MOST, len(queue)) and (size := size + len(json.dumps(queue[many]))) <= MOST_BYTES:
        many += 1
    return many


def _change(frame: Frame) -> Frame:
    change = {name: value for name, value in frame.items() if name not in ("conversation", "again")}
    return {name: value for name, value in change.items() if (name, value) != ("type", "send")}


def _ack(answer: Frame) -> Frame:
    return {name: answer[name] for name in ("conversation", "id", "seq", "at")} | {"duplicate": answer["status"] == 200}


def _error(frame: Frame, problem: Frame) -> Frame:
    about = {name: problem[name] for name in ("code", "detail", "retryable", "retry_after") if name in problem}
    return {"type": "error"} | about | {"conversation": frame["conversation"], "id": frame["id"]}
