"""The chat that a good FastAPI tutorial teaches.

One INSERT … RETURNING a send, through asyncpg's pool; a unique constraint and ON CONFLICT against duplicates; redis-py's
pub/sub between processes; a `send_text` loop over a room's sockets. JWTs as FastAPI's own tutorial on security has them. It
leaves out what tutorials leave out: who may read or send where, order, holes, slow readers, a Redis that was away.

Run it with `uvicorn --loop uvloop --ws-per-message-deflate false`; DATABASE_URL, REDIS_URL and JWT_KEY tell it the rest.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import jwt
from fastapi import Depends, FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from redis.asyncio import Redis

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    conversation uuid NOT NULL,
    sender text NOT NULL,
    id uuid NOT NULL,
    text text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation, seq),
    UNIQUE (conversation, sender, id)
);
"""
INSERT = """
INSERT INTO messages (conversation, sender, id, text) VALUES ($1, $2, $3, $4)
ON CONFLICT (conversation, sender, id) DO UPDATE SET id = excluded.id
RETURNING seq, conversation, sender, id, text, at, xmax <> 0 AS is_duplicate
"""
SELECT = """
SELECT seq, conversation, sender, id, text, at FROM messages
WHERE conversation = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""


class NewMessage(BaseModel):
    id: UUID
    text: str


class Message(NewMessage):
    seq: int
    conversation: UUID
    sender: str
    at: datetime


class Hello(BaseModel):
    token: str
    conversations: list[UUID]


class Send(NewMessage):
    conversation: UUID


class Rooms:
    """The sockets of this process, by conversation."""

    def __init__(self) -> None:
        self._sockets: defaultdict[str, set[WebSocket]] = defaultdict(set)

    def join(self, socket: WebSocket, conversations: Iterable[UUID]) -> None:
        for conversation in conversations:
            self._sockets[str(conversation)].add(socket)

    def leave(self, socket: WebSocket, conversations: Iterable[UUID]) -> None:
        for conversation in conversations:
            self._sockets[str(conversation)].discard(socket)

    async def broadcast(self, conversation: str, text: str) -> None:
        for socket in list(self._sockets.get(conversation, ())):
            try:
                await socket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                self._sockets[conversation].discard(socket)


rooms = Rooms()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
    async with asyncpg.create_pool(os.environ["DATABASE_URL"]) as app.state.pool:
        await app.state.pool.execute(SCHEMA)
        listening = asyncio.create_task(listen(app.state.redis))
        yield
        listening.cancel()
    await app.state.redis.aclose()


app = FastAPI(lifespan=lifespan)


async def listen(redis: Redis) -> None:
    """Pass on to the sockets what any process publishes."""
    async with redis.pubsub() as pubsub:
        await pubsub.psubscribe("chat:*")
        async for published in pubsub.listen():
            if published["type"] == "pmessage":
                await rooms.broadcast(published["channel"].removeprefix("chat:"), published["data"])


def read_user(token: str) -> str:
    user: str = jwt.decode(token, os.environ["JWT_KEY"], algorithms=["HS256"])["sub"]
    return user


async def current_user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    try:
        return read_user(credentials.credentials)
    except jwt.InvalidTokenError:
        raise HTTPException(401, "Could not validate credentials") from None


async def store(sender: str, conversation: UUID, new: NewMessage) -> Message:
    """Store a message, once however often it is sent, and publish it."""
    row: Any = await app.state.pool.fetchrow(INSERT, conversation, sender, new.id, new.text)
    message = Message.model_validate(dict(row))
    if not row["is_duplicate"]:
        await app.state.redis.publish(f"chat:{conversation}", message.model_dump_json())
    return message


@app.get("/live")
async def live() -> dict[str, bool]:
    return {"live": True}


@app.post("/conversations/{conversation}/messages", status_code=201)
async def send(conversation: UUID, new: NewMessage, user: Annotated[str, Depends(current_user)]) -> Message:
    return await store(user, conversation, new)


@app.get("/conversations/{conversation}/messages")
async def history(
    conversation: UUID, user: Annotated[str, Depends(current_user)], after: int = 0, limit: int = 100
) -> list[Message]:
    rows = await app.state.pool.fetch(SELECT, conversation, after, limit)
    return [Message.model_validate(dict(row)) for row in rows]


@app.websocket("/ws")
async def chat(socket: WebSocket) -> None:
    """Take a hello, then messages; each is answered with its seq once it is stored."""
    await socket.accept()
    hello = Hello.model_validate_json(await socket.receive_text())
    user = read_user(hello.token)
    rooms.join(socket, hello.conversations)
    await socket.send_json({"type": "welcome", "user": user})
    try:
        async for text in socket.iter_text():
            sent = Send.model_validate_json(text)
            message = await store(user, sent.conversation, sent)
            await socket.send_json(
                {"type": "ack", "conversation": str(message.conversation), "id": str(message.id), "seq": message.seq}
            )
    finally:
        rooms.leave(socket, hello.conversations)
