"""What a gateway tells Prometheus."""

import httpx

from tests.gateways import Process


async def figure(process: Process, name: str) -> float:
    """Return the figure *name* (without `ringpost_`, with its labels as they are printed); 0 while there is none yet."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{process.url}/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(lines.get(f"ringpost_{name}", 0.0))
