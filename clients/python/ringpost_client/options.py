"""What an app may choose of a client's waits."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """The waits of a client. *local_address* is the address to connect from.

    *climb*: what reads by less than a WebSocket tries for more after half of a pause to all of it; it grows from base to cap.
    """

    connect_timeout_s: float = 10.0
    ack_timeout_s: float = 20.0
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    climb_base_s: float = 30.0
    climb_cap_s: float = 600.0
    local_address: str | None = None
    chance: Callable[[], float] = field(default=random.random)
