"""A port of the relay: takes connections, several processes may share it, and being out of files ends nothing."""

import asyncio
import errno
import socket
from typing import Any

import structlog

from router.ends import tune
from router.relay import Relay

log = structlog.get_logger("ringpost.router")
BACKLOG, BATCH, PAUSE_S = 4096, 64, 0.1
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Listener:
    """One listening socket. *is_paused*: the process is out of files or memory; those that wait are taken later."""

    def __init__(self, relay: Relay, host: str, port: int) -> None:
        self.relay, self._host, self._port = relay, host, port
        self.is_paused = False
        self._socks: list[socket.socket] = []

    async def open(self) -> None:
        """Begin to take connections; raise OSError where the port can't be had."""
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, place in dict.fromkeys(infos):
            self._socks.append(_listen(family, kind, protocol, place))
        for sock in self._socks:
            loop.add_reader(sock, self._accept, sock)

    def close(self) -> None:
        """Take no more."""
        loop = asyncio.get_running_loop()
        socks, self._socks = self._socks, []
        for sock in socks:
            loop.remove_reader(sock)
            sock.close()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                sock, peer = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    continue  # it was gone before we took it
                self._pause(error)
                return
            sock.setblocking(False)
            self.relay.take(sock, peer)

    def _pause(self, error: OSError) -> None:
        """Leave those who wait where they are, for a moment: files come free as connections end."""
        if not self.is_paused:
            log.warning("no connection can be taken now", pool=self.relay.pool.name, error=str(error))
        self.is_paused = True
        self.relay.counts["accept_pauses"] += 1
        loop = asyncio.get_running_loop()
        for sock in self._socks:
            loop.remove_reader(sock)
        loop.call_later(PAUSE_S, self._resume)

    def _resume(self) -> None:
        self.is_paused = False
        for sock in self._socks:
            asyncio.get_running_loop().add_reader(sock, self._accept, sock)


def _listen(family: int, kind: int, protocol: int, place: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        tune(sock)  # what it takes inherits this
        sock.bind(place)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
