"""One frame to many sockets: the loop in which a busy gateway spends most of its time."""

from collections.abc import Iterable
from os import write

import structlog

from shared.websocket.edge import Edge

log = structlog.get_logger("ringpost.websocket")


def fan_out(edges: Iterable[Edge], frame: bytes) -> None:
    """Write *frame*, finished for the wire, to all of *edges*.

    Where nothing waits before it, it goes straight to the kernel: a transport takes as long again as the loop itself. What the
    kernel does not take, and whatever is corked or closing, goes the long way.
    """
    size = len(frame)
    for edge in edges:
        try:
            if edge.is_corked or edge.is_choked:
                edge.push(frame)
            elif (written := write(edge.fd, frame)) < size:
                edge.push(frame[written:])
        except BlockingIOError:
            edge.push(frame)
        except OSError:
            edge.abort()  # the peer is gone; its transport tells the rest
        except Exception:  # one connection's trouble is none of the others'
            log.exception("a frame was not written")
