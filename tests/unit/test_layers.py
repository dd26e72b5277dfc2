"""The house's order: who may import whom, and the one home of each library (`CONTRIBUTING.md` says why)."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "python"
OURS = {"clients", "deploy", "ringpost_client", "router", "services", "shared"}

MAY_IMPORT = {
    "shared": {"shared"},
    "router": {"router", "shared"},
    "services/write": {"services.write", "shared"},
    "services/read": {"services.read", "shared"},
    "services": {"services", "shared"},
    # Plans and the ring's tools use the routers' own table.
    "deploy": {
        "deploy",
        "ringpost_client",
        "router.settings",
        "router.simulation",
        "router.status",
        "router.table",
        "services.settings",
        "shared",
    },
    "clients/python": {"ringpost_client"},
}

# The checker's SELECT is its own: it must know nothing of our storage.
HOMES = {
    "asyncpg": ("shared/storage", "deploy/replay/select.py"),
    "sqlalchemy": ("shared/storage",),
    "alembic": ("shared/storage",),
    "redis": ("shared/bus",),
    "hiredis": ("shared/bus",),
    "uhashring": ("router/ring.py",),
    "sqlite3": ("clients/python/ringpost_client/store.py",),
    "jwt": ("shared/auth.py",),
    "proxyprotocol": ("shared/proxy.py",),
}

CORES = [
    "clients/python/ringpost_client/backoff.py",
    "clients/python/ringpost_client/connection.py",
    "clients/python/ringpost_client/bounds.py",
    "clients/python/ringpost_client/counts.py",
    "clients/python/ringpost_client/heartbeat.py",
    "clients/python/ringpost_client/lane.py",
    "clients/python/ringpost_client/line.py",
    "clients/python/ringpost_client/notices.py",
    "clients/python/ringpost_client/outbox.py",
    "clients/python/ringpost_client/polled.py",
    "clients/python/ringpost_client/positions.py",
    "clients/python/ringpost_client/posted.py",
    "clients/python/ringpost_client/session.py",
    "clients/python/ringpost_client/sse.py",
    "clients/python/ringpost_client/steps.py",
    "clients/python/ringpost_client/transport.py",
    "deploy/chat/lines.py",
    "deploy/chat/listing.py",
    "deploy/chat/starts.py",
    "deploy/chat/terminal.py",
    "deploy/chat/transcript.py",
    "deploy/doctor/finding.py",
    "deploy/doctor/gateways.py",
    "deploy/doctor/ring.py",
    "deploy/doctor/secrets.py",
    "deploy/doctor/stores.py",
    "deploy/looking/scrape.py",
    "deploy/looking/system.py",
    "deploy/top/view.py",
    "deploy/fuzz/checker.py",
    "deploy/fuzz/reports.py",
    "deploy/fuzz/schedule.py",
    "deploy/fuzz/shrinker.py",
    "deploy/capacity/model.py",
    "deploy/replay/checker.py",
    "deploy/swarm/book.py",
    "deploy/swarm/delays.py",
    "deploy/swarm/frames.py",
    "deploy/swarm/seating.py",
    "deploy/swarm/stamp.py",
    "router/health.py",
    "router/jhash.py",
    "router/losses.py",
    "router/pool.py",
    "router/simulation.py",
    "router/spots.py",
    "router/status.py",
    "router/table.py",
    "services/read/attendance.py",
    "services/read/cached.py",
    "services/read/channel.py",
    "services/read/hearing.py",
    "services/read/memory.py",
    "services/read/receipts.py",
    "services/read/resume.py",
    "services/read/typing.py",
    "services/write/publications.py",
    "services/write/queue.py",
    "services/write/rates.py",
    "services/write/sends.py",
    "shared/bus/payload.py",
    "shared/bus/topics.py",
    "shared/text.py",
    "shared/web/origins.py",
    "shared/websocket/admissions.py",
    "shared/websocket/frame_reader.py",
]
EFFECTS = {"asyncio", "asyncpg", "fastapi", "os", "random", "redis", "socket", "structlog", "time", "uhashring"}


def modules() -> Iterator[Path]:
    for top in ("shared", "router", "services", "deploy", "clients/python"):
        yield from sorted((ROOT / top).rglob("*.py"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the names of all modules that *path* imports, in full."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def layer(path: Path) -> set[str]:
    relative = path.relative_to(ROOT).as_posix()
    return next(allowed for folder, allowed in sorted(MAY_IMPORT.items(), reverse=True) if relative.startswith(folder + "/"))


def is_under(name: str, allowed: set[str]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in allowed)


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    ours = {name for name in imports(path) if name.split(".")[0] in OURS}

    assert {name for name in ours if not is_under(name, layer(path))} == set()


@pytest.mark.parametrize("library", HOMES)
def test_a_library_has_one_home(library: str) -> None:
    users = {p.relative_to(ROOT).as_posix() for p in modules() if any(is_under(name, {library}) for name in imports(p))}
    types_alone = {"services/read/part.py"} if library == "redis" else set()

    assert {user for user in users - types_alone if not user.startswith(HOMES[library])} == set()


@pytest.mark.parametrize("core", CORES)
def test_a_core_has_no_effects(core: str) -> None:
    assert {name.split(".")[0] for name in imports(ROOT / core)} & EFFECTS == set()
    assert not any(
        isinstance(node, ast.Await | ast.AsyncFunctionDef) for node in ast.walk(ast.parse((ROOT / core).read_text()))
    )
