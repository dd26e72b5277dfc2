"""The units that chats are measured in, and how each is taken from a window."""

from collections.abc import Callable, Mapping, Sequence

from tests.bench.document import Unit
from tests.bench.rounds import Reading, Sample
from tests.bench.window import Window

SENDS = Unit("sends/s", is_higher_better=True)
DELIVERIES = Unit("deliveries/s", is_higher_better=True)
PER_CPU_SECOND = Unit("deliveries a server-CPU-second", is_higher_better=True)
CPU_MS = Unit("server-CPU-ms a delivery", is_higher_better=False)
MEDIAN_DELAY = Unit("ms from send to delivery, median", is_higher_better=False)
P99_DELAY = Unit("ms from send to delivery, 99th percentile", is_higher_better=False)
HANDSHAKES = Unit("handshakes a delivery", is_higher_better=False)
EMPTY_ANSWERS = Unit("empty answers a delivery", is_higher_better=False)
CPU_A_SEND = Unit("CPU-µs of gateway and Postgres", is_higher_better=False)
DOUBTFUL = Unit("sends of unknown outcome", is_higher_better=False)
MEMORY = Unit("MiB", is_higher_better=False)
PER_WHOLE_CPU_SECOND = Unit("deliveries a CPU-second of the whole system", is_higher_better=True)
PER_GATEWAY_CPU_SECOND = Unit("deliveries a gateway-CPU-second", is_higher_better=True)
CONNECTION_BYTES = Unit("bytes a connection", is_higher_better=False)
IDLE_CPU = Unit("CPU-µs a second and connection", is_higher_better=False)
PUSH_DELAY = Unit("ms from send to delivery", is_higher_better=False)
SECONDS = Unit("s", is_higher_better=False)
VISITS = Unit("sockets", is_higher_better=True)
PERCENT = Unit("%", is_higher_better=False)
ACK_DELAY = Unit("ms from send to acknowledgement", is_higher_better=False)

_TAKEN_BY: Mapping[Unit, Callable[[Window], float]] = {
    SENDS: lambda window: window.acked / window.seconds,
    DELIVERIES: lambda window: window.delivered / window.seconds,
    PER_CPU_SECOND: lambda window: window.delivered / window.servers_cpu_s,
    CPU_MS: lambda window: 1_000 * window.servers_cpu_s / window.delivered,
    MEDIAN_DELAY: lambda window: window.delay_ms(0.5),
    P99_DELAY: lambda window: window.delay_ms(0.99),
}


def read_window(row: str, window: Window, units: Sequence[Unit], counts: Mapping[Unit, int] | None = None) -> Reading:
    """Return what *window* says about *row* in each of *units*; *counts* are told a delivery."""
    samples = [Sample(row, unit, _TAKEN_BY[unit](window)) for unit in units]
    samples += [Sample(row, unit, count / window.delivered) for unit, count in (counts or {}).items()]
    return Reading(samples, window.busy)
