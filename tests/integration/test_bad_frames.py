"""Every type of frame with every wrong field: told, nothing of it repeated, and nothing broken by it.

What is bad is derived from the union of frames; the table here says what would be right. A type without a row fails.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self, get_args
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from deploy.local.postgres import PostgresServer
from deploy.local.valkey import ValkeyServer
from shared import frames, limits
from shared.close_codes import CloseCode
from shared.web import patterns
from tests.gateways import Process, token
from tests.house import House, a_house
from tests.spoiling import CANARY, Bad, spoil
from tests.talk import Talk, create, greeted, opened, post

pytestmark = pytest.mark.asyncio(loop_scope="module")
FRAME_BYTES = 4096
ROOM = str(uuid4())
SEND = {"conversation": ROOM, "id": str(uuid4())}
RIGHT: dict[str, tuple[str, dict[str, Any]]] = {
    "hello": ("read", {"token": token("alice")}),
    "token": ("read", {"token": token("alice")}),
    "ping": ("read", {}),
    "send": ("write", SEND | {"text": "hello"}),
    "edit": ("write", SEND | {"seq": 2, "text": "hello!"}),
    "delete": ("write", SEND | {"seq": 2}),
    "react": ("write", SEND | {"seq": 2, "emoji": "x"}),
    "unreact": ("write", SEND | {"seq": 2, "emoji": "x"}),
    "read": ("read", {"conversation": ROOM, "seq": 1}),
    "delivered": ("read", {"conversation": ROOM, "seq": 1}),
    "typing": ("read", {"conversation": ROOM}),
    "watch": ("read", {"users": ["bob"]}),
}
CHANGES = [tag for tag in RIGHT if "id" in RIGHT[tag][1]]
# The struct says that these are texts; which, says shared/text.py.
RULES = {
    "text": {"type": "string", "pattern": patterns.TEXT, "maxLength": limits.TEXT_CHARACTERS},
    "emoji": {"type": "string", "pattern": patterns.NAME, "maxLength": limits.EMOJI_CHARACTERS},
    "users": {
        "type": "array",
        "items": {"type": "string", "pattern": patterns.NAME, "maxLength": limits.USER_BYTES},
        "maxItems": limits.WATCHED_USERS,
    },
}


def right(tag: str) -> dict[str, Any]:
    return {"type": tag} | RIGHT[tag][1]


def bad(tag: str) -> Iterator[Bad]:
    """Yield what is wrong in place of a frame of the type *tag*, as far as a text frame holds it."""
    schemas = msgspec.json.schema(frames.Frame)["$defs"]
    schema = next(each for each in schemas.values() if each["properties"]["type"]["enum"] == [tag])
    ruled = {name: RULES.get(name, property) for name, property in schema["properties"].items()}
    for each in spoil(right(tag), schema | {"properties": ruled}, schemas):
        if _is_text(each.raw) and len(each.raw) <= limits.FRAME_BYTES:
            yield each


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(postgres: PostgresServer, template: str, valkey: ValkeyServer) -> AsyncIterator[House]:
    async with a_house(postgres, template, valkey, rate_user="0", rate_conversation="0") as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def house(built: House) -> AsyncIterator[House]:
    """The gateways, which after each test still serve, and have met no bug."""
    yield built
    assert built.complaints() == []
    room = await create(built.write, "alice")
    assert (await post(built.write, "alice", room, "still here")).status_code == 201
    async with greeted(built.read, "alice", positions={room: 0}) as talk:
        assert [event["type"] for event in await talk.events(2)] == ["created", "message"]


class Sockets:
    """A socket of alice's, and another one as soon as it has been closed for its bad frames."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._stack = AsyncExitStack()
        self._talk: Talk | None = None
        self._bad_frames = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *about: object) -> None:
        await self._stack.aclose()

    async def refusal(self, text: str) -> dict[str, Any]:
        """Say *text*; return the error frame that comes."""
        if self._talk is None:
            self._talk = await self._stack.enter_async_context(greeted(self._process, "alice"))
        await self._talk.send_raw(text)
        frame = await self._talk.until("error")
        await self._count(self._talk, frame)
        return frame

    async def _count(self, talk: Talk, frame: Mapping[str, Any]) -> None:
        # One about a send leaves the socket alone.
        self._bad_frames += "id" not in frame
        if self._bad_frames == limits.BAD_FRAMES:
            assert await talk.closed() == CloseCode.BAD_FRAMES
            await self._stack.aclose()
            self._talk, self._bad_frames = None, 0


def faults(frame: Mapping[str, Any], code: str) -> list[str]:
    """Return what is wrong with the error frame, which should have this *code*."""
    text = json.dumps(frame, ensure_ascii=False)
    told = [] if frame["code"] == code else [f"it is {frame['code']}, and not {code}"]
    told += ["it says that a retry may help"] if frame["retryable"] else []
    told += [f"it has {len(text)} characters"] if len(text) > FRAME_BYTES else []
    return told + (["it repeats what came"] if CANARY in text else [])


