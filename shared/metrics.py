"""A process's figures, as Prometheus reads them: collected when asked for, so that counting costs a plain addition."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, groupby
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, Metric, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

PREFIX = "ringpost_"
TIME_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Figures(Collector):
    """Figures by name; those whose names end in `_total` only rise. A name may end in labels, as Prometheus writes them."""

    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        for name, labelled in groupby(sorted(self._read().items()), lambda figure: figure[0].partition("{")[0]):
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(PREFIX + name, name.replace("_", " "))
            for labels, value in ((_LABEL.findall(written), value) for written, value in labelled):
                family.samples.append(Sample(PREFIX + name, dict(labels), value))
            yield family


class Histogram(Collector):
    """How often what was how long, or how large; *bounds* ascend."""

    def __init__(self, name: str, meaning: str, bounds: Sequence[float] = TIME_BUCKETS_S) -> None:
        self._name, self._meaning, self._bounds = PREFIX + name, meaning, tuple(map(float, bounds))
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    def collect(self) -> Iterable[Metric]:
        names = [*map(str, self._bounds), "+Inf"]
        buckets = list(zip(names, map(float, accumulate(self._counts)), strict=True))
        yield HistogramMetricFamily(self._name, self._meaning, buckets=buckets, sum_value=self._sum)


def label(name: str, counts: Mapping[Any, float], of: str) -> dict[str, float]:
    """Return the figures called *name* that *counts* holds by the values of the label *of*."""
    return {f'{name}{{{of}="{value}"}}': float(n) for value, n in counts.items()}


def make_registry(read: Callable[[], Mapping[str, float]], collectors: Iterable[Collector] = ()) -> CollectorRegistry:
    """Return a registry of what *read* returns, of *collectors*, and of the process itself."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in (Figures(read), *collectors):
        registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
