"""Whether a gateway's answers to strangers come back through this machine, as the kernel plane needs.

A connection is begun in the name of an address that nobody has (RFC 5737, RFC 3849). The gateway's answer to it is seen by this
kernel if the gateway's route to strangers leads through here.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Collection

from router.conntrack import Flow, end_flows, list_flows
from router.netfilter import Spot

STRANGER = {4: "192.0.2.1", 6: "2001:db8::1"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
TRANSPARENT = {4: (socket.IPPROTO_IP, 19), 6: (socket.IPPROTO_IPV6, 75)}
WAIT_S, LOOK_S, TRIES = 1.0, 0.02, 5


async def any_comes_back(spots: Collection[Spot]) -> bool:
    """Say whether the answers of any do; a busy machine may hear them late."""
    for _ in range(TRIES):
        if any(await asyncio.gather(*(asyncio.to_thread(comes_back, spot) for spot in spots))):
            return True
    return False


def comes_back(spot: Spot) -> bool:
    """Say whether it does; a gateway on this machine has no other way."""
    address, port = spot
    if address.is_loopback:
        return True
    with socket.socket(FAMILY[address.version], socket.SOCK_STREAM) as stranger:
        stranger.setblocking(False)
        stranger.setsockopt(*TRANSPARENT[address.version], 1)
        stranger.bind((STRANGER[address.version], 0))
        with contextlib.suppress(BlockingIOError):
            stranger.connect((str(address), port))
        own = stranger.getsockname()[1]
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            found = [flow for flow in list_flows(address.version) if _is_that(flow, spot, own)]
            if any(flow.is_answered for flow in found):
                end_flows(found)
                return True
            time.sleep(LOOK_S)
    return False


def _is_that(flow: Flow, spot: Spot, own: int) -> bool:
    return flow.client.port == own and (flow.gateway.address, flow.gateway.port) == (spot[0].packed, spot[1])
