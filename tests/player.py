"""Plays transcripts on real gateways: says what the client says, and compares what is heard."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.bindings import Bindings
from tests.contract import Contract
from tests.played_stream import PlayedStream, StreamEnded
from tests.transcript import Answer, Closed, Happens, Heard, Over, Request, Said, Step, split

STREAM = "/v1/stream"


class Difference(AssertionError):
    """The system does not do what the document says at *line*."""

    def __init__(self, line: int, told: str) -> None:
        super().__init__(f"line {line}: {told}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: str
    is_stream: bool = False


@dataclass(slots=True)
class Socket:
    """*waiting* are the smallest frames that were heard and not yet compared; *line* is where it was asked for."""

    connection: ClientConnection | PlayedStream
    line: int
    waiting: deque[dict[str, Any]] = field(default_factory=deque)


class Player:
    """Plays steps in order. Nothing that it is told may be left over: an answer, a frame, an open socket."""

    def __init__(
        self,
        services: Mapping[str, str],
        bindings: Bindings,
        contracts: Mapping[str, Contract],
        happenings: Mapping[str, Callable[[], Awaitable[None]]],
        wait_s: float,
    ) -> None:
        self._services, self._bindings, self._contracts, self._happenings = services, bindings, contracts, happenings
        self._wait_s = wait_s
        self._http = httpx.AsyncClient(timeout=70)
        self._asked: dict[str, tuple[Request, asyncio.Task[Response]]] = {}
        self._sockets: dict[str, Socket] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._http)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for _, task in self._asked.values():
            task.cancel()
        for socket in self._sockets.values():
            await socket.connection.close()
        await self._stack.aclose()

    async def play(self, steps: Sequence[Step]) -> None:
        """Play *steps* to the end.

        Raises:
            Difference: it names the line of the document.
        """
        for step in steps:
            told = await self._play(step)
            if told:
                raise Difference(step.line, "; ".join(told))
        left = [request.line for request, _ in self._asked.values()] + [socket.line for socket in self._sockets.values()]
        if left:
            raise Difference(min(left), "this is never answered, or never closed")

    async def _play(self, step: Step) -> list[str]:
        match step:
            case Request():
                return self._ask(step)
            case Answer():
                return await self._answer(step)
            case Said():
                return await self._say(step)
            case Heard():
                return await self._hear(step)
            case Closed():
                return await self._close(step)
            case Over():
                return await self._end(step)
            case Happens():
                return await self._let_happen(step)
        raise TypeError(step)

    # HTTP.

    def _ask(self, step: Request) -> list[str]:
        if step.who in self._asked or step.who in self._sockets:
            return [f"{step.who or 'the client'} has not ended what it does"]
        headers = {name: self._bindings.fill(value) for name, value in step.more.headers.items()}
        url = self._services[step.service] + self._bindings.fill(step.path)
        body = None if step.more.body is None else self._bindings.fill(step.more.body)
        doing = self._shake_hands(step, url, headers) if "Upgrade" in headers else self._request(step, url, headers, body)
        self._asked[step.who] = step, asyncio.create_task(doing)
        return []

    async def _request(self, step: Request, url: str, headers: dict[str, str], body: str | None) -> Response:
        json_type = {"Content-Type": "application/json"} if body is not None else {}
        request = self._http.build_request(step.method, url, headers=json_type | headers, content=body)
        answer = await self._http.send(request, stream=True)
        if step.path == STREAM and answer.status_code == 200:
            self._sockets[step.who] = Socket(PlayedStream(answer), step.line)
            return Response(answer.status_code, answer.headers, "", is_stream=True)
        await answer.aread()
        return Response(answer.status_code, answer.headers, answer.text)

    async def _shake_hands(self, step: Request, url: str, headers: dict[str, str]) -> Response:
        own = {name: value for name, value in headers.items() if name != "Upgrade"}
        try:
            connection = await connect(
                "ws" + url.removeprefix("http"), additional_headers=own, compression=None, max_queue=None
            )
        except InvalidStatus as refused:
            response = refused.response
            return Response(response.status_code, response.headers, (response.body or b"").decode())
        self._sockets[step.who] = Socket(connection, step.line)
        return Response(101, {}, "")

    async def _answer(self, step: Answer) -> list[str]:
        if step.who not in self._asked:
            return ["nothing was asked"]
        request, task = self._asked.pop(step.who)
        async with asyncio.timeout(self._wait_s):
            response = await task
        if response.status != step.status:
            return [f"the status is {response.status}, and not {step.status}: {response.body}"]
        if told := self._compare_body(step.more.body, response.body):
            raise Difference(step.more.line or step.line, "; ".join(told))
        return self._compare_headers(step.more.headers, response.headers) + self._judge(request, response)

    def _compare_body(self, expected: str | None, actual: str) -> list[str]:
        if expected is None or not actual:
            return [] if not expected and not actual else [f"the body is {actual or 'empty'}, and not {expected or 'empty'}"]
        return self._bindings.compare(json.loads(expected), json.loads(actual))

    def _compare_headers(self, expected: Mapping[str, str], actual: Mapping[str, str]) -> list[str]:
        return [told for name, value in expected.items() for told in self._bindings.compare(value, actual.get(name), name)]

    def _judge(self, request: Request, response: Response) -> list[str]:
        path, contract = self._bindings.fill(request.path), self._contracts[request.service]
        told = []
        if not response.is_stream:
            told = contract.judge(request.method, path, response.status, response.headers, response.body)
        if response.status < 300 and request.more.body is not None:
            told += contract.judge_request(request.method, path, self._bindings.fill(request.more.body))
        return told

    # Sockets.

    async def _say(self, step: Said) -> list[str]:
        connection = self._sockets[step.who].connection
        if isinstance(connection, PlayedStream):
            return ["nobody can be spoken to on a stream"]
        await connection.send(self._bindings.fill(step.text))
        return []

    async def _hear(self, step: Heard) -> list[str]:
        for expected in step.frames:
            try:
                actual = await self._next(self._sockets[step.who])
            except TimeoutError:
                return [f"nothing came within {self._wait_s:.0f} s"]
            except (ConnectionClosed, StreamEnded) as ended:
                return [f"it has ended: {ended}"]
            if told := self._bindings.compare(expected, actual):
                return [*told, f"heard: {json.dumps(actual, ensure_ascii=False)}"]
        return []

    async def _next(self, socket: Socket) -> dict[str, Any]:
        while not socket.waiting:
            async with asyncio.timeout(self._wait_s):
                socket.waiting.extend(split(json.loads(await socket.connection.recv())))
        return socket.waiting.popleft()

    async def _close(self, step: Closed) -> list[str]:
        socket = self._sockets.pop(step.who)
        connection = socket.connection
        if isinstance(connection, PlayedStream):
            return ["a stream has no close code"]
        if step.by_client:
            # What the service had said by then has come when its answer to a ping has.
            await (await connection.ping())
            closing = asyncio.create_task(connection.close(step.code))
        if not await self._runs_out(socket, ConnectionClosed):
            return ["the socket stays open"]
        if step.by_client:
            await closing
        code = connection.close_code
        return _left(socket) if code == step.code else [*_left(socket), f"the code is {code}, and not {step.code}"]

    async def _end(self, step: Over) -> list[str]:
        """End a stream, or see it ended. What would have come after the client's end is not waited for."""
        socket = self._sockets.pop(step.who)
        if not isinstance(socket.connection, PlayedStream):
            return ["a socket is closed with a code"]
        if not step.by_client and not await self._runs_out(socket, StreamEnded):
            return ["the stream goes on"]
        await socket.connection.close()
        return _left(socket)

    async def _runs_out(self, socket: Socket, ending: type[Exception]) -> bool:
        """Keep what still comes until there is no more; say whether there came an end."""
        try:
            async with asyncio.timeout(self._wait_s):
                while True:
                    socket.waiting.append(json.loads(await socket.connection.recv()))
        except ending:
            return True
        except TimeoutError:
            return False

    # The rest of the world.

    async def _let_happen(self, step: Happens) -> list[str]:
        if step.what not in self._happenings:
            return [f"nobody knows how to let this happen: {step.what}"]
        await self._happenings[step.what]()
        return []


def _left(socket: Socket) -> list[str]:
    return [f"before it this came: {json.dumps(frame, ensure_ascii=False)}" for frame in socket.waiting]
