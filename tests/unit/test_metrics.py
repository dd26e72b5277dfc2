"""What a process tells Prometheus, and what telling it costs while nobody asks: an addition."""

from prometheus_client import generate_latest

from shared import frames
from shared.metrics import Histogram, label, make_registry


def told(*collectors: Histogram, **figures: float) -> dict[str, float]:
    text = generate_latest(make_registry(lambda: figures, collectors)).decode()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")}


def test_a_histograms_buckets_count_what_is_at_most_so_large() -> None:
    times = Histogram("wait_seconds", "How long.", (0.1, 1, 10))
    for seconds, often in ((0.1, 1), (0.2, 3), (11, 1)):
        times.observe(seconds, often)

    figures = told(times)

    assert [figures[f'ringpost_wait_seconds_bucket{{le="{le}"}}'] for le in ("0.1", "1.0", "10.0", "+Inf")] == [1, 4, 4, 5]
    assert figures["ringpost_wait_seconds_count"] == 5
    assert round(figures["ringpost_wait_seconds_sum"], 6) == 11.7


def test_one_name_may_have_several_labels() -> None:
    figures = told(**label("ends_total", {"gone": 2, "silent": 0}, "code"), **{'known{pool="read",state="down"}': 1})

    assert figures['ringpost_ends_total{code="gone"}'] == 2
    assert figures['ringpost_ends_total{code="silent"}'] == 0
    assert figures['ringpost_known{pool="read",state="down"}'] == 1


def test_the_process_and_its_garbage_are_told_too() -> None:
    figures = told()

    assert figures["process_resident_memory_bytes"] > 1 << 20
    assert figures["process_max_fds"] > 0
    assert 'python_gc_collections_total{generation="2"}' in figures


def test_the_first_events_time_is_found_whatever_people_write() -> None:
    events = [
        {"seq": n, "sender": 'a","at":"1999-01-01T00:00:00Z', "at": f"2026-11-25T07:42:4{n}.5Z", "text": "x"} for n in (1, 2)
    ]

    assert frames.time_of_first(frames.events_frame(None, events)) == 1795592561.5
    assert frames.time_of_first(b'{"type":"events","events":[]}') is None
    assert frames.time_of_first(b'{"at":"yesterday"}') is None
    assert frames.time_of_first(b'{"at":"') is None
