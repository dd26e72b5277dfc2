"""What the figures were measured on, and with which versions."""

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import psutil
from redis.asyncio import Redis

from tests.bench.cores import Cores
from tests.bench.stage import ROOT, Stage

BLOCK, TRIES = bytes(8192), 100


def describe_machine(cores: Cores, folder: Path) -> dict[str, Any]:
    """Return the machine in words and figures. *folder* lies on the disk that the database is on."""
    own = {
        "flush_to_disk_ms": round(1_000 * _flush_s(folder / "flush"), 2),
        "servers_on_core": cores.servers,
        "load_on_core": cores.load,
    }
    return describe_host() | own | {"measured_on": datetime.now(UTC).date().isoformat()}


def describe_host() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


async def describe_versions(stage: Stage, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of ours, of the servers and of *packages*."""
    connection = await asyncpg.connect(stage.postgres.url)
    postgres = await connection.fetchval("SHOW server_version")
    await connection.close()
    redis = Redis.from_url(stage.valkey.url)
    valkey = (await redis.info("server"))["valkey_version"]
    await redis.aclose()
    return own_versions() | {"postgres": postgres, "valkey": valkey} | {package: version(package) for package in packages}


def own_versions() -> dict[str, str]:
    return {"ringpost": f"{version('ringpost')}{_commit()}", "python": platform.python_version()}


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor() or platform.machine()


def _flush_s(path: Path) -> float:
    """Return how long the disk takes to keep a block for good, which is what each commit waits for."""
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.pwrite(file, BLOCK * TRIES, 0)
        os.fsync(file)
        return median(_flush_block(file, n) for n in range(TRIES))
    finally:
        os.close(file)
        path.unlink()


def _flush_block(file: int, number: int) -> float:
    began = time.perf_counter()
    os.pwrite(file, BLOCK, number * len(BLOCK))
    os.fdatasync(file)
    return time.perf_counter() - began


def _commit() -> str:
    """Return the commit that is measured, in words; nothing where this is no checkout."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        return f" (commit {commit}{', changed' if _git('status', '--porcelain', '--untracked-files=no') else ''})"
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
