"""A process's figures, as Prometheus reads them: collected when asked for, so that counting costs a plain addition."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

PREFIX = "ringpost_"


class Figures(Collector):
    """Figures by name; those whose names end in `_total` only rise."""

    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        for name, value in sorted(self._read().items()):
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield kind(PREFIX + name, name.replace("_", " "), value=value)


def make_histogram(name: str, meaning: str, buckets: Sequence[float]) -> Histogram:
    """Return a histogram that no registry has yet; `make_registry` takes it."""
    return Histogram(PREFIX + name, meaning, buckets=buckets, registry=None)


def make_registry(read: Callable[[], Mapping[str, float]], collectors: Iterable[Collector] = ()) -> CollectorRegistry:
    """Return a registry of what *read* returns and of *collectors*."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in (Figures(read), *collectors):
        registry.register(collector)
    return registry
