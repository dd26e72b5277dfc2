"""The kernel's and the shell's limits that a number of connections needs raised. `judge` is a pure core."""

import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SPARE_FILES, BURST, CONNTRACK_SPARE = 1_000, 4_096, 1.25
_SYSCTLS = {
    "somaxconn": "net.core.somaxconn",
    "syn_backlog": "net.ipv4.tcp_max_syn_backlog",
    "conntrack": "net.netfilter.nf_conntrack_max",
    "files": "fs.file-max",
    "ports": "net.ipv4.ip_local_port_range",
}
LOWEST_PORT, HIGHEST_PORT = 10_240, 65_000


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: what there is, what is needed and why, and the command that raises it; *is_enough*: nothing is to be done."""

    name: str
    have: int
    need: int
    why: str
    command: str

    @property
    def is_enough(self) -> bool:
        return self.have >= self.need


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be carried, and by how many processes."""

    connections: int
    read_gateways: int
    relays: int


def read_limits() -> dict[str, int]:
    """Return what this machine has now; a limit that it does not know is left out."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    known = {"nofile": hard if hard != resource.RLIM_INFINITY else 1 << 30}
    for name, sysctl in _SYSCTLS.items():
        try:
            words = Path("/proc/sys", sysctl.replace(".", "/")).read_text().split()
        except OSError:
            continue
        known[name] = int(words[1]) - int(words[0]) + 1 if name == "ports" else int(words[0])
    return known


def judge(have: Mapping[str, int], load: Load) -> list[Limit]:
    """Return every limit that matters to *load*, of those that this machine *has*."""
    a_gateway = -(-load.connections // max(1, load.read_gateways))
    in_relay = 2 * -(-load.connections // load.relays) if load.relays else 0
    nofile = max(a_gateway, in_relay) + SPARE_FILES
    wanted = {
        "nofile": (nofile, "files of one process: a gateway's sockets, a relay's twice", f"ulimit -n {nofile}"),
        "somaxconn": (BURST, "connections that wait to be accepted when many come back at once", ""),
        "syn_backlog": (BURST, "handshakes under way at once", ""),
        "files": (2 * load.connections + 10_000, "files of all processes", ""),
    }
    if load.relays:
        command = f'sysctl -w {_SYSCTLS["ports"]}="{LOWEST_PORT} {HIGHEST_PORT}"'
        wanted["ports"] = (a_gateway, "outgoing connections of a relay's address to one gateway", command)
    else:
        wanted["conntrack"] = (int(CONNTRACK_SPARE * load.connections), "flows that the kernel plane keeps", "")
    return [
        Limit(name, have[name], need, why, command or f"sysctl -w {_SYSCTLS[name]}={need}")
        for name, (need, why, command) in wanted.items()
        if name in have
    ]
