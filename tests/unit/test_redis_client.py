"""The client of Redis: by TCP, or by a socket in the file system."""

import pytest

from shared.bus.client import connect


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:6379/0", "unix://:secret@/run/redis/redis.sock"])
def test_a_connection_can_be_made_by_either_way(url: str) -> None:
    connection = connect(url, 1.0).connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis has no types here

    assert connection.password == "secret"
    assert connection.socket_timeout == 1.0
