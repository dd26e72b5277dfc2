"""What a gateway's answer to a look says."""

import pytest

from router.health import State
from router.probe import read_answer

HEAD = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{}", State.ACTIVE),
        (HEAD + b'{"ready":false,"reasons":["postgres"]}', State.NOT_READY),
        (HEAD + b'{"ready":false,"reasons":["draining"]}', State.DRAINING),
        (HEAD + b'{"reasons":["draining"', State.NOT_READY),
        (HEAD + b'{"reasons":"draining"}', State.NOT_READY),
        (HEAD, State.NOT_READY),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", State.NOT_READY),
        (b"", State.DOWN),
        (b"SSH-2.0-OpenSSH_9.2\r\n", State.DOWN),
    ],
)
def test_answers_are_read(answer: bytes, state: State) -> None:
    assert read_answer(answer) is state
