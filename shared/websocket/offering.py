"""Frames that may be left out: written to those who have nothing unread, and to nobody else."""

from collections.abc import Iterable

from shared.websocket.edge import Edge


def offer(edges: Iterable[Edge], frame: bytes) -> int:
    """Write *frame*, finished for the wire, to those of *edges* that have read all before it; return how many had not."""
    dropped = 0
    for edge in edges:
        if edge.is_choked or edge.transport.get_write_buffer_size():
            dropped += 1
        else:
            edge.write(frame)
    return dropped
