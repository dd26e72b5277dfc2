"""What a schedule is: devices, and steps with times. Pure data, that can be printed and read again."""

from enum import StrEnum

import msgspec


class Sdk(StrEnum):
    PYTHON = "python"
    JS = "js"


class Keeper(StrEnum):
    """Who keeps how far the app has seen: the SDK on its disk, or the app in a log of its own."""

    SDK = "sdk"
    APP = "app"


class Act(StrEnum):
    """What a step does. *amount*, *for_ms* and *of* of a step are what is said here; other acts leave them out."""

    SEND = "send"  # amount: so many at once; of: the room's number
    KILL = "kill"  # SIGKILL; for_ms: started again after it
    DIE = "die"  # as SEND, but the process dies at the amount-th step that the SDK makes from now on
    RESTART = "restart"  # closed as the SDK wants it; for_ms: started again after it
    SLEEP = "sleep"  # the process stands still (SIGSTOP) for_ms
    CUT = "cut"  # its connections are reset
    TEAR = "tear"  # its connections are reset after amount more bytes
    SLOW = "slow"  # for_ms, everything takes amount ms longer
    SILENT = "silent"  # for_ms, nothing comes through, and nobody is told
    LOSE = "lose"  # its connections are half-open: reset after for_ms, or (0) left to the heartbeats
    OFFLINE = "offline"  # for_ms, nothing can be reached; the client is hinted at both ends of it
    PLAIN = "plain"  # for_ms, no WebSocket passes: its connections are reset, and each that wants to become one
    ELSEWHERE = "elsewhere"  # its connections are reset; it comes back from another address
    CLOCK = "clock"  # its wall clock is wrong by amount seconds from now on
    RIVAL = "rival"  # another process wants the same outbox
    GATEWAY = "gateway"  # a process of the system is killed; of: its kind


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """*device* is a place in the schedule's devices; *of* a service (of the network), a room, or a part of the system."""

    at_ms: int
    act: Act
    device: int = 0
    amount: int = 0
    for_ms: int = 0
    of: str = ""

    def __str__(self) -> str:
        device = "" if self.act is Act.GATEWAY else f" device {self.device}"
        amount = f" {self.amount:,}" if self.amount else ""
        during = f" for {self.for_ms:,} ms" if self.for_ms else ""
        return f"{self.at_ms:>6,} ms {device} {self.act.value}{amount}{during}{f' ({self.of})' if self.of else ''}"


class Device(msgspec.Struct, frozen=True):
    """One client of a user, who may have several; each has a folder of its own."""

    user: str
    keeper: Keeper


class Schedule(msgspec.Struct, frozen=True):
    """What is done to the clients of one SDK in *rooms* many conversations of their own; steps in the order of their times."""

    seed: int
    number: int
    sdk: Sdk
    rooms: int
    devices: tuple[Device, ...]
    steps: tuple[Step, ...]

    def with_steps(self, steps: tuple[Step, ...]) -> "Schedule":
        return msgspec.structs.replace(self, steps=steps)

    def __str__(self) -> str:
        devices = ", ".join(f"{n} of {device.user} ({device.keeper.value})" for n, device in enumerate(self.devices))
        return "\n".join([f"devices {devices}; rooms {self.rooms}", *map(str, self.steps)])


def encode(schedule: Schedule) -> str:
    """Return one line that `decode` reads."""
    return msgspec.json.encode(schedule).decode()


def decode(line: str) -> Schedule:
    """Return the schedule of a line; raise ValueError for any other line."""
    return msgspec.json.decode(line, type=Schedule)
