"""Texts that are made to harm: on the page they are texts."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import WIDE, driven, needs_chromium
from tests.browser.person import WAIT_MS, came
from tests.browser.place import opened_place
from tests.gateways import Site
from tests.talk import create, post

RLO, LRO, RLI, ZERO_WIDTH = "\u202e", "\u202d", "\u2067", "\u200b\u200d\ufeff"
HOSTILE = [
    "<script>window.harmed = 1</script>",
    "<img src=x onerror='window.harmed = 2'><svg onload='window.harmed = 3'></svg>",
    "<iframe src='javascript:parent.harmed=4'></iframe>",
    "javascript:window.harmed=5//https://example.org",
    "https://example.org/javascript:alert(1) data:text/html,<script>harmed=6</script> vbscript:x",
    "https://bank.example@evil.example/ http://user:pass@evil.example",
    f"{RLO}gnp.exe {LRO}moc.knab//:sptth {RLI}isolated",
    f"https://example.org/{RLO}gpj.exe",
    f"hidden{ZERO_WIDTH}space",
    "\x1b[31mred\x1b[0m \x07 \x7f",
    "\r\nSet-Cookie: a=b\r\n\r\n<h1>split</h1>",
    "{{base}} ${window.harmed=7} __proto__ constructor %00 &lt;b&gt; &#x3c;",
    "\u2028\u2029line ends",
    "a" * 8_000,
    "👩‍👩‍👧‍👦" * 50 + "Z̸̧̢̛̛̯̫" * 40,
]
MADE = "rp-app :is(script, img, iframe, svg[onload], [onerror], h1 h1)"
FOUND = """() => ({
  elements: document.querySelectorAll("MADE").length,
  links: [...document.querySelectorAll("rp-message .text a")].map((link) => ({
    href: link.getAttribute("href"), text: link.textContent, rel: link.rel })),
  isolated: [...document.querySelectorAll("rp-message .text")].every((text) =>
    getComputedStyle(text).unicodeBidi.includes("isolate")),
  harmed: window.harmed, address: location.href, wide: document.documentElement.scrollWidth > innerWidth })""".replace(
    "MADE", MADE
)

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.timeout(400)]


async def every_text(page: Page) -> list[str]:
    """Return the texts of all messages, from the first to the last, as the page shows them while it is scrolled through."""
    texts: dict[int, str] = {}
    await page.locator(".scroller").evaluate("(it) => { it.scrollTop = 0 }")
    for _ in range(200):
        await page.wait_for_timeout(60)
        rows = await page.evaluate(
            "() => [...document.querySelectorAll('rp-message[data-seq]')].filter((row) => row.querySelector('.text'))"
            ".map((row) => [Number(row.dataset.seq), row.querySelector('.text').textContent])"
        )
        texts |= dict(rows)
        if await page.locator(".scroller").evaluate(
            "(it) => { it.scrollTop += 300; return it.scrollTop + it.clientHeight >= it.scrollHeight - 1 }"
        ):
            break
    return [texts[seq] for seq in sorted(texts)]


async def test_hostile_texts_are_shown_as_texts_and_do_nothing(site: Site) -> None:
    async with opened_place(site) as place, driven() as (_, browser):
        room = await create(place.write, "bob", "alice", title=f"{HOSTILE[0]}{RLO}title", topic=HOSTILE[1])
        for text in HOSTILE:
            assert (await post(place.write, "bob", room, text)).status_code == 201
        alice = await came(await browser.new_context(viewport={"width": 360, "height": 740}), place.read_url, "alice")
        await alice.page.goto(f"{place.read_url}/#/c/{room}")
        await alice.sees("Z̸̧̢̛̛̯̫")
        found = await alice.page.evaluate(FOUND)
        texts = await every_text(alice.page)
        links = await alice.page.evaluate(FOUND)

        assert texts == HOSTILE
        assert found["elements"] == 0
        assert found["isolated"]
        assert not found["wide"]
        assert found["harmed"] is None
        assert found["address"] == f"{place.read_url}/#/c/{room}"
        for link in found["links"] + links["links"]:
            assert link["href"] == link["text"]
            assert link["href"].startswith(("http://", "https://"))
            assert "@" not in link["href"]
            assert "noopener" in link["rel"]
        assert all(url.startswith((place.read_url, place.write_url)) for url in alice.requests)
        assert alice.faults + await alice.violations() == []


async def test_a_text_that_the_service_refuses_is_kept_as_failed_and_can_be_discarded(site: Site) -> None:
    async with opened_place(site) as place, driven() as (_, browser):
        await create(place.write, "alice", title="Supper")
        alice = await came(await browser.new_context(viewport=WIDE), place.read_url, "alice")
        await alice.enter("Supper")
        await alice.page.evaluate("() => { document.querySelector('#write').value = 'null: \\u0000' }")
        await alice.page.press("#write", "Enter")
        failure = alice.page.locator(".failure")
        await expect(failure).to_contain_text("Not sent", timeout=WAIT_MS)
        await failure.get_by_role("button", name="Try again").click()
        await expect(failure).to_contain_text("Not sent", timeout=WAIT_MS)
        await failure.get_by_role("button", name="Discard").click()
        await expect(alice.page.locator("rp-message .text")).to_have_count(0)
        await alice.write("Plain again")
        await expect(alice.page.locator("rp-message.is-pending")).to_have_count(0, timeout=WAIT_MS)

        assert await alice.texts() == ["Plain again"]
        assert alice.faults == []
