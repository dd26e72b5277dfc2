"""`make scaling-report`: the same load against 1, 2, 4 read and 1, 2 write gateways, up to the knee."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from deploy.capacity.system import RATES_OFF, Running, all_serve, own_system
from deploy.swarm.errors import Failed
from deploy.swarm.herd import Door, open_herd
from deploy.swarm.rooms import make_rooms
from deploy.swarm.seating import Seating
from deploy.swarm.talk import open_talk
from shared.auth import sign
from tests.bench.load.texts import load_texts
from tests.bench.machine import describe_host, own_versions
from tests.bench.quota import can_hold, held
from tests.bench.ramp import Crowd, Ramp, Step, climb
from tests.bench.scaling_page import HALLS, PAIRS, SHAPES, Found, draw_scaling, write_scaling

TTL_S, CONNECT_S, PROCESS_GUESTS = 3600, 90.0, 1_000
HALL_RATES = (20, 40, 80, 120, 160, 240, 320, 480, 640)
PAIR_RATES = (200, 400, 600, 800, 1_200, 1_600, 2_400, 3_200, 4_800)
RATES = {HALLS: HALL_RATES, PAIRS: PAIR_RATES}
# (read, write): the loads that it is given
SYSTEMS = {(1, 1): (HALLS, PAIRS), (2, 1): (HALLS,), (4, 1): (HALLS,), (1, 2): (PAIRS,)}
SHARES = {HALLS: ("read", 0.15), PAIRS: ("write", 0.15)}


async def measure(seconds: float, guests: int, most_steps: int) -> list[Ramp]:
    ramps: list[Ramp] = []
    for (read, write), loads in SYSTEMS.items():
        async with own_system(read, write, RATES_OFF) as running:
            await all_serve(running, read, write)
            for load in loads:
                async with _crowd(running, load, guests) as crowd:
                    shares = (SHARES[load][1], None) if can_hold() else (None,)
                    for share in shares:
                        climbing = climb(crowd, RATES[load][:most_steps], seconds)
                        ramps.append(await _ramp(crowd, load, (read, write), share, climbing))
                        _tell(ramps[-1])
    return ramps


async def _ramp(
    crowd: Crowd, load: str, system: tuple[int, int], share: float | None, climbing: Awaitable[Sequence[Step]]
) -> Ramp:
    kind, _ = SHARES[load]
    pids = [pid for name, pid in crowd.running.local.processes.items() if name.startswith(f"{kind}-")]
    with held(pids, share) if share is not None else nullcontext():
        return Ramp(load, *system, share, await climbing)


@asynccontextmanager
async def _crowd(running: Running, load: str, guests: int) -> AsyncIterator[Crowd]:
    """Yield guests who are connected straight to the gateways, and those who talk to them."""
    seating = Seating(f"scaling-{os.getpid()}-{time.monotonic_ns()}", guests, guests // SHAPES[load])
    local = running.local
    rooms = await make_rooms(running.write, local.admin_key, seating)
    read, write = (list(running.gateways(pool).values()) for pool in ("read", "write"))
    tokens = [sign(local.jwt_key, seating.speaker(n), TTL_S, time.time()) for n in range(seating.speakers)]
    async with open_herd(guests, PROCESS_GUESTS) as herd:
        await herd.begin(seating, Door(read, local.jwt_key))
        await herd.until_live(guests, CONNECT_S)
        async with open_talk(write, tokens, rooms, load_texts().endless()) as talk:
            yield Crowd(running, herd, talk)


def _tell(ramp: Ramp) -> None:
    share = f", {ramp.share:.0%} of a core each" if ramp.share else ""
    print(f"{ramp.load}: {ramp.read} read, {ramp.write} write{share}", flush=True)
    for number, step in enumerate(ramp.steps):
        mark = "  knee" if number == ramp.knee else ""
        waits = " ".join(f"{name} {ms[0]:.1f}/{ms[1]:.1f} ms" for name, ms in (("ack", step.ack_ms), ("push", step.push_ms)))
        cores = " ".join(f"{name} {used:.2f}" for name, used in step.cores.items())
        done = f"{step.sends:6,.0f} of {step.asked:6,.0f} sends/s, {step.deliveries:8,.0f} deliveries/s"
        print(f"  {done}, {waits}, {cores}{mark}", flush=True)


def main() -> None:
    options = _parse(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell in the background had them ignored
        signal.signal(number, signal.default_int_handler)
    try:
        ramps = uvloop.run(measure(options.seconds, options.guests, options.steps))
    except KeyboardInterrupt:
        sys.exit(130)
    except (TimeoutError, Failed) as error:
        sys.exit(f"scaling: {error or 'it took too long'}")
    machine = describe_host() | {"measured_on": datetime.now(UTC).date().isoformat(), "seconds_a_step": options.seconds}
    if options.out is not None:
        _write(Found(machine, own_versions(), options.guests, ramps), options.out)
        print(f"Written: scaling.json, .md and .svg in {options.out}")


def _write(found: Found, folder: Path) -> None:
    whole = asdict(found)
    for ramp, told in zip(found.ramps, whole["ramps"], strict=True):
        told["knee"] = ramp.knee
    texts = {
        "json": json.dumps(whole, indent=1) + "\n",
        "md": write_scaling(found),
        "svg": draw_scaling(found),
    }
    for ending, text in texts.items():
        (folder / f"scaling.{ending}").write_text(text, encoding="utf-8")


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each step is (3)")
    parser.add_argument("--guests", type=int, default=2_000, help="clients that are connected (2,000)")
    parser.add_argument("--steps", type=int, default=len(HALL_RATES), help="so many at most")
    parser.add_argument("--out", type=Path, default=None, help="where the report goes; nowhere if not given")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
