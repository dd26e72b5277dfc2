"""How a host product signs its users in to the page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from tests.browser.chromium import WIDE, driven, needs_chromium
from tests.browser.person import WAIT_MS
from tests.browser.place import opened_place
from tests.gateways import Site, free_port, token
from tests.talk import create

HOST = """<!doctype html><title>A product</title><iframe src="{page}" width="1000" height="700"></iframe><script>
window.asked = 0;
window.addEventListener("message", ({{ source, origin, data }}) => {{
  if (origin !== "{page}" || data.type !== "ringpost:ready") return;
  window.asked += 1;
  source.postMessage({{ type: "ringpost:token", token: "{token}" }}, origin);
}});
</script>"""

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.timeout(400)]


@asynccontextmanager
async def hosted(port: int, page: str) -> AsyncIterator[str]:
    """Serve the page of a host product at *port*."""
    body = HOST.format(page=page, token=token("alice")).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


async def test_a_host_that_is_named_embeds_the_page_and_hands_it_a_token(site: Site) -> None:
    port = free_port()
    async with opened_place(site, page_hosts=f"http://127.0.0.1:{port}", dev_tokens="false") as place:
        await create(place.write, "alice", title="Supper")
        async with hosted(port, place.read_url) as host, driven() as (_, browser):
            page = await (await browser.new_context(viewport=WIDE)).new_page()
            await page.goto(host)
            frame = page.frame_locator("iframe")

            await expect(frame.locator("a.room")).to_contain_text("Supper", timeout=WAIT_MS)
            assert await page.evaluate("window.asked") == 1


async def test_a_host_that_is_not_named_gets_no_page(site: Site) -> None:
    port = free_port()
    async with (
        opened_place(site, page_hosts="https://app.example") as place,
        hosted(port, place.read_url) as host,
        driven() as (_, browser),
    ):
        page = await (await browser.new_context(viewport=WIDE)).new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        await page.goto(host)
        await page.wait_for_timeout(2_000)

        assert await page.evaluate("window.asked") == 0
        assert any("frame-ancestors" in text for text in refused)


async def test_a_token_behind_the_address_signs_in_and_is_erased_at_once(site: Site) -> None:
    async with opened_place(site, dev_tokens="false") as place, driven() as (_, browser):
        room = await create(place.write, "alice", title="Supper")
        page = await (await browser.new_context(viewport=WIDE)).new_page()
        await page.goto(f"{place.read_url}/#token={token('alice')}&to=/c/{room}")

        await expect(page.locator("#room-title")).to_have_text("Supper", timeout=WAIT_MS)
        assert page.url == f"{place.read_url}/#/c/{room}"
        await page.reload()
        await expect(page.locator("#room-title")).to_have_text("Supper", timeout=WAIT_MS)


async def test_without_a_token_and_without_development_tokens_there_is_nothing_to_fill_in(site: Site) -> None:
    async with opened_place(site, dev_tokens="false") as place, driven() as (_, browser):
        page = await (await browser.new_context(viewport=WIDE)).new_page()
        await page.goto(place.read_url)

        await expect(page.locator("#sign-in-problem")).to_contain_text("Open this page from the product", timeout=WAIT_MS)
        await expect(page.locator("#sign-in")).to_be_hidden()


async def test_a_page_whose_modules_did_not_come_loads_again_by_itself(site: Site) -> None:
    async with opened_place(site, dev_tokens="false") as place, driven() as (_, browser):
        await create(place.write, "alice", title="Supper")
        page = await (await browser.new_context(viewport=WIDE)).new_page()
        failures = iter([True, True])
        await page.route("**/web/src/chat.js", lambda route: route.abort() if next(failures, False) else route.continue_())
        await page.goto(f"{place.read_url}/#token={token('alice')}")

        await expect(page.locator("a.room")).to_contain_text("Supper", timeout=WAIT_MS)