async def test_every_type_of_frame_has_a_row() -> None:
    assert RIGHT.keys() == {msgspec.inspect.type_info(kind).tag for kind in get_args(frames.Frame)}  # type: ignore[attr-defined]  # a struct's


@pytest.mark.parametrize("tag", RIGHT)
async def test_a_row_is_right(tag: str) -> None:
    assert frames.decode(json.dumps(right(tag)).encode())


@pytest.mark.parametrize("tag", [tag for tag in RIGHT if tag != "hello"])
async def test_a_wrong_frame_is_told_and_leaves_the_socket_open_until_the_fifth(house: House, tag: str) -> None:
    process = house.write if RIGHT[tag][0] == "write" else house.read
    async with Sockets(process) as sockets:
        wrong = list(bad(tag))
        assert len(wrong) > 12
        told = {each.name: faults(await sockets.refusal(each.raw.decode()), _code(each)) for each in wrong}
    assert {name: found for name, found in told.items() if found} == {}


def _code(each: Bad) -> str:
    """A frame is no HTTP: what is no JSON is invalid too."""
    return "invalid" if each.code == "bad_request" else each.code


async def test_a_wrong_hello_is_told_and_ends_the_socket(house: House) -> None:
    wrong = list(bad("hello"))
    assert len(wrong) > 60
    told = {each.name: await _hear_hello(house, each.raw.decode()) for each in wrong}
    assert {name: found for name, found in told.items() if found} == {}


async def _hear_hello(house: House, text: str) -> list[str]:
    async with opened(house.read) as talk:
        await talk.send_raw(text)
        found = faults(await talk.receive(), "invalid")
        code = await talk.closed()
    return found + ([] if code == CloseCode.NO_HELLO else [f"it was closed with {code}"])


@pytest.mark.parametrize("tag", [tag for tag in RIGHT if tag not in ("ping", "token")])
async def test_a_frame_of_the_other_role_or_a_second_hello_is_none(house: House, tag: str) -> None:
    process = house.read if RIGHT[tag][0] == "write" else house.write
    async with Sockets(process) as sockets:
        frame = await sockets.refusal(json.dumps(right(tag)))
        assert faults(frame, "invalid") == []
        assert "id" not in frame


@pytest.mark.parametrize("query", [f"token={token('alice')}", f"{CANARY}=1"], ids=["a token", "a word"])
async def test_a_handshake_with_a_query_is_refused(house: House, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{house.read.socket_url}?{query}"):
            pass
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body or b"")["code"]) == (400, "bad_request")
    assert CANARY.encode() not in (answer.body or b"")


NO_TOKENS = [
    "",
    " ",
    CANARY,
    "a.b.c",
    f"{CANARY}\x00",
    "é" * 20,
    CANARY * 1_000,
    f"rpa_{CANARY}{'x' * 32}",
    token("alice")[:-4],
]


@pytest.mark.parametrize("tag", ["hello", "token"])
@pytest.mark.parametrize("bad_token", NO_TOKENS, ids=range(len(NO_TOKENS)))
async def test_a_token_that_proves_nothing_is_told_so(house: House, tag: str, bad_token: str) -> None:
    async with opened(house.write) if tag == "hello" else greeted(house.write, "alice") as talk:
        await talk.send(type=tag, token=bad_token)
        assert faults(await talk.receive(), "unauthenticated") == []
        if tag == "hello":
            assert await talk.closed() == CloseCode.UNAUTHENTICATED


@pytest.mark.parametrize("tag", ["hello", "token"])
async def test_a_token_that_was_good_once_is_told_so(house: House, tag: str) -> None:
    async with opened(house.write) if tag == "hello" else greeted(house.write, "alice") as talk:
        await talk.send(type=tag, token=token("alice", -5))
        assert faults(await talk.receive(), "token_expired") == []
        if tag == "hello":
            assert await talk.closed() == CloseCode.TOKEN_EXPIRED


@pytest.mark.parametrize("tag", CHANGES)
async def test_a_foreign_conversation_is_as_one_that_does_not_exist(house: House, tag: str) -> None:
    theirs = await create(house.write, "bob")
    assert (await post(house.write, "bob", theirs, "private")).json()["seq"] == 2
    async with Sockets(house.write) as sockets:
        told = [await sockets.refusal(json.dumps(right(tag) | {"conversation": room})) for room in (theirs, str(uuid4()))]
    assert [frame.pop("conversation") == theirs for frame in told] == [True, False]
    assert told[0] == told[1]
    assert faults(told[0], "not_found") == []


async def test_a_read_marker_in_a_foreign_conversation_is_as_one_in_none(house: House) -> None:
    theirs = await create(house.write, "bob")
    async with greeted(house.read, "alice") as talk:
        await talk.until("caught_up")
        for room in (theirs, str(uuid4())):
            await talk.send(type="read", conversation=room, seq=1)
        await talk.send(type="ping")
        assert await talk.receive() == {"type": "pong"}
        with pytest.raises(TimeoutError):
            await talk.receive(1.5)
