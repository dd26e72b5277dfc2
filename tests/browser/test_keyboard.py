"""The page by keyboard alone, and what it tells those who do not look."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import driven, needs_chromium
from tests.browser.person import WAIT_MS, came
from tests.browser.place import opened_place
from tests.gateways import Site
from tests.talk import create, post

NARROWEST: Any = {"width": 320, "height": 568}
FOCUSED = "() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim() ?? ''"
# What can be reached and has no name for those who hear the page.
UNNAMED = """() => {
  const isNamed = (it) =>
    it.hasAttribute("aria-label") || it.hasAttribute("aria-labelledby") || it.labels?.length || it.textContent.trim();
  return [...document.querySelectorAll("button, a[href], input, textarea, select, [role=article], dialog")]
    .filter((it) => it.checkVisibility() && !isNamed(it)).map((it) => it.outerHTML.slice(0, 120));
}"""

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.timeout(400)]


async def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press Tab until what has that name has the focus."""
    for _ in range(40):
        if name in str(await page.evaluate(FOCUSED)):
            return
        await page.keyboard.press(key)
    raise AssertionError(f"Tab does not lead to {name}")


async def test_all_of_a_chat_can_be_done_by_keyboard(site: Site) -> None:
    async with opened_place(site) as place, driven() as (_, browser):
        alice = await came(await browser.new_context(viewport=NARROWEST), place.read_url, "alice")
        page, keys = alice.page, alice.page.keyboard
        await tab_to(page, "New conversation")
        await keys.press("Enter")
        await keys.type("bob, carol")
        await keys.press("Tab")
        await keys.type("Supper")
        await keys.press("Enter")
        await page.wait_for_selector("rp-composer")
        await tab_to(page, "Message")
        for text in ("one", "two", "three"):
            await keys.type(text)
            await keys.press("Enter")
        await expect(page.locator("rp-message.is-pending")).to_have_count(0, timeout=WAIT_MS)
        await expect(page.locator("rp-message .text")).to_have_count(3)

        await tab_to(page, "You, ", "Shift+Tab")
        await keys.press("ArrowUp")
        assert "two" in await page.evaluate(FOCUSED)
        await keys.press("r")
        await keys.type("an answer to two")
        await keys.press("Enter")
        await expect(alice.row("an answer to two").locator(".quote")).to_contain_text("two", timeout=WAIT_MS)
        await tab_to(page, "You, ", "Shift+Tab")
        await keys.press("Home")
        await keys.press("ArrowDown")
        await keys.press("e")
        await keys.press("Control+A")
        await keys.type("first")
        await keys.press("Enter")
        await expect(page.locator("rp-message .text").first).to_have_text("first", timeout=WAIT_MS)
        assert await page.evaluate(UNNAMED) == []
        await tab_to(page, "Back to the list", "Shift+Tab")
        await keys.press("Enter")
        await expect(page.locator("a.room")).to_be_visible()
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert alice.faults + await alice.violations() == []


async def test_a_message_is_told_to_those_who_do_not_look_and_the_skip_links_lead(site: Site) -> None:
    async with opened_place(site) as place, driven() as (_, browser):
        room = await create(place.write, "alice", "bob", title="Supper")
        alice = await came(await browser.new_context(), place.read_url, "alice")
        await alice.enter("Supper")
        await post(place.write, "bob", room, "Is anybody there?")
        await expect(alice.page.locator("[aria-live=polite][role=log]")).to_contain_text("Is anybody there?", timeout=WAIT_MS)
        await tab_to(alice.page, "Skip to the messages", "Shift+Tab")
        await alice.page.keyboard.press("Enter")

        assert "Is anybody there?" in await alice.page.evaluate(FOCUSED)
