"""A process's figures, as Prometheus reads them: collected when asked for, so that counting costs a plain addition."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from prometheus_client import CollectorRegistry, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

PREFIX = "ringpost_"
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Figures(Collector):
    """Figures by name; those whose names end in `_total` only rise. A name may end in one label, as Prometheus writes it."""

    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        for name, labelled in groupby(sorted(self._read().items()), lambda figure: figure[0].partition("{")[0]):
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(PREFIX + name, name.replace("_", " "))
            for labels, value in ((_LABEL.findall(written), value) for written, value in labelled):
                family.samples.append(Sample(PREFIX + name, dict(labels), value))
            yield family


def make_histogram(name: str, meaning: str, buckets: Sequence[float]) -> Histogram:
    """Return a histogram that no registry has yet; `make_registry` takes it."""
    return Histogram(PREFIX + name, meaning, buckets=buckets, registry=None)


def make_registry(read: Callable[[], Mapping[str, float]], collectors: Iterable[Collector] = ()) -> CollectorRegistry:
    """Return a registry of what *read* returns and of *collectors*."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in (Figures(read), *collectors):
        registry.register(collector)
    return registry
