"""What carries connections to gateways: the relay (user space, anywhere) or the kernel (Linux)."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from router.status import WorkerStatus
from shared.bus.registry import Gateway


class Plane(Protocol):
    """Two stand behind it: `RelayPlane` and `KernelPlane`."""

    async def prepare(self, answering: Sequence[Gateway]) -> None:
        """See whether connections to the gateways that are *answering* can be carried; raise KernelError where none can."""
        ...

    async def run(self) -> None:
        """Carry connections as the pools' tables say, until cancelled."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Take no more connections, then end what this process itself carries."""
        ...

    def reasons(self) -> Sequence[str]:
        """Say why connections can't be carried."""
        ...

    def degraded(self) -> Sequence[str]:
        """Say what is not as it should be, though they are carried."""
        ...

    def metrics(self) -> Mapping[str, float]:
        """Return its figures, by the names that they have in `/metrics`."""
        ...

    def workers(self) -> Sequence[WorkerStatus]:
        """Return what is to be told of further processes that carry connections."""
        ...
