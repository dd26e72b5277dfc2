"""The browser that the page is tried in: Chromium as the system has it, driven by Playwright."""

import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.async_api import Browser, BrowserContext, Error, Playwright, async_playwright

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
# As root it refuses its sandbox, and containers often have little shared memory.
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions")
LACKING = "chromium is not there: the page is not tried in a browser (Debian has it: apt-get install chromium)"
WIDE: Any = {"width": 1280, "height": 800}

needs_chromium = pytest.mark.skipif(not BROWSER or find_spec("playwright") is None, reason=LACKING)


@asynccontextmanager
async def driven() -> AsyncIterator[tuple[Playwright, Browser]]:
    """Run a browser; each context of it is a person's, with nothing kept."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        try:
            yield playwright, browser
        finally:
            await browser.close()


class Device:
    """A browser whose profile outlives it."""

    def __init__(self, playwright: Playwright, profile: Path) -> None:
        self._playwright, self._profile = playwright, profile
        self.context: BrowserContext | None = None

    async def open(self) -> BrowserContext:
        self.context = await self._playwright.chromium.launch_persistent_context(
            self._profile, executable_path=BROWSER, args=FLAGS, viewport=WIDE
        )
        return self.context

    async def kill(self) -> None:
        """End it without a word (SIGKILL), as the machine's power would."""
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if f"--user-data-dir={self._profile}" in words and not any(word.startswith("--type=") for word in words):
                process.send_signal(signal.SIGKILL)
                process.wait(10)
        with suppress(Error):
            assert self.context is not None
            await self.context.close()
