"""What holding many connections showed, as a page. A pure core but for `write_held`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FIELD_BYTES = 16e9 / 100_000
ABOUT = """
Real WebSocket connections (RFC 6455, each a TCP connection with a hello, a token, a cursor and a heartbeat every 30 s),
through the system: the router's kernel plane sends each client, which has an address of its own, to a read gateway, as its
table says. Each gateway says in the registry that it takes 19,000. A relay would need two files a connection, and a process
has 20,000 here. Each client is in three conversations; real chat goes through them, each delivery checked: a hole, a repeat,
something out of order or something that nobody sent would have ended the run, which would have written nothing. Clients,
gateways, Postgres, Valkey and the router share the cores of one machine, in a network namespace of their own.

Then the fullest gateway is killed (SIGKILL) and stays down, while chat goes on. Its clients come back as `docs/protocol.md`
asks them to, with their positions: first within what the gateway had told them, then with full jitter.

**What surprised.** It is processor, not memory, that ends this on two cores. With the default heartbeat of 10 s a run
came to 85,600 connections and then lost clients faster than it gained them: pings of the clients, pongs of the gateways
and those who still came had both cores full. Our reading is that some pinged too late, were cut, and came again.
`RINGPOST_HEARTBEAT_S=30` is what this page was measured with. While some 250 clients a second came, the eight gateways
together took 1.1 cores. And at rest Postgres takes as much as all gateways: each of them compares the heads of nearly all
10,000 conversations with it every second.
"""


@dataclass(frozen=True, slots=True)
class Held:
    """The figures of one run, and how it was made."""

    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    options: Mapping[str, float]
    figures: Mapping[str, float]


def write_held(held: Held, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "connections.json").write_text(json.dumps(asdict(held), indent=1) + "\n", encoding="utf-8")
    (folder / "connections.md").write_text(make_page(held), encoding="utf-8")


def make_page(held: Held) -> str:
    f = held.figures
    parts = [
        f"# {f['connections']:,.0f} WebSocket connections, held",
        ABOUT.strip(),
        "Made by `make hold`. How benchmarks are made here: [README.md](README.md).",
        "## Memory of a connection",
        _memory_words(f),
        _table(_memory(f)),
        "## Processor",
        _table(_processor(f)),
        "## Connecting, chat, and a gateway that is killed",
        _table(_course(held)),
        "## Machine and versions",
        _table([(name.replace("_", " "), str(value)) for name, value in (*held.machine.items(), *held.versions.items())]),
    ]
    return "\n\n".join(parts) + "\n"


def _memory_words(f: Mapping[str, float]) -> str:
    whole = f["user_bytes"] + f["kernel_socket_bytes"]
    parts = f"{f['user_bytes']:,.0f} in the gateways and {f['kernel_socket_bytes']:,.0f} in the kernel"
    mark = f"The field's mark of 100,000 connections on 16 GB is {FIELD_BYTES:,.0f} bytes a connection"
    return f"**{whole:,.0f} bytes a connection** on the server: {parts}. {mark}: {FIELD_BYTES / whole:.0f} times as much."


def _memory(f: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    yield "user space: what the gateways grew by (PSS), a connection", f"{f['user_bytes']:,.0f} bytes"
    yield "kernel: sockets, files and flow, of one of the two ends, a connection", f"{f['kernel_socket_bytes']:,.0f} bytes"
    yield "kernel: all of its objects (slab), of both ends, a connection", f"{f['kernel_both_ends_bytes']:,.0f} bytes"
    yield "kernel: bytes in sockets' buffers while idle, a connection", f"{f['socket_buffers_bytes']:,.0f} bytes"
    for name in (name for name in f if name.startswith("slab_")):
        yield f"of the slab, both ends: `{name.removeprefix('slab_')}`, a connection", f"{f[name]:,.0f} bytes"
    yield "all gateways", f"{f['gateways_whole_mib']:,.0f} MiB"
    yield "Postgres, Valkey, router, write gateway", f"{f['other_servers_mib']:,.0f} MiB"
    yield "the clients, which run here too", f"{f['swarm_mib']:,.0f} MiB"
    yield "all that the machine had less of", f"{f['taken_from_available_mib']:,.0f} MiB"


def _processor(f: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for state, words in (("idle", "while idle"), ("chat", "with chat")):
        shares = {name.removeprefix(f"cpu_{state}_"): f[name] for name in f if name.startswith(f"cpu_{state}_")}
        servers = sum(share for name, share in shares.items() if name != "swarm")
        each = f", {1e6 * servers / f['connections']:.1f} µs a second and connection" if state == "idle" else ""
        yield f"the whole system, {words}", f"{servers:.2f} cores{each}"
        for name, share in sorted(shares.items(), key=lambda item: -item[1]):
            yield f"{'the clients' if name == 'swarm' else name}, {words}", f"{share:.2f} cores"


def _course(held: Held) -> Iterator[tuple[str, str]]:
    f, options = held.figures, held.options
    yield "read gateways, write gateways, processes of clients", f"{options['read']:.0f}, 1, {options['processes']:.0f}"
    rooms = f"{f['conversations']:,.0f}, each of {f['members_each']:.1f}; made in {f['making_s']:.0f} s"
    yield "conversations", rooms
    yield "time to connect them all", f"{f['connect_s']:.0f} s ({f['connections'] / f['connect_s']:,.0f} a second)"
    yield "attempts that failed meanwhile", f"{f['attempts_failed']:,.0f}"
    yield "clients of the fullest and the emptiest gateway", f"{f['fullest_gateway']:,.0f}, {f['emptiest_gateway']:,.0f}"
    yield (
        "chat that was measured",
        f"{f['sends']:,.0f} sends in {options['seconds']:.0f} s, {f['deliveries']:,.0f} deliveries so far",
    )
    yield "send to acknowledgement, p50 and p99", f"{f['ack_ms_p50']:.1f} ms, {f['ack_ms_p99']:.1f} ms"
    yield "send to delivery, p50 and p99", f"{f['push_ms_p50']:.1f} ms, {f['push_ms_p99']:.1f} ms"
    yield "clients of the gateway that was killed", f"{f['killed_with']:,.0f}"
    yield "**until all of them were back**", f"**{f['back_s']:.1f} s**"
    yield "a client was away for, p50 and p99", f"{f['back_ms_p50'] / 1_000:.1f} s, {f['back_ms_p99'] / 1_000:.1f} s"
    yield "attempts that failed until then", f"{f['tries_failed']:,.0f}"
    yield "clients of the fullest and the emptiest gateway after that", f"{f['fullest_after']:,.0f}, {f['emptiest_after']:,.0f}"
    yield "all sends and deliveries", f"{f['all_sends']:,.0f}, {f['all_deliveries']:,.0f}"
    yield "lost, repeated, out of order, altered", "0, 0, 0, 0"
    yield "the whole run", f"{f['seconds']:.0f} s"


def _table(rows: Sequence[tuple[str, str]] | Iterator[tuple[str, str]]) -> str:
    return "\n".join(["|  |  |", "| --- | ---: |", *(f"| {name} | {value} |" for name, value in rows)])
