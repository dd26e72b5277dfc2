"""IRC logs put into one conversation, said by those of their people who talk most."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import httpx
import jwt
from websockets.asyncio.client import ClientConnection, connect

from deploy.local.found import Local
from deploy.replay.irc import Log, Said

VOICES = 200
IN_FLIGHT = 400
TTL_S = 3600


async def load_archive(local: Local, logs: Sequence[Log], reader: str) -> tuple[str, int]:
    """Say all of *logs*, one after the other, in a conversation of *reader*; return its id and how many messages it has.

    Those who talk most speak for the others too: a socket for each of 5,500 would take longer than what they say.
    """
    said = [message for log in logs for message in log.said if message.text.strip()]
    voices = [nick for nick, _ in Counter(message.nick for message in said).most_common(VOICES)]
    room = await _create(local, reader, voices)
    async with AsyncExitStack() as stack:
        sockets = await asyncio.gather(*(stack.enter_async_context(_greeted(local, voice)) for voice in voices))
        await _say(room, said, dict(zip(voices, sockets, strict=True)))
    return room, len(said)


async def _create(local: Local, reader: str, voices: Sequence[str]) -> str:
    about = {"id": str(uuid4()), "title": "The archive", "owner": reader, "members": list(voices)}
    async with httpx.AsyncClient(base_url=local.write_url, timeout=60) as http:
        answer = await http.post("/v1/conversations", json=about, headers={"Authorization": f"Bearer {local.admin_key}"})
    room: str = answer.raise_for_status().json()["conversation"]
    return room


@asynccontextmanager
async def _greeted(local: Local, user: str) -> AsyncIterator[ClientConnection]:
    claims = {"sub": user, "exp": int(time.time()) + TTL_S, "rate": 0}
    url = f"{local.write_url.replace('http', 'ws', 1)}/v1/socket"
    async with connect(url, compression=None, open_timeout=60, ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "hello", "token": jwt.encode(claims, local.jwt_key)}))
        assert json.loads(await socket.recv())["type"] == "welcome"
        yield socket


async def _say(room: str, said: Sequence[Said], sockets: dict[str, ClientConnection]) -> None:
    """Say it in that order, or nearly: so many sends are on their way at once."""
    window = asyncio.Semaphore(IN_FLIGHT)
    nicks = list(sockets)
    async with asyncio.TaskGroup() as tasks:
        hearing = [tasks.create_task(_hear(socket, window)) for socket in sockets.values()]
        for message in said:
            await window.acquire()
            nick = message.nick if message.nick in sockets else nicks[hash(message.nick) % len(nicks)]
            send = {"type": "send", "conversation": room, "id": str(uuid4()), "text": message.text}
            await sockets[nick].send(json.dumps(send))
        for _ in range(IN_FLIGHT):
            await window.acquire()
        for task in hearing:
            task.cancel()


async def _hear(socket: ClientConnection, window: asyncio.Semaphore) -> None:
    async for text in socket:
        frame = json.loads(text)
        assert frame["type"] in ("acks", "pong"), frame
        for _ in frame.get("acks", ()):
            window.release()
