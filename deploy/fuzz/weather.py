"""What the network between one client and one service does to it: a wire that can also be slow, torn, half-open or away."""

import asyncio

from deploy.fuzz.wire import Flow, Wire

HANDSHAKE = b"upgrade: websocket"


class _Passage:
    """One connection: its flows, and whether it is half-open."""

    def __init__(self, weather: "Weather") -> None:
        self._weather = weather
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._is_reset = False

    def lose(self) -> None:
        """From now on nothing comes through."""
        self._flowing.clear()

    def reset(self) -> None:
        self._is_reset = True
        self._flowing.set()

    async def pass_on(self, data: bytes) -> bytes:
        data = await self._weather.let_through(data)
        await self._flowing.wait()
        if self._is_reset:
            raise ConnectionResetError
        if not data:
            self._weather.forget(self)
        return data


class Weather(Wire):
    """Each trouble counts: what two of them do ends when both have ended. *address* is where its connections come from.

    `cuts` counts the connections that were reset.
    """

    def __init__(self, host: str, port: int, address: str | None) -> None:
        super().__init__(host, port)
        self.address = address
        self._passages: set[_Passage] = set()
        self._latencies_s: list[float] = []
        self._silences = self._absences = self._plains = 0
        self._bytes_left: int | None = None
        self.cuts = 0

    async def be_slow(self, latency_s: float, for_s: float) -> None:
        """Everything takes so much longer."""
        self._latencies_s.append(latency_s)
        await asyncio.sleep(for_s)
        self._latencies_s.remove(latency_s)

    async def be_silent(self, for_s: float) -> None:
        """Nothing comes through, nothing is refused, nobody is told."""
        self._silences += 1
        self.hold()
        await asyncio.sleep(for_s)
        self._silences -= 1
        if not self._silences:
            self.release()

    async def be_away(self, for_s: float) -> None:
        """What stands is reset, what comes is refused."""
        self._absences += 1
        self.cut()
        await asyncio.sleep(for_s)
        self._absences -= 1

    async def be_plain(self, for_s: float) -> None:
        """No WebSocket passes, as behind some proxies."""
        self._plains += 1
        self.cut()
        await asyncio.sleep(for_s)
        self._plains -= 1

    async def be_half_open(self, for_s: float | None) -> None:
        """The connections that stand let nothing through any more, new ones do. They end after the time, if there is one."""
        lost = set(self._passages)
        for passage in lost:
            passage.lose()
        if for_s is not None:
            await asyncio.sleep(for_s)
            for passage in lost:
                passage.reset()

    def tear(self, after_bytes: int) -> None:
        """Reset everything after so many more bytes, in the middle of what they are."""
        self._bytes_left = after_bytes

    def cut(self) -> None:
        self.cuts += len(self._passages)
        for passage in tuple(self._passages):
            passage.reset()
        self._passages.clear()
        super().cut()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._absences:
            writer.transport.abort()
            return
        await super().take(reader, writer)

    def calm(self) -> None:
        """What is still to be torn stays whole."""
        self._bytes_left = None

    async def let_through(self, data: bytes) -> bytes:
        """What a piece of any connection goes through."""
        await asyncio.sleep(sum(self._latencies_s))
        await self._flowing.wait()
        if self._plains and HANDSHAKE in data.lower():
            raise ConnectionResetError
        return self._torn(data) if data else data

    def forget(self, passage: _Passage) -> None:
        """It has ended."""
        self._passages.discard(passage)

    def _torn(self, data: bytes) -> bytes:
        if self._bytes_left is None:
            return data
        data, self._bytes_left = data[: self._bytes_left], self._bytes_left - len(data)
        if self._bytes_left <= 0:
            self._bytes_left = None
            # The bytes before it go first.
            asyncio.get_running_loop().call_later(0.001, self.cut)
        return data

    def _flows(self) -> tuple[Flow, Flow]:
        passage = _Passage(self)
        self._passages.add(passage)
        return passage.pass_on, passage.pass_on

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        local = (self.address, 0) if self.address else None
        return await asyncio.open_connection(*self._target, local_addr=local)
