"""What a process of the swarm is told, and what it answers: a line of JSON each."""

import msgspec

from deploy.swarm.websocket import Address


class Begin(msgspec.Struct, tag="begin", kw_only=True):
    """Have the guests number *first*, *first* + *step* … of *run*, *many* of them, come to *addresses*.

    *at_once*: so many connect at a time. *has_addresses*: each comes from an address of its own.
    """

    run: str
    jwt_key: str
    addresses: list[Address]
    first: int
    step: int
    many: int
    inbox: int
    at_once: int
    heartbeat_s: float
    has_addresses: bool


class Ask(msgspec.Struct, tag="ask"):
    """Say how things are. *whole*: with the logs."""

    whole: bool = False


Order = Begin | Ask


class Report(msgspec.Struct):
    """How things are. *delays* are by step, since the last report; *absences*, of those who were cut and are back, of all time.

    *logs*: (the lowest position, the digest) of each.
    """

    live: int
    cuts: int
    returns: int
    failures: int
    delivered: int
    cpu_s: float
    fault_count: int
    faults: list[str]
    delays: dict[int, int]
    absences: dict[int, int]
    logs: dict[str, tuple[int, int]] = {}


encode = msgspec.json.Encoder().encode
read_order = msgspec.json.Decoder(Order).decode
read_report = msgspec.json.Decoder(Report).decode
