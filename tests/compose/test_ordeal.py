"""Nothing is lost, doubled, reordered or altered while the stack is scaled, restarted, killed, stopped and upgraded."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.compose.stack import SERVICES, Stack
from tests.compose.talking import Talking

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
FROZEN_S = 10.0
HOLED = "SELECT 1 FROM events GROUP BY conversation_id HAVING count(*) <> max(seq) OR min(seq) <> 1"


@pytest.fixture
def talk(stack: Stack, tmp_path: Path) -> Iterator[Callable[..., Talking]]:
    """What begins to talk (the arguments are those of `Talking`)."""
    talking: list[Talking] = []

    def begin(**how: int) -> Talking:
        talking.append(Talking(stack, tmp_path, **how))
        return talking[-1]

    yield begin
    for one in talking:
        one.close()


def assert_clean(talking: Talking, stack: Stack) -> None:
    assert talking.faults() == dict.fromkeys(talking.faults(), 0), (talking.words(), stack.logs())
    assert stack.select(HOLED) == ""


def report(what: str, talking: Talking, done: Counter[str]) -> None:
    counts = "   ".join(f"{name} {n}" for name, n in done.items())
    names = ("sent", "acknowledged", "stored", "deliveries", "retried", "reconnects", "moves", "disconnects")
    print(f"\n{what}: {counts}\n  " + "   ".join(f"{name} {talking.total(name):,}" for name in names))
    print(f"  {json.dumps(talking.faults())}   without a socket {max(f['without_socket_ms'] for f in talking.found):,} ms")


def test_scaling_either_side_costs_nobody_a_message_or_a_socket(stack: Stack, talk: Callable[..., Talking]) -> None:
    talking, done = talk(logs=4, lines=300, watchers=6, seconds=45), Counter[str]()
    for read, write in ((4, 1), (4, 3), (1, 3), (1, 1), (2, 1)):
        talking.keep_on()
        stack.scale(read=read, write=write)
        stack.wait_healthy()
        assert (len(stack.containers("read")), len(stack.containers("write"))) == (read, write)
        done["scalings"] += 1
    talking.finish()

    report("scaled", talking, done)
    assert_clean(talking, stack)
    assert talking.total("refused") == talking.total("disconnects") == talking.total("reconnects") == 0
    assert talking.total("moves") > 0
    assert max(found["without_socket_ms"] for found in talking.found) == 0


def test_what_is_restarted_killed_or_stopped_loses_nothing(stack: Stack, talk: Callable[..., Talking]) -> None:
    talking, done = talk(logs=4, lines=400, watchers=4, seconds=60), Counter[str]()
    for service in SERVICES:
        talking.keep_on()
        stack.compose("restart", service)
        stack.wait_healthy()
        done["restarts"] += 1
    for service in SERVICES:
        for container in stack.containers(service):
            talking.keep_on()
            stack.kill(container)
            stack.wait_healthy()
            done["kills"] += 1
    for service in ("redis", "postgres"):
        talking.keep_on()
        stack.freeze(service, FROZEN_S)
        stack.wait_healthy()
        done["stops"] += 1
    talking.finish()

    report("restarted, killed and stopped", talking, done)
    assert_clean(talking, stack)


def test_a_rolling_upgrade_under_many_readers_costs_nobody_anything(stack: Stack, talk: Callable[..., Talking]) -> None:
    talking = talk(logs=3, lines=300, watchers=60, seconds=45)
    stack.build("two")
    before = {id for service in ("read", "write") for id in stack.containers(service)}
    for service in ("migrate", "write", "read"):
        talking.keep_on()
        stack.roll(service)
    for service in ("redis", "postgres"):
        talking.keep_on()
        stack.compose("up", "--detach", "--no-deps", "--force-recreate", "--wait", service)
    talking.finish()

    report("upgraded", talking, Counter(replaced=len(before) + 2))
    assert_clean(talking, stack)
    assert talking.total("disconnects") == talking.total("reconnects") == talking.total("refused") == 0
    assert max(found["without_socket_ms"] for found in talking.found) == 0
    after = [id for service in ("read", "write") for id in stack.containers(service)]
    assert before & set(after) == set()
    labels = [stack.inspect(id)["Config"]["Labels"]["org.opencontainers.image.revision"] for id in after]
    assert labels == ["two"] * len(before)
    assert httpx.get(f"{stack.admin_url}/ready").json()["ready"]
