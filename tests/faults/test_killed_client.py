"""The Python client is killed (SIGKILL) at each step of a send: the send is stored once all the same."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from uuid import uuid4

from ringpost_client import Client

from tests.faults.dying_client import Step
from tests.gateways import Site, running, token
from tests.outboxes import kept_texts
from tests.talk import create

DEATH_S = 60.0
LEFT = {
    Step.BEFORE_STORED: [],
    Step.STORED: ["two"],
    Step.OUT: ["two"],
    Step.ACKNOWLEDGED: ["two"],
    Step.DELETED: [],
}


async def live_until(step: Step, about: dict[str, str]) -> int | None:
    """Run a client that dies at *step*; return how it ended."""
    words = (sys.executable, "-m", "tests.faults.dying_client", json.dumps(about | {"step": step.value}))
    process = await asyncio.create_subprocess_exec(*words)
    try:
        async with asyncio.timeout(DEATH_S):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()


async def go_on(about: dict[str, str]) -> list[str]:
    """Be the same app again: it says what it does not know to be acknowledged. Return the texts that are stored."""
    async with Client(about["read"], about["write"], about["token"], state=Path(about["state"])) as client, asyncio.timeout(30):
        room = client.conversation(about["room"])
        said = [await room.send(text, id=about[text]) for text in ("one", "two")]
        for message in said:
            await message.acknowledged
        return [event.text for event in (await room.log(after=0)).events if event.type == "message"]


async def test_a_send_whose_client_is_killed_at_any_step_is_stored_once(site: Site, tmp_path: Path) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")

        async def suffer(step: Step) -> tuple[int | None, list[str], list[str]]:
            state = tmp_path / step.name
            about = {"read": read.url, "write": write.url, "token": token("alice"), "state": str(state)}
            about |= {"room": await create(write, "alice"), "one": str(uuid4()), "two": str(uuid4())}
            ended = await live_until(step, about)
            return ended, kept_texts(state), await go_on(about)

        outcomes = await asyncio.gather(*map(suffer, Step))

    assert dict(zip(Step, outcomes, strict=True)) == {step: (-signal.SIGKILL, LEFT[step], ["one", "two"]) for step in Step}
