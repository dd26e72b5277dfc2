"""Take the pictures of docs/screenshots: `python -m tests.browser.screenshots` (Chromium; the font Inter, if it is there)."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

import httpx
from playwright.async_api import Browser, Page
from websockets.asyncio.client import ClientConnection, connect

from deploy.local.found import Local
from shared.auth import sign
from tests.browser.chromium import WIDE, driven
from tests.system import READY, ROOT, Up

OUT = ROOT / "docs" / "screenshots"
READ = 13
WAIT_MS = 240_000  # a busy machine takes its time
NARROW: Any = {"width": 360, "height": 740}
PEOPLE = {
    "mira": "Mira Okafor",
    "jonas": "Jonas Lindqvist",
    "priya": "Priya Nair",
    "tomas": "Tomás Reyes",
    "yuki": "Yuki Tanaka",
}
LAUNCH = [
    ("jonas", "Morning! The release notes are ready for a last look: https://example.org/notes/4.2"),
    ("jonas", "Tomás, is the migration rehearsed?"),
    ("tomas", "Twice. 41 seconds on the copy of production, and back again without a scratch."),
    ("priya", "That is faster than my kettle 🫖"),
    ("mira", "Lovely. Then let us go at ten, when Yuki is awake too."),
    ("yuki", "Guten Morgen, I am awake. Dashboards are green, on-call is me until six."),
    (
        "tomas",
        "One question: do we keep the old endpoint for a week, or until the last client has moved? I would wait for it;"
        " there are four left, and two of them update on Thursdays.",
    ),
    ("mira", "Until the last one. Nobody should have to hurry for us."),
    ("mira", "I'll write to the four of them today."),
    ("jonas", "Perfect 👏"),
]
OTHERS = [
    ("Kitchen", [("priya", "Who took the good mug?"), ("mira", "Define good."), ("priya", "The one that I am not holding.")]),
    ("Design review", [("yuki", "New icons are in the folder"), ("jonas", "The ring one is great")]),
    ("Reading club", [("tomas", "Chapter 5 until Friday?"), ("yuki", "Make it six")]),
]


class Scene:
    """A conversation or two that look as if people had them."""

    def __init__(self, local: Local, http: httpx.AsyncClient) -> None:
        self._local, self._http, self._run = local, http, token_hex(2)

    def _id(self, user: str) -> str:
        """Return a user's id, which is another one each time."""
        return f"{user}-{self._run}"

    def token(self, user: str) -> str:
        return sign(self._local.jwt_key, self._id(user), 3600, time.time(), PEOPLE.get(user, "Noor Haddad"))

    async def _post(self, by: str, path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token(by)}"}
        answer = await self._http.post(self._local.write_url + path, json={"id": str(uuid4()), **body}, headers=headers)
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    async def say(self, room: str, user: str, text: str, **more: Any) -> int:
        told = await self._post(user, f"/v1/conversations/{room}/messages", text=text, **more)
        seq: int = told["seq"]
        return seq

    async def react(self, room: str, user: str, seq: int, emoji: str) -> None:
        await self._post(user, f"/v1/conversations/{room}/messages", type="react", seq=seq, emoji=emoji)

    @asynccontextmanager
    async def present(self, user: str, room: str) -> AsyncIterator[ClientConnection]:
        """Have somebody there, who has got all of it and read most."""
        socket_url = self._local.read_url.replace("http", "ws", 1) + "/v1/socket"
        async with connect(socket_url, compression=None, open_timeout=60, ping_interval=None) as socket:
            await socket.send(json.dumps({"type": "hello", "token": self.token(user)}))
            for _ in range(2):
                await socket.recv()
            await socket.send(json.dumps({"type": "delivered", "conversation": room, "seq": READ}))
            await socket.send(json.dumps({"type": "read", "conversation": room, "seq": READ - 3 if user == "tomas" else READ}))
            async with asyncio.TaskGroup() as tasks:
                pinging = tasks.create_task(_ping(socket))
                yield socket
                pinging.cancel()

    async def group(self, title: str, topic: str | None = None) -> str:
        room = await self._post("mira", "/v1/conversations", title=title, topic=topic, members=list(map(self._id, PEOPLE))[1:])
        return str(room["conversation"])

    async def set_up(self) -> str:
        """Return the conversation that is looked at."""
        for title, lines in OTHERS:
            room = await self.group(title)
            for user, text in lines:
                await self.say(room, user, text)
        direct = (await self._post("priya", "/v1/direct", user=self._id("mira")))["conversation"]
        await self.say(direct, "priya", "Lunch? There is soup.")
        launch = await self.group("Launch week", "Ringpost 4.2, Thursday at ten")
        seqs = [await self.say(launch, user, text) for user, text in LAUNCH]
        await self.react(launch, "priya", seqs[2], "🎉")
        await self.react(launch, "mira", seqs[2], "🎉")
        await self.react(launch, "yuki", seqs[2], "👍")
        await self.react(launch, "tomas", seqs[7], "❤️")
        await self.say(launch, "priya", "And I bring cake, which is what launches are for.", reply_to=seqs[0])
        return launch


