"""What the doctor makes of what it sees: each case by itself, and a system that is well."""

from dataclasses import replace

import pytest

from deploy.doctor.examination import worst
from deploy.doctor.finding import Finding, Level
from deploy.doctor.gateways import judge_agreement, judge_gateways
from deploy.doctor.machine import judge_machine
from deploy.doctor.ring import judge_registry, judge_routers
from deploy.doctor.secrets import judge_door, judge_keys
from deploy.doctor.stores import judge_postgres, judge_redis
from deploy.looking.scrape import Scrape
from deploy.looking.system import Router, Seen, Told
from router.status import GatewayStatus, PoolStatus, RingStatus, RouterStatus
from router.table import Shape
from shared.bus.inspection import RedisFacts, read_pubsub_limit
from shared.bus.registry import Gateway, GatewayState
from shared.storage.inspection import PostgresFacts

POSTGRES = PostgresFacts(
    version=170_002, syncs=True, writes_full_pages=True, synchronous_commit="on", most_connections=197, is_standby=False,
    clock_s=0.0, bytes=1 << 30, connections=20, waiting=0, longest_s=0.0, oldest_transaction=1000, dead_rows=0.0,
    migrators_waiting=0, revision="0004", newest_revision="0004", epoch="e",
)  # fmt: skip
RECORD = Gateway("read-1", "10.0.0.1", 8080, GatewayState.READY, 5, 15_000)
REDIS = RedisFacts(
    server="Redis", version="8.0.1", has_field_ttl=True, used_bytes=1 << 20, most_bytes=1 << 28, policy="volatile-lru",
    evicted=0, connections=30, most_connections=10_000, pubsub_bytes=64 << 20, clock_s=0.0, pools={"read": (RECORD,)},
)  # fmt: skip
GATEWAY = GatewayStatus("read-1", "10.0.0.1:8080", "active", 60.0, True, False, 0.0, 1, 0.5, 5, 5, 64, 15_000)
OTHER = GatewayStatus("read-2", "10.0.0.2:8080", "active", 60.0, True, False, 0.0, 1, 0.5, 5, 5, 64, 15_000)
FIGURES = """
ringpost_info{name="read-1",role="read",version="1"} 1
ringpost_read_epoch 7
ringpost_connections 100
ringpost_connections_limit 15000
process_max_fds 20000
"""


def router(
    *gateways: GatewayStatus, name: str = "router-1", signature: str = "0123456789abcdef", reasons: tuple[str, ...] = ()
) -> Router:
    pool = PoolStatus("read", signature, False, 0.25, gateways or (GATEWAY, OTHER), [], RingStatus([], [], []))
    status = RouterStatus(name, "1", "relay", 60.0, "registry", True, reasons, Shape(), [pool])
    return Router(name, "http://r", status, None)


def told(text: str = FIGURES, **given: object) -> Told:
    return replace(Told(True, (), (), Scrape(text, 0.0), 0.0), **given)  # type: ignore[arg-type]


def seen(one: Told | None, gateway: GatewayStatus = GATEWAY) -> Seen:
    return Seen(gateway.name, gateway.address, ("read",), gateway, one)


def changed(gateway: GatewayStatus, **given: object) -> GatewayStatus:
    fields = {name: getattr(gateway, name) for name in gateway.__struct_fields__}
    return GatewayStatus(**(fields | given))


def said(findings: list[Finding]) -> str:
    return "\n".join(f"{one.level}: {one.what}" for one in findings)


def test_what_is_well_is_said_in_a_line_each() -> None:
    findings = [
        *judge_routers([router()]),
        *judge_gateways([seen(told())]),
        *judge_agreement([], [seen(told())]),
        *judge_postgres(POSTGRES),
        *judge_redis(REDIS),
        *judge_registry(REDIS.pools, []),
        *judge_keys("9sd8f7gh6jk5l4qw3e2r1tyzuioplkjh", None),
        *judge_machine({"somaxconn": 4096, "disk_free": 0.5}),
    ]

    assert {one.level for one in findings} == {Level.WELL}
    assert len(findings) == 8
    assert worst(findings) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 130_004}, "wrong: is of version 13"),
        ({"syncs": False}, "wrong: fsync is off"),
        ({"writes_full_pages": False}, "wrong: full_page_writes is off"),
        ({"synchronous_commit": "off"}, "wrong: synchronous_commit is off"),
        ({"is_standby": True}, "wrong: is a standby"),
        ({"revision": None}, "wrong: has no schema"),
        ({"revision": "0003"}, "wrong: has the schema 0003, and 0004 is the newest"),
        ({"revision": "0005"}, "beware: has a newer schema"),
        ({"connections": 190}, "beware: 190 of 197 connections are taken"),
        ({"longest_s": 90.0}, "beware: a transaction has been open for 90 s"),
        ({"waiting": 3}, "beware: 3 statements wait for locks"),
        ({"oldest_transaction": 1_800_000_000}, "wrong: vacuum has fallen far behind"),
        ({"dead_rows": 5.0}, "beware: conversations has 5 dead rows"),
        ({"migrators_waiting": 1}, "beware: a migration waits"),
        ({"clock_s": -60.0}, "beware: its clock is -60 s"),
    ],
)
def test_each_fault_of_postgres_is_found(changes: dict[str, object], words: str) -> None:
    findings = judge_postgres(replace(POSTGRES, **changes))  # type: ignore[arg-type]

    assert words in said(findings)
    assert worst(findings) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"has_field_ttl": False, "version": "7.2.0"}, "wrong: is Redis 7.2.0"),
        ({"most_bytes": 0}, "beware: has no bound on its memory"),
        ({"policy": "noeviction"}, "wrong: refuses writes"),
        ({"policy": "allkeys-lru"}, "beware: may throw out the pools"),
        ({"pubsub_bytes": 1 << 20}, "beware: cuts a subscriber with 1.0 MiB unread"),
        ({"connections": 9_900}, "beware: 9900 of 10000 connections"),
        ({"clock_s": 7.0}, "beware: its clock is +7 s"),
    ],
)
def test_each_fault_of_redis_is_found(changes: dict[str, object], words: str) -> None:
    assert words in said(judge_redis(replace(REDIS, **changes)))  # type: ignore[arg-type]


