"""Ids of sends that carry when the send was due, so that whoever gets it knows its delay. A pure core.

A moment is in nanoseconds of a clock that all processes of one machine share (CLOCK_MONOTONIC). What counts is when a send was
due, not when it went out: a sender that falls behind makes delays longer, and does not hide them.
"""

_LOW = (1 << 64) - 1


def make_id(due_ns: int, number: int) -> str:
    """Return the UUID of send *number*, of those that one run makes."""
    digits = f"{due_ns & _LOW:016x}{number & _LOW:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def due_of(id: str) -> int:
    """Return when the send *id* was due."""
    return int(id[:8] + id[9:13] + id[14:18], 16)


def digest(id: str, seq: int) -> int:
    """Return a number of 64 bits that tells this id at this seq from another one there, and from this one elsewhere.

    Those of a log, put together by exclusive or, tell whether two have the same ids at the same seqs.
    """
    number = int(id[19:23] + id[24:], 16) * 0x9E3779B97F4A7C15 + due_of(id) * 0xD6E8FEB86659FD93
    return (number + seq * 0xC2B2AE3D27D4EB4F) * (2 * seq + 1) & _LOW
