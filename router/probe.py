"""One look at one gateway: a connection of its own, as a new client would make it, and GET /ready."""

import asyncio

import msgspec

from router.health import State
from shared.bus.registry import Gateway

REQUEST = b"GET /ready HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"
MOST_BYTES = 8192


class _Reasons(msgspec.Struct):
    reasons: list[str] = []


async def probe(gateway: Gateway, timeout_s: float) -> State:
    """Return what *gateway* answers within *timeout_s*: active, not ready, draining; down if it does not."""
    try:
        async with asyncio.timeout(timeout_s):
            return read_answer(await _ask(gateway.host, gateway.port))
    except (OSError, TimeoutError):
        return State.DOWN


def read_answer(answer: bytes) -> State:
    """Return what an HTTP answer to GET /ready says; an answer that can't be read is nobody's."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 200 "):
        return State.ACTIVE
    if not head.startswith(b"HTTP/1.1 "):
        return State.DOWN
    try:
        reasons = msgspec.json.decode(body, type=_Reasons).reasons
    except msgspec.MsgspecError:
        return State.NOT_READY
    return State.DRAINING if "draining" in reasons else State.NOT_READY


async def _ask(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, limit=MOST_BYTES)
    try:
        writer.write(REQUEST)
        answer = b""
        while len(answer) < MOST_BYTES and (part := await reader.read(MOST_BYTES)):
            answer += part
        return answer
    finally:
        writer.transport.abort()
