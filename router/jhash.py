"""The kernel's jhash (Bob Jenkins' lookup3, `include/linux/jhash.h`), as nftables computes it over an address.

`jhash ip saddr mod N seed S` is `scale(jhash(address.packed, S), N)`: tried against Linux 6.18, IPv4 and IPv6. The kernel reads
words in the machine's own byte order; this reads them as x86 and arm64 do.
"""

import struct

GOLDEN = 0xDEADBEEF
MASK = 0xFFFFFFFF
Words = tuple[int, int, int]


def jhash(data: bytes, seed: int) -> int:
    """Return the 32-bit hash of *data*, whose length is a multiple of 4 and not 0."""
    words = struct.unpack(f"<{len(data) // 4}I", data)
    state = ((GOLDEN + len(data) + seed) & MASK,) * 3
    while len(words) > 3:
        state = _mix(*_added(state, words[:3]))
        words = words[3:]
    return _final(*_added(state, words))


def scale(hashed: int, size: int) -> int:
    """Bring a 32-bit hash into 0 … *size* − 1 as nft's `mod` does: a product's upper half, not a remainder."""
    return (hashed * size) >> 32


def _added(state: Words, words: tuple[int, ...]) -> Words:
    a, b, c = (*words, 0, 0)[:3]
    return (state[0] + a) & MASK, (state[1] + b) & MASK, (state[2] + c) & MASK


def _rotated(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & MASK


def _mix(a: int, b: int, c: int) -> Words:
    for bits in (4, 6, 8, 16, 19, 4):
        a, c = ((a - c) & MASK) ^ _rotated(c, bits), (c + b) & MASK
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, bits)) & MASK
        a, b, c = b, c, a
    return b
