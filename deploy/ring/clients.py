"""Clients of a simulation."""

from ipaddress import IPv4Address
from random import Random

NAT_ADDRESSES = 25
_FIRST, _LAST = int(IPv4Address("1.0.0.0")), int(IPv4Address("223.255.255.255"))


def make_clients(many: int, nat: float, nat_addresses: int, seed: int) -> list[IPv4Address]:
    """Return the addresses of so *many* clients, in the order in which they come; a part *nat* shares *nat_addresses*."""
    chance = Random(seed)  # noqa: S311  # a simulation
    shared = [_draw(chance) for _ in range(nat_addresses)]
    behind = round(many * nat)
    clients = [chance.choice(shared) for _ in range(behind)] + [_draw(chance) for _ in range(many - behind)]
    chance.shuffle(clients)
    return clients


def _draw(chance: Random) -> IPv4Address:
    return IPv4Address(chance.randint(_FIRST, _LAST))
