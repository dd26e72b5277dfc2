"""Run one gateway: `python -m services`, told by its environment (`ringpost settings gateway`)."""

import gc
import sys

import uvloop

from services.gateway import Gateway
from services.settings import GatewaySettings
from shared.logs import configure
from shared.settings import load_or_exit


async def _run(settings: GatewaySettings) -> None:
    gateway = Gateway(settings)
    gc.collect()
    gc.freeze()
    await gateway.run()


def main() -> None:
    settings = load_or_exit(GatewaySettings)
    configure(settings, name=settings.name)
    try:
        uvloop.run(_run(settings))
    except OSError as error:
        print(f"ringpost: cannot listen at {settings.host}:{settings.port}: {error.strerror}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
