"""What the Python client's HTTP calls make of faults that httpx does not call its own."""

from typing import NoReturn

import httpcore
import pytest
from ringpost_client import Api, Unavailable

NOBODY = "http://127.0.0.1:1"


async def test_a_connection_that_is_reset_as_soon_as_it_is_opened_is_no_way_through(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*_: object, **__: object) -> NoReturn:
        # httpcore's anyio backend on uvloop, as a replay met it: chance alone brings it about.
        raise AttributeError("'NoneType' object has no attribute 'setsockopt'")

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    api = Api(NOBODY, NOBODY)
    with pytest.raises(Unavailable) as refused:
        await api.poll("token", {}, timeout_s=5)
    await api.close()

    assert refused.value.code == "unreachable"