async def _ping(socket: ClientConnection) -> None:
    while True:
        await asyncio.sleep(4)
        await socket.send(json.dumps({"type": "ping"}))


@contextmanager
def running_up() -> Iterator[Up]:
    """Run a system of its own, ready."""
    with tempfile.TemporaryDirectory(prefix="ringpost-page-") as folder:
        Path(folder).chmod(0o755)
        up = Up(Path(folder) / "data")
        try:
            up.wait_until(READY)
            yield up
        finally:
            up.close()


async def main() -> None:
    async with httpx.AsyncClient(timeout=30) as http, driven() as (_, browser):
        with running_up() as up:
            await take_all(browser, up.read_url, Scene(up.local(), http))


async def take_all(browser: Browser, url: str, scene: Scene) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    room = await scene.set_up()
    async with AsyncExitStack() as stack:
        others = {user: await stack.enter_async_context(scene.present(user, room)) for user in list(PEOPLE)[1:]}
        for scheme in ("light", "dark"):
            mira = await opened(browser, url, scene.token("mira"), f"/c/{room}", scheme)
            await others["yuki"].send(json.dumps({"type": "typing", "conversation": room}))
            await mira.wait_for_selector(".typing-line:not(:empty)")
            await take(mira, f"wide-{scheme}")
            await mira.set_viewport_size(NARROW)
            await take(mira, f"narrow-{scheme}")
            await mira.goto(f"{url}/#/")
            await take(mira, f"narrow-list-{scheme}")
            if scheme == "light":
                await mira.set_viewport_size(WIDE)
                await mira.goto(f"{url}/#/c/{room}")
                await show_members_and_tools(mira)
        await take(await opened(browser, url, scene.token("nobody"), "/", "light"), "empty-light")
    gate = await (await browser.new_context(viewport=WIDE, color_scheme="dark")).new_page()
    await gate.goto(url)
    await gate.wait_for_selector("#gate.asks", timeout=WAIT_MS)
    await take(gate, "sign-in-dark")


async def show_members_and_tools(mira: Page) -> None:
    await mira.get_by_label("Members and settings").first.click()
    await mira.wait_for_selector(".members li")
    await mira.context.set_offline(True)
    await mira.fill("#write", "Written in a tunnel: it goes out when there is a network again.")
    await mira.press("#write", "Enter")
    await mira.locator("rp-status summary").click()
    await mira.locator("rp-message", has_text="I'll write").hover()
    await mira.wait_for_selector("rp-status:not(.up)", timeout=WAIT_MS)
    await take(mira, "offline-members-light")


async def opened(browser: Browser, url: str, token: str, to: str, scheme: Any) -> Page:
    context = await browser.new_context(viewport=WIDE, color_scheme=scheme, locale="en-GB", reduced_motion="reduce")
    page = await context.new_page()
    page.set_default_timeout(WAIT_MS)
    await page.goto(f"{url}/#token={token}&to={to}")
    await page.wait_for_selector("rp-status.up")
    await page.wait_for_timeout(2_000)
    return page


async def take(page: Page, name: str) -> None:
    await page.wait_for_timeout(700)
    await page.screenshot(path=OUT / f"{name}.jpg", type="jpeg", quality=86)


if __name__ == "__main__":
    asyncio.run(main())
