"""What more gateways added, as a page and as drawings. A pure core."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.curve import Curve, Panel, draw_panels
from tests.bench.ramp import KNEE_MS, LOAD, Ramp, Step

HALLS, PAIRS = "halls", "pairs"
SHAPES = {HALLS: 100, PAIRS: 2}
TITLE = "The scaling report: what one more gateway adds"
ABOUT = f"""
The same load against 1, 2, 4 read gateways and 1, 2 write gateways, raised step by step until it bends. Sends come at random
moments, whatever the answers do (an open loop), and each delay counts from the moment when the send was due. Every
acknowledgement and every delivery is checked; a fault would have ended the run.

- **halls**: conversations of 100, all of whose members are connected: many deliveries, few sends. Read gateways carry it.
- **pairs**: conversations of two: few deliveries a send. Write gateways and Postgres carry it.
- **The knee** is the last step at which nothing was refused and 99 of 100 deliveries came within {KNEE_MS:.0f} ms.

Clients connect straight to the gateways, evenly; a room's members are spread over all of them. Everything shares the cores
of this machine: gateways, Postgres, Valkey and the load. So there are two series. In one each gateway of the kind that is
varied is **held to a part of a core** by the kernel, which makes gateways the scarce thing, as they are where each has a
machine of its own: it shows what one more adds. In the other they take **what there is**, and it shows where this machine
ends. Rates are not limited (`RINGPOST_RATE_USER=0`, `RINGPOST_RATE_CONVERSATION=0`).
"""
SUMS = (
    "That is {halls} deliveries a CPU-second of the whole system in halls (each with the hundredth part of its send), "
    "and {pairs} sends a CPU-second in pairs (each with its two deliveries). The terms are the slope between the first "
    "step and the knee (the last step, where the first one is the knee), of one read and one write gateway that took what "
    "there was."
)
MODEL = (
    "So: *n* read gateways, each with a core, carry about *n* × 1,000,000 / (µs a delivery of `read`) deliveries a second, as "
    "long as Postgres, Valkey and the write gateways have cores for their own terms; *m* write gateways *m* × 1,000,000 / (µs "
    "a send of `write`) sends. The machine ends where the sum of all terms, the load's too if it runs there, has used its "
    "cores up. `ringpost capacity` measures the terms on yours."
)


@dataclass(frozen=True, slots=True)
class Found:
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    guests: int
    ramps: Sequence[Ramp]


def draw_scaling(found: Found) -> str:
    panels = []
    for load in (HALLS, PAIRS):
        for ramps in _series(found, load):
            unit = "deliveries" if load == HALLS else "sends"
            title = f"{load}, {_share_words(ramps[0])}"
            curves = [
                Curve(_system_words(ramp), [(_rate(ramp, step), step.push_ms[1]) for step in ramp.steps], ramp.knee)
                for ramp in ramps
            ]
            panels.append(Panel(title, f"{unit}/s", "p99, ms from due to delivery", curves))
    return draw_panels(TITLE, panels)


def write_scaling(found: Found) -> str:
    parts = [
        f"# {TITLE}",
        ABOUT.strip(),
        "Made by `make scaling-report`. How benchmarks are made here: [README.md](README.md).",
        "![p99 against load; the knees are the large dots](scaling.svg)",
        "## The knees",
        "\n".join(_knees(found)),
        "## Where two cores end" if found.machine["cores"] == 2 else "## Where the cores end",
        "\n".join(_ends(found)),
        "## The model",
        "\n".join(_model(found)),
        "## Every step",
        "\n".join(_steps(found)),
        "## Machine and versions",
        "\n".join(_pairs(found.machine)),
        "\n".join(_pairs(found.versions)),
    ]
    return "\n\n".join(parts) + "\n"


def _series(found: Found, load: str) -> Iterator[list[Ramp]]:
    """Yield the ramps of *load*: those of gateways that were held to a part of a core, then the others."""
    own = [ramp for ramp in found.ramps if ramp.load == load]
    for ramps in ([ramp for ramp in own if ramp.share], [ramp for ramp in own if not ramp.share]):
        if ramps:
            yield ramps


def _knees(found: Found) -> Iterator[str]:
    yield _line(
        [
            "load",
            "each gateway has",
            "read",
            "write",
            "knee, sends/s",
            "knee, deliveries/s",
            "beside one gateway",
            "p50, p99 ms",
            "bent",
        ]
    )
    yield _line(["---", "---", *["---:"] * 6, "---"])
    for load in (HALLS, PAIRS):
        for ramps in _series(found, load):
            first = _knee(ramps[0])
            for ramp in ramps:
                yield _knee_line(ramp, first)


def _knee_line(ramp: Ramp, first: Step | None) -> str:
    step = _knee(ramp)
    about = [ramp.load, _share_words(ramp), str(ramp.read), str(ramp.write)]
    if step is None:
        return _line([*about, "none", "none", "", "", "at the first step"])
    times = f"{step.sends / first.sends:.2f} ×" if first is not None else ""
    waits = f"{step.push_ms[0]:.1f}, {step.push_ms[1]:.1f}"
    bent = "at the next step" if ramp.is_bent else "not yet: the steps end there"
    return _line([*about, f"{step.sends:,.0f}", f"{step.deliveries:,.0f}", times, waits, bent])


def _ends(found: Found) -> Iterator[str]:
    """Say what took the cores at the last step of each ramp that took what there was."""
    cores = int(found.machine["cores"])
    for ramp in (ramp for ramp in found.ramps if not ramp.share):
        step = ramp.steps[-1]
        whole = sum(step.cores.values())
        parts = ", ".join(f"{name} {used:.2f}" for name, used in sorted(step.cores.items(), key=lambda item: -item[1]))
        full = f"The {cores} cores were full, the load's own part among them" if whole >= 0.9 * cores else "No core was short"
        if (
            max(step.cores.get(name, 0.0) / many for name, many in (("read", ramp.read), ("write", ramp.write), ("router", 1)))
            >= 0.9
        ):
            full += "; a gateway had a whole core, which is all that one process can use"
        yield f"- {ramp.load}, {_system_words(ramp)}, at {step.asked:,.0f} sends/s: {whole:.2f} cores ({parts}). {full}."


def _model(found: Found) -> Iterator[str]:
    """Give the measured terms, and what follows from them."""
    terms = {load: _terms(found, load) for load in (HALLS, PAIRS)}
    services = [name for name in next(iter(terms.values())) if name != LOAD]
    yield _line(["service", "CPU-µs a delivery (halls)", "CPU-µs a send (pairs)"])
    yield _line(["---", "---:", "---:"])
    for name in [*services, LOAD]:
        yield _line([name, *(f"{terms[load].get(name, 0.0):,.1f}" for load in (HALLS, PAIRS))])
    whole = {load: sum(used for name, used in terms[load].items() if name != LOAD) for load in (HALLS, PAIRS)}
    yield ""
    yield SUMS.format(**{load: f"{1e6 / us:,.0f}" if us else "(no figure)" for load, us in whole.items()})
    yield ""
    yield MODEL


def _terms(found: Found, load: str) -> dict[str, float]:
    """Return the processor time of each service, in µs, a delivery (halls) or a send (pairs)."""
    ramp = next(ramp for ramp in found.ramps if ramp.load == load and not ramp.share)
    low, high = ramp.steps[0], ramp.steps[ramp.knee or -1]
    more = _rate(ramp, high) - _rate(ramp, low)
    return {name: max(0.0, 1e6 * (high.cores[name] - low.cores[name]) / more) for name in high.cores} if more > 0 else {}


def _steps(found: Found) -> Iterator[str]:
    heads = [
        "load",
        "system",
        "each has",
        "asked, sends/s",
        "done",
        "deliveries/s",
        "ack p50, p99 ms",
        "push p50, p99 ms",
        "deliveries a CPU-s",
    ]
    yield _line(heads)
    yield _line([*["---"] * 3, *["---:"] * 6])
    for ramp in found.ramps:
        for number, step in enumerate(ramp.steps):
            mark = " (knee)" if number == ramp.knee else ""
            busy = sum(used for name, used in step.cores.items() if name != LOAD)
            waits = [f"{ms[0]:.1f}, {ms[1]:.1f}" for ms in (step.ack_ms, step.push_ms)]
            rates = [f"{step.asked:,.0f}{mark}", f"{step.sends:,.0f}", f"{step.deliveries:,.0f}"]
            yield _line([ramp.load, _system_words(ramp), _share_words(ramp), *rates, *waits, f"{step.deliveries / busy:,.0f}"])


def _knee(ramp: Ramp) -> Step | None:
    return None if ramp.knee is None else ramp.steps[ramp.knee]


def _rate(ramp: Ramp, step: Step) -> float:
    return step.deliveries if ramp.load == HALLS else step.sends


def _system_words(ramp: Ramp) -> str:
    return f"{ramp.read} read, {ramp.write} write"


def _share_words(ramp: Ramp) -> str:
    if not ramp.share:
        return "what there is"
    return f"{'read' if ramp.load == HALLS else 'write'}: {ramp.share:.0%} of a core"


def _pairs(values: Mapping[str, object]) -> Iterator[str]:
    yield _line(["", ""])
    yield _line(["---", "---"])
    for name, value in values.items():
        yield _line([name.replace("_", " "), str(value)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