def test_a_subscribers_limit_is_read_among_others() -> None:
    assert read_pubsub_limit("normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60") == 33554432
    assert read_pubsub_limit("normal 0 0 0") is None


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (told(is_ready=False, reasons=("deaf",)), "wrong: is not ready: deaf"),
        (told(is_ready=False, reasons=("postgres",)), "wrong: is not ready: postgres"),
        (told(degraded=("redis",)), "beware: does without redis"),
        (None, "beware: answers routers, and not us"),
        (told(FIGURES.replace("limit 15000", "limit 110")), "beware: has 100 of 110 connections"),
        (told(FIGURES.replace("fds 20000", "fds 1024")), "wrong: may open 1,024 files and takes 15,000"),
        (told(FIGURES + 'ringpost_http_answers_total{status="500"} 2\n'), "beware: has answered with errors of its own"),
        (told(FIGURES + "ringpost_read_poison_total 1\n"), "beware: has heard publications that are not ours"),
        (told(FIGURES + "ringpost_write_queue 900\nringpost_write_queue_limit 1000\n"), "wrong: has 900 sends in its queue"),
    ],
)
def test_each_fault_of_a_gateway_is_found(one: Told | None, words: str) -> None:
    assert words in said(judge_gateways([seen(one)]))


def test_what_must_be_alike_is_compared() -> None:
    def differing(text: str, **given: object) -> str:
        return said(judge_agreement([], [seen(told()), seen(told(text, **given), OTHER)]))

    assert "beware: versions differ (1: read-1; 2: read-2)" in differing(FIGURES.replace('version="1"', 'version="2"'))
    assert "wrong: gateways serve different histories" in differing(FIGURES.replace("epoch 7", "epoch 8"))
    assert "beware: the clock of read-2 is +61 s" in differing(FIGURES, clock_s=61.0)


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        (changed(GATEWAY, state="down"), "wrong: read-1 (10.0.0.1:8080) does not answer its looks"),
        (changed(GATEWAY, state="draining", since_s=300.0), "wrong: read-1 (10.0.0.1:8080) drains for 300 s"),
        (changed(GATEWAY, held_s=9.0), "beware: read-1 (10.0.0.1:8080) fell again and again"),
        (changed(GATEWAY, is_listed=False), "wrong: read-1 (10.0.0.1:8080) serves and is not in the registry"),
        (changed(GATEWAY, is_full=True), "beware: read-1 (10.0.0.1:8080) is full at 5"),
    ],
)
def test_each_fault_that_a_router_sees_is_found(gateway: GatewayStatus, words: str) -> None:
    assert words in said(judge_routers([router(gateway, OTHER)]))


def test_routers_that_are_away_differ_or_complain_are_found() -> None:
    def complaining(reason: str) -> str:
        return said(judge_routers([router(reasons=(reason,))]))

    assert "wrong: does not answer at http://r: no" in said(judge_routers([Router("r", "http://r", None, None, "no")]))
    assert "hold different tables of read" in said(judge_routers([router(), router(name="router-2", signature="ff")]))
    assert "beware: read: most of the pool is lost" in complaining("read: most of the pool is lost")
    assert "wrong: no gateway in read" in complaining("no gateway in read")
    assert "clients' addresses are hidden" in complaining("read: clients' addresses are hidden")
    assert "one gateway alone serves read" in said(judge_routers([router(GATEWAY)]))
    assert worst(judge_routers([router(GATEWAY)], is_local=True)) == 0


def test_the_registry_and_the_routers_are_compared() -> None:
    status = router().status
    assert status is not None
    stranger = Gateway("read-9", "10.0.0.9", 8080, GatewayState.READY, 0, 1)

    assert "wrong: is empty: read" in said(judge_registry({"read": ()}, []))
    assert "wrong: lists read-9 in read, whom router-1 does not know" in said(judge_registry({"read": (stranger,)}, [status]))


def test_weak_keys_and_open_doors_are_found() -> None:
    assert "RINGPOST_JWT_KEY has 6 bytes" in said(judge_keys("secret", None))
    assert "RINGPOST_ADMIN_KEY can be guessed" in said(judge_keys(None, "rpa_" + "0" * 40))
    assert "hands a token of any user" in said(judge_door("http://x", has_dev_tokens=True, is_local=False))
    assert judge_door("http://x", has_dev_tokens=True, is_local=True) == []


def test_narrow_limits_of_the_machine_are_found() -> None:
    text = said(judge_machine({"somaxconn": 128, "conntrack": 90, "conntrack_most": 100, "disk_free": 0.03}))

    assert "beware: net.core.somaxconn is 128" in text
    assert "wrong: 90 of 100 flows are tracked" in text
    assert "wrong: 3% of the disk is free" in text
