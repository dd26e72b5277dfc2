"""The Python client's core plays the vectors that every client's core must pass (`clients/vectors/README.md`)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest
from ringpost_client import session as s
from ringpost_client.backoff import Backoff
from ringpost_client.connection import Connection
from ringpost_client.line import Cut, Renew, Send
from ringpost_client.outbox import Outbox
from ringpost_client.polled import Polled
from ringpost_client.positions import Positions
from ringpost_client.posted import Posted
from ringpost_client.steps import Close, Connect, ForgetToken, Probe, Step, Stop
from ringpost_client.transport import AUTO, Ladder, Transport

VECTORS = Path(__file__).parents[2] / "clients" / "vectors"
Json = dict[str, Any]


class Player:
    """A connection with its outbox and positions, as a vector begins."""

    def __init__(self, vector: Mapping[str, Any]) -> None:
        begins = vector["begins"]
        self.outbox, self.positions = _outbox(begins["outbox"]), _positions(begins["positions"])
        self._chances: Iterator[float] = iter(vector["chances"])
        waits = begins["waits"]
        self._connection = Connection(
            lambda takes_over: s.Session(self.outbox, self.positions, takes_over=takes_over),
            Backoff(waits["backoff_base_s"], waits["backoff_cap_s"]),
            lambda: next(self._chances),
            waits["ack_timeout_s"],
            is_renewable=begins["renewable"],
            ladder=Ladder(lambda: next(self._chances), _rungs(begins.get("via", "ws"))),
        )

    def take(self, on: Mapping[str, Any], now: float) -> list[Json]:
        """Let something happen; return what is to be done."""
        return [shown for step in self._hear(on, now) if (shown := _show(step)) is not None]

    @property
    def wakes_at(self) -> float | None:
        wakes_at = self._connection.wakes_at
        return None if wakes_at == inf else wakes_at

    @property
    def chances_left(self) -> list[float]:
        return list(self._chances)

    def ends(self) -> Json:
        """Return what is left in the outbox, what had failed, and the positions."""
        outbox = None if self.outbox is None else [pending.id for pending in self.outbox]
        failed = [] if self.outbox is None else [pending.id for pending in self.outbox.failed]
        at = self.positions
        return {
            "outbox": outbox,
            "failed": failed,
            "positions": None if at is None else {"epoch": at.epoch, "inbox": at.inbox, "of": at.of},
        }

    def _hear(self, on: Mapping[str, Any], now: float) -> list[Step]:
        connection, line = self._connection, on.get("line", 0)
        match on["type"]:
            case "start":
                return connection.start(now)
            case "opened":
                return connection.opened(line, on["token"], now)
            case "failed":
                return connection.failed(line, "", on["retry_after"], now)
            case "refused":
                return connection.refused(line, on["code"], "", now)
            case "blocked":
                return connection.blocked(line, on["code"], "", now)
            case "probed":
                return connection.probed(on["answered"], now)
            case "choose":
                return connection.choose(_rungs(on["via"]), now)
            case "frame":
                return connection.received(line, on["frame"], now)
            case "closed":
                return connection.closed(line, on["code"], "", now)
            case "renewed":
                return connection.renewed(line, on["token"], now)
            case "offer":
                assert self.outbox is not None
                return connection.offered(
                    self.outbox.add(on["conversation"], on["id"], {"type": "send", "text": on["text"]}), now
                )
            case "retry":
                assert self.outbox is not None
                pending = self.outbox.retry(on["conversation"], on["id"])
                assert pending is not None
                return connection.offered(pending, now)
            case "discard":
                assert self.outbox is not None
                assert self.outbox.discard(on["conversation"], on["id"]) is not None
                return []
            case "hint":
                return connection.hinted(now)
            case "time":
                return connection.tick(now)
        raise AssertionError(on["type"])


def _rungs(via: str) -> Sequence[Transport]:
    return AUTO if via == "auto" else (Transport(via),)


def _outbox(sends: list[Json] | None) -> Outbox | None:
    if sends is None:
        return None
    outbox = Outbox()
    for send in sends:
        outbox.add(send["conversation"], send["id"], {"type": "send", "text": send["text"]})
        if send.get("failed"):
            outbox.fail(send["conversation"], send["id"])
    return outbox


def _positions(at: Json | None) -> Positions | None:
    return None if at is None else Positions(at["epoch"], at["inbox"], at["of"])


def _show(step: Step) -> Json | None:
    """Return a step as vectors write it; None for what only the core itself needs to know."""
    match step:
        case Connect(line, Transport.WS):
            return {"do": "connect", "line": line}
        case Connect(line, via):
            return {"do": "connect", "line": line, "via": via.value}
        case Probe():
            return {"do": "probe"}
        case Send(line, frame):
            return {"do": "send", "line": line, "frame": dict(frame)}
        case Close(line):
            return {"do": "close", "line": line}
        case Cut(line):
            return {"do": "cut", "line": line}
        case Renew(line):
            return {"do": "renew", "line": line}
        case ForgetToken():
            return {"do": "forget_token"}
        case Stop(code, _):
            return {"do": "stop", "code": code}
    return _show_action(step)


def _show_action(action: s.Action) -> Json | None:
    match action:
        case s.Welcomed(_, roles, gateway, _):
            return {"do": "up", "gateway": gateway, "roles": list(roles)}
        case s.Away():
            return {"do": "away"}
        case s.Deliver(events):
            return {"do": "deliver", "events": [[event.conversation, event.seq] for event in events]}
        case s.Seated(epoch, inbox, of):
            return {"do": "seat", "positions": {"epoch": epoch, "inbox": inbox, "of": dict(of)}}
        case s.CaughtUp():
            return {"do": "caught_up"}
        case s.Acked(acks):
            return {"do": "acked", "acks": [[ack.id, ack.seq, ack.duplicate, ack.attempts] for ack in acks]}
        case s.Failed(_, id, code, _):
            return {"do": "failed", "id": id, "code": code}
    return None


def vectors(plays: str | None = None) -> Iterator[Any]:
    for path in sorted(VECTORS.glob("*.json")):
        told = json.loads(path.read_text())
        for vector in told["vectors"] if told.get("plays") == plays else ():
            yield pytest.param(vector, id=f"{path.stem}: {vector['name']}")


@pytest.mark.parametrize("vector", list(vectors()))
def test_the_core_does_what_the_vector_says(vector: Json) -> None:
    player = Player(vector)
    for number, step in enumerate(vector["steps"]):
        where = f"step {number}, {step['on']}"
        assert player.take(step["on"], step["at"]) == step["do"], where
        assert player.wakes_at == pytest.approx(step["wakes_at"], abs=1e-9), where

    assert player.chances_left == []
    assert player.ends() == {"failed": [], **vector["ends"]}


@pytest.mark.parametrize("vector", list(vectors("polls")))
def test_polls_are_a_sockets_frames_as_the_vector_says(vector: Json) -> None:
    polled = Polled(vector["hello"])
    assert polled.ask() == vector["asks"]
    for number, step in enumerate(vector["steps"]):
        if step["on"]["type"] == "position_lost":
            polled.lose()
        else:
            assert polled.take(step["on"]["answer"]) == step["frames"], number
        assert polled.ask() == step["asks"], number


@pytest.mark.parametrize("vector", list(vectors("posts")))
def test_posts_are_a_sockets_frames_as_the_vector_says(vector: Json) -> None:
    posted = Posted()
    for number, step in enumerate(vector["steps"]):
        match step["on"]:
            case {"type": "said", "frame": frame}:
                assert posted.take(frame) == step["frames"], number
            case {"type": "next", "conversation": conversation}:
                assert posted.next(conversation) == step["body"], number
            case {"type": "answered", "conversation": conversation, "answers": answers}:
                assert posted.answered(conversation, answers) == step["frames"], number
            case {"type": "refused", "conversation": conversation, "problem": problem}:
                assert posted.refused(conversation, problem) == step["frames"], number


def test_every_vector_has_a_name_of_its_own_and_none_is_missing() -> None:
    names = [param.id for param in (*vectors(), *vectors("polls"), *vectors("posts"))]

    assert len(names) == len(set(names)) >= 60
