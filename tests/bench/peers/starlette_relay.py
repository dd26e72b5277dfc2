"""The fan-out that Starlette's documentation leads to: a set of WebSockets a room, and `send_text` to each in a loop.

What is said to it is told in `tests/bench/relay.py`. Run it with `uvicorn --loop uvloop --ws-per-message-deflate false`.
"""

from collections import defaultdict

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

NAME = 36

rooms: defaultdict[str, set[WebSocket]] = defaultdict(set)


async def serve(socket: WebSocket) -> None:
    await socket.accept()
    joined: set[str] = set()
    try:
        async for text in socket.iter_text():
            if len(text) == NAME:
                rooms[text].add(socket)
                joined.add(text)
                await socket.send_text('{"type":"welcome"}')
            elif len(text) > NAME:
                await broadcast(text[:NAME], text[NAME:])
            else:
                await socket.send_text('{"type":"pong"}')
    finally:
        for room in joined:
            rooms[room].discard(socket)


async def broadcast(room: str, text: str) -> None:
    for socket in list(rooms[room]):
        try:
            await socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            rooms[room].discard(socket)


app = Starlette(routes=[WebSocketRoute("/", serve)])
