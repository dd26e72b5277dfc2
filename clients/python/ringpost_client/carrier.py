"""What carries a line: a WebSocket, or what HTTP can do in its place."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from ringpost_client.api import Api
from ringpost_client.errors import ClientError, Refused, Stopped, Unavailable

ABNORMAL = 1006
Frame = Mapping[str, Any]
Hears = Callable[[Any], None]
Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
# docs/protocol.md, "Close codes": what a socket would have been closed with.
_CODES = {"draining": 4000, "slow_consumer": 4001, "token_expired": 4501, "unauthenticated": 4500, "too_many_sockets": 4504}
_PASSING = 4003


class Carrier(Protocol):
    """Takes frames, and gives those that come to whom it was made for. `closed` ends with (close code, reason).

    It fails with Stopped if it was refused for good, with Blocked if something that is not Ringpost refused it.
    """

    closed: asyncio.Future[tuple[int, str]]

    def send(self, frame: Frame) -> None:
        """Send a frame; one that this can't carry, or after the end, goes nowhere."""

    def finish(self) -> None:
        """Say goodbye and go, without waiting for the peer to say it too."""

    def abort(self) -> None:
        """End it now, for a peer that does not answer."""

    def pause(self) -> None:
        """Read no further, so that the peer is held back."""

    def resume(self) -> None: ...


class Blocked(ClientError):
    """Something between refused it, with this HTTP *status*; by another transport it may go."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{reason or 'refused'} ({status})")
        self.status, self.reason = status, reason


class HttpCarrier(ABC):
    """A line by requests, in a task from the hello on. *hears* gets the frames, None for what was not JSON."""

    def __init__(self, api: Api, hears: Hears, start: Start) -> None:
        self._api, self._hears, self._start = api, hears, start
        self._task: asyncio.Task[None] | None = None
        self._others: set[asyncio.Task[None]] = set()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.closed: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    @abstractmethod
    async def read(self, hello: Frame) -> None:
        """Read until there is no more; raise what a request was refused with."""

    def send(self, frame: Frame) -> None:
        if frame["type"] == "hello" and self._task is None:
            self._task = self._start(self._run(frame))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work* beside the reading; it ends with this."""
        task = self._start(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    def finish(self) -> None:
        self._hears = lambda frame: None
        self.abort()

    def abort(self) -> None:
        for task in (self._task, *self._others):
            if task is not None:
                task.cancel()
        self.end(ABNORMAL, "")

    def pause(self) -> None:
        self.flowing.clear()

    def resume(self) -> None:
        self.flowing.set()

    def hear(self, frame: Any) -> None:
        """A frame came, or what is one on a socket."""
        if not self.closed.done():
            self._hears(frame)

    def end(self, code: int, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result((code, reason))

    async def _run(self, hello: Frame) -> None:
        try:
            await self.read(hello)
        except (Refused, Unavailable) as error:
            self.fail(error)
        else:
            self.end(ABNORMAL, "")

    def fail(self, error: Refused | Unavailable) -> None:
        """End as a socket would that was refused like that."""
        if isinstance(error, Refused):
            self._refuse(error)
        else:
            self._put_off(error)

    def _put_off(self, error: Unavailable) -> None:
        if not is_answered(error):
            self.end(ABNORMAL, str(error))
            return
        self.hear({"type": "error", "code": error.code, "retryable": True, "retry_after": error.retry_after_s})
        self.end(close_code(error.code), str(error))

    def _refuse(self, error: Refused) -> None:
        if error.code in _CODES:
            self.end(close_code(error.code), str(error))
        elif not self.closed.done():
            is_ours, status = not error.code.startswith("http_"), error.status or 0
            self.closed.set_exception(Stopped(status, str(error)) if is_ours else Blocked(status, str(error)))


def close_code(code: str) -> int:
    """Return the close code of a socket that ends for the reason *code* (docs/protocol.md, "Errors")."""
    return _CODES.get(code, _PASSING)


def is_answered(error: Unavailable) -> bool:
    """Say whether it was the service that put it off, not a path that led nowhere, nor something between."""
    return error.code not in ("unreachable", "no_json") and not error.code.startswith("http_")


def is_about_sends(error: Refused | Unavailable) -> bool:
    """Say whether the service refused what was sent; else it is about who sent it, or about the way there."""
    if error.code in _CODES:
        return False
    return is_answered(error) if isinstance(error, Unavailable) else not error.code.startswith("http_")
