"""Nothing is lost, doubled, reordered or altered while the stack is scaled, restarted, killed and stopped."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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

    def begin(**how: Any) -> Talking:
        talking.append(Talking(stack, tmp_path, **how))
        return talking[-1]

    yield begin
    for one in talking:
        one.close()


def assert_clean(talking: Talking, stack: Stack) -> None:
    assert talking.faults() == dict.fromkeys(talking.faults(), 0), (talking.words(), stack.logs())
    assert stack.select(HOLED) == ""


def test_scaling_either_side_costs_nobody_a_message_or_a_socket(stack: Stack, talk: Callable[..., Talking]) -> None:
    talking, done = talk(logs=4, lines=300, watchers=6, seconds=45), Counter[str]()
    for read, write in ((4, 1), (4, 3), (1, 3), (1, 1), (2, 1)):
        talking.keep_on()
        stack.scale(read=read, write=write)
        stack.wait_healthy()
        assert (len(stack.containers("read")), len(stack.containers("write"))) == (read, write)
        done["scalings"] += 1
    talking.finish()

    talking.report("scaled", done)
    assert_clean(talking, stack)
    assert talking.total("refused") == talking.total("disconnects") == talking.total("reconnects") == 0
    assert talking.total("moves") > 0
    assert talking.without_socket_ms == 0


def test_what_is_restarted_killed_or_stopped_loses_nothing(stack: Stack, talk: Callable[..., Talking]) -> None:
    talking, done = talk(logs=4, lines=400, watchers=4, seconds=60), Counter[str]()
    for service in SERVICES:
        talking.keep_on()
        stack.compose("restart", service)
        stack.wait_healthy()
        done["restarts"] += 1
        print(f"\n  {service} restarted", end="", flush=True)
    for service in SERVICES:
        for container in stack.containers(service):
            talking.keep_on()
            stack.kill(container)
            stack.wait_healthy()
            done["kills"] += 1
            print(f"\n  {service} killed", end="", flush=True)
    for service in ("redis", "postgres"):
        talking.keep_on()
        stack.freeze(service, FROZEN_S)
        stack.wait_healthy()
        done["stops"] += 1
        print(f"\n  {service} stopped for {FROZEN_S:.0f} s", end="", flush=True)
    talking.finish()

    talking.report("restarted, killed and stopped", done)
    assert_clean(talking, stack)
