"""All looks at once, and what they found."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import httpx

from deploy.doctor.finding import Finding, beware, wrong
from deploy.doctor.gateways import judge_agreement, judge_gateways
from deploy.doctor.machine import judge_machine, read_machine
from deploy.doctor.ring import judge_registry, judge_routers
from deploy.doctor.round_trip import round_trip
from deploy.doctor.secrets import judge_door, judge_keys
from deploy.doctor.stores import judge_postgres, judge_redis
from deploy.local.access import Access
from deploy.local.servers import TIMEOUT_S, Servers
from deploy.looking.asking import look
from deploy.looking.system import System
from shared.bus import inspection as redis_inspection
from shared.bus.inspection import RedisFacts
from shared.errors import Unavailable
from shared.storage import inspection as postgres_inspection
from shared.storage.inspection import PostgresFacts

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Patient:
    """What is to be looked at, as far as it is known here."""

    routers: Mapping[str, str]
    servers: Servers | None
    access: Access | None


async def examine(patient: Patient, *, is_deep: bool) -> list[Finding]:
    """Return what was found; *is_deep* sends a message, too."""
    system, redis, postgres = await asyncio.gather(look(patient.routers), _ask_redis(patient), _ask_postgres(patient))
    local = patient.access.local if patient.access else None
    findings = judge_routers(system.routers, is_local=local is not None) + judge_gateways(system.gateways)
    findings += judge_agreement(system.routers, system.gateways)
    findings += _judge_redis(redis, system) + ([postgres] if isinstance(postgres, Finding) else judge_postgres(postgres))
    findings += await _judge_access(patient, is_deep=is_deep)
    return findings + judge_machine(read_machine(local.data if local else None))


def _judge_redis(found: RedisFacts | Finding, system: System) -> list[Finding]:
    if isinstance(found, Finding):
        return [found]
    statuses = [router.status for router in system.routers if router.status is not None]
    return judge_redis(found) + judge_registry(found.pools, statuses)


async def _ask_redis(patient: Patient) -> RedisFacts | Finding:
    url = patient.servers.redis_url if patient.servers else None
    if patient.servers is None or url is None:
        return _unknown("redis", "RINGPOST_REDIS_URL")
    return await _or_away(redis_inspection.inspect(url, patient.servers.prefix, TIMEOUT_S), "redis")


async def _ask_postgres(patient: Patient) -> PostgresFacts | Finding:
    url = patient.servers.postgres_url if patient.servers else None
    if url is None:
        return _unknown("postgres", "RINGPOST_POSTGRES_URL")
    return await _or_away(postgres_inspection.inspect(url, TIMEOUT_S), "postgres")


async def _or_away(asked: Awaitable[Facts], name: str) -> Facts | Finding:
    try:
        return await asked
    except Unavailable as error:
        cause = type(error.__cause__ or error).__name__
        return wrong(name, f"does not answer ({cause})", "Start it; see its log, the network to it, and its password.")


def _unknown(name: str, variable: str) -> Finding:
    return beware(name, "was not looked at", f"Set {variable}, as for a gateway.")


async def _judge_access(patient: Patient, *, is_deep: bool) -> list[Finding]:
    servers, access = patient.servers, patient.access
    findings = judge_keys(servers.jwt_key, servers.admin_key) if servers else []
    if access is None:
        return findings
    findings += judge_door(access.read_url, await _has_dev_tokens(access.read_url), access.local is not None)
    if is_deep:
        findings.append(await _try(access, servers))
    return findings


async def _try(access: Access, servers: Servers | None) -> Finding:
    if servers is None or servers.jwt_key is None:
        return beware("round trip", "was not tried", "Set RINGPOST_JWT_KEY, as for a gateway.")
    return await round_trip(access.read_url, access.write_url, servers.jwt_key)


async def _has_dev_tokens(url: str) -> bool:
    """Say whether the route is there: it takes POST alone."""
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            return (await client.get(f"{url}/v1/dev/token")).status_code == httpx.codes.METHOD_NOT_ALLOWED
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def worst(findings: Sequence[Finding]) -> int:
    """Return 1 if anything is to be done, else 0."""
    return int(any(finding.do for finding in findings))
