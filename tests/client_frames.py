"""A client's frames, made by hand: right ones, and such as no WebSocket library would send."""

KEY = bytes.fromhex("37fa213d")
FIN = 0x80
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode: int, payload: bytes = b"", *, fin: int = FIN, rsv: int = 0, key: bytes = KEY) -> bytes:
    """Return a client's frame, with the shortest length that holds."""
    size = len(payload)
    long = b"" if size < 126 else size.to_bytes(2 if size < 65_536 else 8, "big")
    short = size if size < 126 else {2: 126, 8: 127}[len(long)]
    masked = bytes(byte ^ key[n % 4] for n, byte in enumerate(payload))
    return bytes((fin | rsv | opcode, 0x80 | short)) + long + key + masked


def part(opcode: int, payload: bytes = b"") -> bytes:
    """Return a fragment that is not the last."""
    return frame(opcode, payload, fin=0)


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)
