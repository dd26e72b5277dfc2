"""The load's own clients: whole frames and answers, however the bytes are cut."""

import asyncio

import pytest

from deploy.swarm.http import LOST, Answer, Connection, make_request
from deploy.swarm.websocket import Socket, only_text, text_frame
from shared.frames import wire
from tests.bench.cores import Cores, choose_cores
from tests.bench.load.texts import load_texts

PAYLOADS = [b"{}", b"x" * 125, b"x" * 126, b"y" * 70_000]
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("size", [1, 2, 7, 1_000, 1_000_000])
async def test_frames_are_whole_however_they_are_cut(size: int) -> None:
    opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    heard: list[bytes] = []
    socket = Socket(opened)
    socket.on_text = heard.append
    data = UPGRADED + b"".join(map(wire, PAYLOADS))

    for start in range(0, len(data), size):
        socket.data_received(data[start : start + size])

    assert opened.done()
    assert heard == PAYLOADS


@pytest.mark.parametrize("payload", PAYLOADS)
def test_one_whole_frame_is_known_from_parts_and_from_several(payload: bytes) -> None:
    frame = wire(payload)

    assert only_text(frame) == payload
    assert only_text(frame + frame) is None
    assert all(only_text(frame[:size]) is None for size in (*range(12), len(frame) - 1) if size < len(frame))
    assert only_text(b"\x88" + frame[1:]) is None


async def test_what_is_taken_as_a_whole_is_not_taken_apart_unless_something_is_left_from_before() -> None:
    opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    whole, heard = list[bytes](), list[bytes]()

    def take(data: bytes) -> bool:
        if only_text(data) is None:
            return False
        whole.append(data)
        return True

    socket = Socket(opened)
    socket.data_received(UPGRADED)
    socket.on_text = heard.append
    socket.on_data = take
    frame = wire(b"hello")

    socket.data_received(frame)
    socket.data_received(frame + frame[:3])
    socket.data_received(frame[3:])

    assert whole == [frame]
    assert heard == [b"hello", b"hello"]


async def test_a_close_frame_and_a_cut_are_faults_unless_the_load_has_closed() -> None:
    faults: list[str] = []
    socket = Socket(asyncio.get_running_loop().create_future())
    socket.connection_made(Wire())
    socket.on_fault = faults.append
    socket.data_received(UPGRADED + b"\x88\x02\x0f\xa1")
    assert faults == ["a server closed a socket with 4001"]

    socket.close()
    socket.connection_lost(None)

    assert len(faults) == 1


@pytest.mark.parametrize("payload", PAYLOADS[:3])
def test_a_frame_of_the_load_is_masked_as_a_client_must(payload: bytes) -> None:
    frame = text_frame(payload)

    assert frame[1] & 0x80
    assert frame.endswith(bytes(4) + payload)


@pytest.mark.parametrize("size", [1, 3, 1_000])
async def test_an_answer_is_whole_however_it_is_cut(size: int) -> None:
    connection = Connection()
    connection.connection_made(Wire())
    answers: list[Answer] = []
    connection.ask(make_request("GET", "/", "token"), answers.append)
    data = b'HTTP/1.1 201 Created\r\nContent-Type: a/b\r\nContent-Length: 9\r\n\r\n{"seq":1}'

    for start in range(0, len(data), size):
        connection.data_received(data[start : start + size])

    assert answers == [Answer(201, b'{"seq":1}')]


async def test_a_request_on_a_dead_connection_is_answered_as_lost() -> None:
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    answers: list[Answer] = []
    connection.ask(b"one", answers.append)
    connection.connection_lost(None)
    wire.is_closed = True
    connection.ask(b"two", answers.append)

    assert answers == [LOST, LOST]


def test_texts_are_made_where_there_are_no_logs(tmp_path: object) -> None:
    from pathlib import Path

    texts = load_texts(Path(str(tmp_path)))

    assert texts.source == "made sentences"
    assert len(set(texts.encoded)) > 100


@pytest.mark.parametrize(("available", "cores"), [({0, 1}, Cores(0, 1)), ({5, 3, 9}, Cores(3, 5)), ({4}, Cores(4, 4))])
def test_the_first_core_is_the_servers_and_the_second_the_loads(available: set[int], cores: Cores) -> None:
    assert choose_cores(available) == cores
