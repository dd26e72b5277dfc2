"""One frame to many sockets: the loop in which a busy gateway spends most of its time."""

from collections.abc import Iterable

import structlog

from shared.websocket.edge import Edge

log = structlog.get_logger("ringpost.websocket")


def fan_out(edges: Iterable[Edge], frame: bytes) -> None:
    """Write *frame*, finished for the wire, to all of *edges*; one that is full or corked goes the long way."""
    for edge in edges:
        try:
            if edge.is_corked or edge.is_choked:
                edge.push(frame)
            else:
                edge.transport.write(frame)
        except Exception:  # one connection's trouble is none of the others'
            log.exception("a frame was not written")
