import random

import pytest

from deploy.replay.killer import Stop, choose, members, parse_stop, parse_targets

PROCESSES = {"postgres": 1, "redis": 2, "router-1": 3, "write-1": 4, "read-1": 5, "read-2": 6}


def test_targets_are_named_by_their_parts() -> None:
    assert parse_targets("read, write,redis") == ("read", "write", "redis")
    assert parse_targets("") == ()
    with pytest.raises(ValueError, match="'cat' is no part"):
        parse_targets("read,cat")


@pytest.mark.parametrize("text", ["cat:3", "redis:soon", "", "read,write:3", "redis:0", "redis:-1", "redis:nan", "redis:inf"])
def test_a_stop_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_stop(text)


def test_a_stop_is_a_part_and_seconds() -> None:
    assert parse_stop("redis:2.5") == Stop("redis", 2.5)
    assert parse_stop("redis") == Stop("redis", 20.0)


def test_a_part_is_every_process_of_its_kind() -> None:
    assert members(PROCESSES, "read") == ["read-1", "read-2"]
    assert members({"both-1": 1}, "write") == ["both-1"]
    assert choose(PROCESSES, "postgres", random.Random(1)) == "postgres"
    assert {choose(PROCESSES, "read", random.Random(seed)) for seed in range(20)} == {"read-1", "read-2"}
    assert choose({}, "read", random.Random(1)) is None
