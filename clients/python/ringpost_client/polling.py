"""A line by long polls: one request after the other, each answered with what is there by then."""

from ringpost_client.carrier import Frame, HttpCarrier, is_answered
from ringpost_client.errors import Refused, Unavailable
from ringpost_client.polled import WAIT_S, Polled

PATIENCE_S = 10.0


class Polling(HttpCarrier):
    """Carries events alone. Of what is sent it takes the hello, to begin with, and fresh tokens."""

    _token = ""

    def send(self, frame: Frame) -> None:
        if frame["type"] in ("hello", "token"):
            self._token = str(frame["token"])
        super().send(frame)

    async def read(self, hello: Frame) -> None:
        polled = Polled(hello)
        while not self.closed.done():
            for frame in await self._poll(polled):
                self.hear(frame)
            await self.flowing.wait()

    async def _poll(self, polled: Polled) -> list[Frame]:
        try:
            return polled.take(await self._insist(polled))
        except Refused as error:
            if error.code != "position_lost":
                raise
            polled.lose()
            return polled.take(await self._insist(polled))

    async def _insist(self, polled: Polled) -> Frame:
        """Ask, and once more where nobody answered: the gateway of the poll before may be gone, and its connection with it."""
        try:
            return await self._ask(polled)
        except Unavailable as error:
            if is_answered(error) or not polled.is_begun:
                raise
            return await self._ask(polled)

    async def _ask(self, polled: Polled) -> Frame:
        return await self._api.poll(self._token, polled.ask(), WAIT_S + PATIENCE_S)
