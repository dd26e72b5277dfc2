"""The router's benchmark: our router in both planes and its peers, started in their namespaces on the servers' core."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.cores import pinned
from tests.bench.cpu import Meter
from tests.bench.failure import Failed
from tests.bench.router_ground import (
    DIRECT,
    DOOMED_PORT,
    FORWARDED,
    KERNEL,
    PORT,
    PROXIES,
    Ground,
    Way,
    all_sources,
    write_sources,
)
from tests.bench.stage import ROOT, Stage
from tests.namespaces import Namespace, missing

HAPROXY, NGINX, ENVOY, PLAIN = "HAProxy", "nginx", "Envoy", "plain forwarding"
PEERS = ROOT / "tests" / "bench" / "peers"
PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
SECRET, CROWDED = "a secret for a benchmark alone", "relay, two workers"
ADMIN_PORTS = {"kernel": 7000, "relay": 7000, "relay, PROXY v2": 7001, CROWDED: 7002}
START_S = 30.0

HAPROXY_CONFIG = """
global
  nbthread 1
  maxconn {connections}
defaults
  mode tcp
  timeout connect 2s
  timeout client 600s
  timeout server 600s
  retries 3
  option redispatch
"""
NGINX_CONFIG = """
load_module modules/ngx_stream_module.so;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections {files}; }}
stream {{
  upstream gateways {{ hash $remote_addr consistent; {servers} }}
  server {{ listen 10.3.0.1:{port} reuseport backlog=4096; proxy_pass gateways; proxy_timeout 600s; proxy_connect_timeout 2s; }}
}}
"""


@dataclass(frozen=True, slots=True)
class System:
    """Something that carries connections: by which way, at which port, and whose processor time and memory count."""

    way: Way
    port: int
    pid: int | None = None
    base_bytes: int = 0

    @property
    def meter(self) -> Meter:
        return Meter() if self.pid is None else Meter(self.pid)

    def memory(self) -> int:
        """Return how many bytes it has taken since it was started."""
        return 0 if self.pid is None else _memory(self.pid) - self.base_bytes


@dataclass(slots=True)
class Systems:
    """All of them by name, and the tools of their load."""

    stage: Stage
    ground: Ground
    load: Path
    echo: Path
    by_name: dict[str, System]
    doomed: subprocess.Popen[bytes]

    def sources(self, way: Way) -> Path:
        return self.stage.folder / f"{way.sources}.txt"

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Hold our other routers, which would answer to what befalls a gateway on the same core."""
        others = [system.pid for other, system in self.by_name.items() if other in ADMIN_PORTS and other != name]
        pids = [own for pid in others if pid is not None for own in _family(pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def revive(self) -> None:
        """Start the gateway that was killed anew."""
        self.doomed = _start_echo(self.stage, self.ground, self.echo, DOOMED_PORT)

    def wait_until_whole(self, name: str) -> None:
        """Wait until the router called *name* has all gateways in its table."""
        namespace, port = self.ground.inside_of(self.by_name[name].way), ADMIN_PORTS[name]
        deadline = time.monotonic() + START_S
        while gateways_in_table(namespace, port) < 8:
            if time.monotonic() > deadline:
                raise Failed(f"{name} does not find all gateways")
            time.sleep(0.05)


def start_systems(stage: Stage, ground: Ground) -> Systems:
    """Start the gateways, our routers, and the peers that there are; `stage.found` says which there are not."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files(),) * 2)
    load, echo = _compile(stage, "tcp_load"), _compile(stage, "tcp_echo")
    for way in (KERNEL, PROXIES, FORWARDED, DIRECT):
        write_sources(stage.folder / f"{way.sources}.txt", all_sources(way))
    doomed = _start_echo(stage, ground, echo, DOOMED_PORT)
    _start_echo(stage, ground, echo, PORT)
    systems = Systems(stage, ground, load, echo, {}, doomed)
    systems.by_name = dict(_start_all(stage, ground))
    for name in ADMIN_PORTS:
        systems.wait_until_whole(name)
    time.sleep(1.5)  # the kernel's maps are written, and the look at the way back is over
    return systems


def gateways_in_table(namespace: Namespace, port: int) -> int:
    """Return how many gateways the router's table of the pool read has; 0 where it does not answer, or a worker's differs."""
    with namespace.inside():
        sock = socket.socket()
    try:
        with sock:
            sock.settimeout(2)
            sock.connect(("127.0.0.1", port))
            sock.sendall(b"GET /status HTTP/1.0\r\n\r\n")
            said = b"".join(iter(lambda: sock.recv(65_536), b""))
    except OSError:
        return 0
    status = json.loads(said.partition(b"\r\n\r\n")[2])
    pool = status["pools"][0]
    is_whole = all(worker["signatures"].get(pool["name"]) == pool["signature"] for worker in status["workers"])
    return sum(gateway["share"] > 0 for gateway in pool["gateways"]) if is_whole else 0


def _start_all(stage: Stage, ground: Ground) -> Iterator[tuple[str, System]]:
    yield "direct", System(DIRECT, PORT)
    yield PLAIN, System(FORWARDED, PORT)
    yield "kernel", _start_router(stage, ground, KERNEL, 8000, 7000, plane="kernel", host="0.0.0.0")
    yield "relay", _start_router(stage, ground, PROXIES, 8000, 7000, host="10.3.0.1")
    yield "relay, PROXY v2", _start_router(stage, ground, PROXIES, 8100, 7001, host="10.3.0.1", proxy_secret=SECRET)
    # Without so wide a bound the gateways beside the one that has all of a crowd would get seven eighths of it.
    crowded = {"relay_workers": "2", "epsilon": "10"}
    yield CROWDED, _start_router(stage, ground, PROXIES, 8400, 7002, host="10.3.0.1", **crowded)
    peers: Mapping[str, Callable[[Stage, Ground], Iterator[tuple[str, System]]]]
    peers = {HAPROXY: _start_haproxy, NGINX: _start_nginx}
    for name, start in peers.items():
        if shutil.which(name.lower(), path=PATH) is None:
            stage.found[name] = f"left out: {name.lower()} is not installed"
        else:
            yield from start(stage, ground)
    stage.found[ENVOY] = "left out: neither Debian nor PyPI has it"


def _start_router(stage: Stage, ground: Ground, way: Way, port: int, admin_port: int, **settings: str) -> System:
    spots = ",".join(f"{host}:{place}" for host, place in way.spots())
    own = {
        "read_port": str(port),
        "write_port": str(port + 1),
        "admin_port": str(admin_port),
        "membership": "list",
        "read_gateways": spots,
        "write_gateways": spots,
        "max_connections": str(_most_files() // 2 - 100),
        "flap_hold_s": "0",
        "log_level": "warning",
    }
    environment = {f"RINGPOST_{name.upper()}": value for name, value in (own | settings).items()}
    process = _start(stage, ground.inside_of(way), f"router-{port}", [sys.executable, "-m", "router"], environment)
    deadline = time.monotonic() + START_S
    while not gateways_in_table(ground.inside_of(way), admin_port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"a router did not start: {_said(stage, f'router-{port}')}")
        time.sleep(0.05)
    return System(way, port, process.pid, _memory(process.pid))


def _start_haproxy(stage: Stage, ground: Ground) -> Iterator[tuple[str, System]]:
    config = stage.folder / "haproxy.cfg"
    text = HAPROXY_CONFIG.format(connections=_most_files() // 2 - 200)
    for name, port, options in (("plain", 8200, ""), ("proxy", 8210, " send-proxy-v2")):
        text += f"listen {name}\n  bind 10.3.0.1:{port} backlog 4096\n  balance source\n"
        text += "  hash-type consistent\n  hash-balance-factor 125\n"
        for n, (host, place) in enumerate(PROXIES.spots()):
            text += f"  server g{n} {host}:{place} check inter 500ms{options}\n"
    config.write_text(text)
    process = _start(stage, ground.proxies, "haproxy", ["haproxy", "-db", "-f", str(config)])
    stage.found[HAPROXY] = _version(["haproxy", "-v"])
    time.sleep(1.0)
    _must_run(stage, process, "haproxy")
    base = _memory(process.pid)
    yield HAPROXY, System(PROXIES, 8200, process.pid, base)
    yield f"{HAPROXY}, PROXY v2", System(PROXIES, 8210, process.pid, base)


def _start_nginx(stage: Stage, ground: Ground) -> Iterator[tuple[str, System]]:
    servers = " ".join(f"server {host}:{place};" for host, place in PROXIES.spots())
    config = stage.folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=stage.folder, servers=servers, port=8300, files=_most_files()))
    if not Path("/usr/lib/nginx/modules/ngx_stream_module.so").exists():
        stage.found[NGINX] = "left out: it has no stream module (libnginx-mod-stream)"
        return
    process = _start(stage, ground.proxies, "nginx", ["nginx", "-p", "/usr/share/nginx", "-c", str(config)])
    stage.found[NGINX] = _version(["nginx", "-v"])
    time.sleep(1.0)
    _must_run(stage, process, "nginx")
    yield NGINX, System(PROXIES, 8300, process.pid, _memory(process.pid))


def _start_echo(stage: Stage, ground: Ground, echo: Path, port: int) -> subprocess.Popen[bytes]:
    return _start(stage, ground.gateways, f"echo-{port}", [str(echo), str(port), "0.0.0.0"])


def _start(
    stage: Stage, namespace: Namespace, name: str, argv: list[str], env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with (stage.folder / f"{name}.log").open("ab") as output, pinned(stage.cores.servers):
        return namespace.start(argv, env, output)


def _must_run(stage: Stage, process: subprocess.Popen[bytes], name: str) -> None:
    if process.poll() is not None:
        raise Failed(f"{name} did not start: {_said(stage, name)}")


def _said(stage: Stage, name: str) -> str:
    lines = (stage.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _compile(stage: Stage, name: str) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Failed("the load and the echo are in C, and there is no compiler (cc)")
    program = stage.folder / name
    subprocess.run([compiler, "-O2", "-o", str(program), str(PEERS / f"{name}.c")], check=True)
    return program


def _most_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def _memory(pid: int) -> int:
    return sum(psutil.Process(own).memory_info().rss for own in _family(pid))


def _family(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def _version(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, env={"PATH": PATH})
    return (done.stdout or done.stderr).splitlines()[0].strip()


def check_possible() -> None:
    """Raise Failed where there can be no namespaces."""
    if reason := missing():
        raise Failed(reason)
