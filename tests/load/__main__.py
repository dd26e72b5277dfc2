"""`make load` and `make load-ui`: see that a system is there, then let locust send to it."""

import argparse
import os
import sys
from pathlib import Path

from deploy.local.errors import LocalError
from tests.load.mix import MIXES
from tests.load.target import find_target

RAMP_S = 10


def main() -> None:
    options = _parse()
    try:
        find_target().check()
    except LocalError as error:
        sys.exit(f"load: {error}")
    mix = MIXES[options.mix]
    sends = mix.per_second * options.users
    load = f"{options.users:,} users, {sends:,.0f} sends and {mix.deliveries_a_send() * sends:,.0f} deliveries a second"
    print(f"{mix.name}: {mix.about}; {load}", flush=True)
    rate = max(1, options.users // RAMP_S)
    words = ["-f", str(Path(__file__).with_name("locustfile.py")), "--mix", mix.name, "-u", str(options.users), "-r", str(rate)]
    words += ["--stop-timeout", "40"]
    if not options.ui:
        words += ["--headless", "--only-summary", "--run-time", f"{options.seconds + RAMP_S}s"]
    # gevent's cooperative sockets must come before anything else, so locust is a process of its own.
    os.execv(sys.executable, [sys.executable, "-m", "locust", *words])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="People who chat, by locust, checked.")
    parser.add_argument("--mix", choices=sorted(MIXES), default="messenger")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--ui", action="store_true", help="start and watch it in a browser")
    return parser.parse_args()


if __name__ == "__main__":
    main()
