"""Somebody at the page: what they do with it, and what they see."""

from time import monotonic
from typing import Any

from playwright.async_api import BrowserContext, Page, WebSocket, expect

# At each change of what is drawn: the numbered messages that are on the page, in the order of the page.
_RECORD = """() => {
  window.seen = [];
  const look = () => {
    const texts = [...document.querySelectorAll("rp-message .text")].map((text) => text.textContent);
    const numbers = texts.map((text) => /^m(\\d+)$/.exec(text)).filter(Boolean).map(([, number]) => Number(number));
    if (numbers.length > 0) window.seen.push(numbers);
  };
  const all = { childList: true, subtree: true, characterData: true };
  new MutationObserver(look).observe(document.querySelector(".canvas"), all);
  look();
}"""
_ROWS = """() => [...document.querySelectorAll("rp-message")].filter((row) => row.querySelector(".text")).map((row) => ({
  seq: Number(row.dataset.seq ?? 0), text: row.querySelector(".text").textContent, state: row.className }))"""
_WATCH = """() => {
  window.violations = [];
  const tell = ({ violatedDirective, blockedURI }) => window.violations.push(`${violatedDirective} ${blockedURI}`);
  document.addEventListener("securitypolicyviolation", tell);
}"""
WAIT_MS = 60_000  # a busy machine is no fault of the page


class Person:
    """One page of one user."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self._url = page, url
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.sockets: list[str] = []
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(f"a dialog: {dialog.message}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", self._count)

    def _count(self, socket: WebSocket) -> None:
        self.sockets.append(socket.url)

    async def go(self, address: str = "/") -> None:
        await self.page.goto(self._url + address)

    async def sign_in(self, user: str) -> None:
        await self.page.wait_for_selector("#gate.asks")
        await self.page.fill("#user", user)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_selector("rp-app")

    async def connected(self) -> None:
        await self.page.wait_for_selector("rp-status.up")

    async def enter(self, title: str) -> None:
        """Open the conversation of that title."""
        await self.page.locator("a.room", has_text=title).click()
        await self.page.wait_for_selector("rp-composer")

    async def write(self, text: str) -> None:
        await self.page.fill("#write", text)
        await self.page.press("#write", "Enter")

    async def sees(self, text: str) -> None:
        await expect(self.page.locator("rp-message .text", has_text=text).first).to_be_visible(timeout=WAIT_MS)

    async def comes_true(self, expression: str) -> None:
        """Wait for it. Playwright's own wait evaluates a string within the page, which the page's policy forbids."""
        ends = monotonic() + WAIT_MS / 1000
        while not await self.page.evaluate(expression):
            assert monotonic() < ends, f"did not come true: {expression}"
            await self.page.wait_for_timeout(50)

    async def rows(self) -> list[dict[str, Any]]:
        """Return the messages on the page, in its order: seq (0: not acknowledged yet), text, state."""
        rows: list[dict[str, Any]] = await self.page.evaluate(_ROWS)
        return rows

    async def texts(self) -> list[str]:
        return [row["text"] for row in await self.rows()]

    def row(self, text: str) -> Any:
        return self.page.locator("rp-message", has_text=text)

    async def record(self) -> None:
        """From now on keep what is seen of the messages m0, m1, m2 … at each change."""
        await self.page.evaluate(_RECORD)

    async def recorded(self) -> list[list[int]]:
        recorded: list[list[int]] = await self.page.evaluate("window.seen")
        return recorded

    async def violations(self) -> list[str]:
        violations: list[str] = await self.page.evaluate("window.violations")
        return violations


async def came(context: BrowserContext, url: str, user: str | None = None) -> Person:
    """Open the page in a new tab, and sign in as *user* (None: as before)."""
    await context.add_init_script(f"({_WATCH})()")
    person = Person(
        context.pages[0] if context.pages and context.pages[0].url == "about:blank" else await context.new_page(), url
    )
    await person.go()
    if user is not None:
        await person.sign_in(user)
    await person.connected()
    return person
