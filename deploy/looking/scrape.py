"""What a process told at `/metrics`. A pure core."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

PREFIX = "ringpost_"
Buckets = Mapping[float, float]


class Scrape:
    """The samples; Ringpost's own are asked for without their prefix. *at*: when they were told, in seconds that only rise."""

    def __init__(self, text: str, at: float) -> None:
        self.at = at
        self._samples: dict[str, list[Sample]] = defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples[sample.name.removeprefix(PREFIX)].append(sample)

    def of(self, name: str, **labels: str) -> Sequence[Sample]:
        return [sample for sample in self._samples.get(name, ()) if labels.items() <= sample.labels.items()]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the sum of all samples with these labels; None if there is none."""
        found = self.of(name, **labels)
        return sum(sample.value for sample in found) if found else None

    def labels(self, name: str) -> Mapping[str, str]:
        """Return the labels of the first sample of *name*."""
        return next((sample.labels for sample in self.of(name)), {})

    def buckets(self, name: str) -> Buckets:
        """Return a histogram: how many were at most so large."""
        return add_up({float(sample.labels["le"]): sample.value} for sample in self.of(f"{name}_bucket"))


def add_up(histograms: Iterable[Buckets]) -> Buckets:
    total: dict[float, float] = defaultdict(float)
    for buckets in histograms:
        for bound, count in buckets.items():
            total[bound] += count
    return dict(total)


def between(before: Buckets, after: Buckets) -> Buckets:
    """Return what came to *after* since *before*; a process that began anew meanwhile had nothing before."""
    risen = {bound: count - before.get(bound, 0.0) for bound, count in after.items()}
    return after if any(count < 0 for count in risen.values()) else risen


def quantile(buckets: Buckets, q: float) -> float | None:
    """Return the value that a part *q* is at most, as Prometheus estimates it; None where nothing was counted."""
    bounds = sorted(buckets)
    many = buckets[bounds[-1]] if bounds else 0.0
    if not many:
        return None
    low = below = 0.0
    for bound in bounds:
        if buckets[bound] >= q * many:
            inside = buckets[bound] - below
            is_last = bound == float("inf")
            return low if is_last or not inside else low + (bound - low) * (q * many - below) / inside
        low, below = bound, buckets[bound]
    return low
