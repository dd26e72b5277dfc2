"""One message all the way: a conversation of its own, sent by POST, seen on a WebSocket."""

import asyncio
import json
import time
from secrets import token_hex
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from deploy.doctor.finding import Finding, beware, well, wrong
from shared.auth import sign

WITHIN_S, SLOW_S = 10.0, 1.0


async def round_trip(read_url: str, write_url: str, jwt_key: str) -> Finding:
    """Send and receive as a user who did not exist before, and say how long it took. What was sent stays."""
    user = f"ringpost-doctor-{token_hex(4)}"
    token = sign(jwt_key, user, 300, time.time())
    try:
        async with asyncio.timeout(WITHIN_S):
            ack_s, seen_s = await _send(read_url, write_url, user, token)
    except TimeoutError:
        do = "The other findings say where it stays."
        return wrong("round trip", f"a message was not there after {WITHIN_S:.0f} s", do)
    except (httpx.HTTPError, WebSocketException, OSError, ValueError) as error:
        what = f"a message could not be sent ({type(error).__name__}: {str(error)[:120]})"
        return wrong("round trip", what, "See whether the two public addresses lead to the routers.")
    what = f"acknowledged after {1000 * ack_s:.0f} ms, seen after {1000 * seen_s:.0f} ms"
    return (
        well("round trip", what) if seen_s < SLOW_S else beware("round trip", what, "The dashboards say where the time goes.")
    )


async def _send(read_url: str, write_url: str, user: str, token: str) -> tuple[float, float]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=WITHIN_S, trust_env=False) as client:
        made = await client.post(f"{write_url}/v1/conversations", json={"id": str(uuid4()), "title": user})
        conversation = made.raise_for_status().json()["conversation"]
        async with connect(f"ws{read_url.removeprefix('http')}/v1/socket", compression=None) as socket:
            await socket.send(json.dumps({"type": "hello", "token": token}))
            await _await(socket, lambda frame: frame["type"] == "caught_up")
            began, id = time.monotonic(), str(uuid4())
            path = f"/v1/conversations/{conversation}/messages"
            sent = asyncio.create_task(client.post(write_url + path, json={"id": id, "text": "Are you well?"}))
            sent.add_done_callback(lambda _: times.append(time.monotonic() - began))
            times: list[float] = []
            await _await(socket, lambda frame: any(event.get("id") == id for event in frame.get("events", ())))
            seen_s = time.monotonic() - began
            (await sent).raise_for_status()
            return times[0], seen_s


async def _await(socket: ClientConnection, is_it: Any) -> None:
    while True:
        frame = json.loads(await socket.recv())
        if frame["type"] == "error":
            raise ValueError(frame["code"])
        if is_it(frame):
            return
