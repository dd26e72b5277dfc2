"""What the page keeps of itself on a device, when that hangs, is damaged or gone: nobody sees an empty page."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.chromium import WIDE, Device, driven, needs_chromium
from tests.browser.person import WAIT_MS, Person, came
from tests.browser.place import Place, opened_place
from tests.gateways import Site
from tests.talk import create

# Whether all that the page was made of is kept.
WHOLE = """(async () => {
  const [name] = await caches.keys();
  if (name === undefined) return false;
  const cache = await caches.open(name);
  const paths = performance.getEntriesByType("resource").map(({ name }) => name).filter((url) => url.includes("/page/"));
  const found = await Promise.all(paths.map((path) => cache.match(path).then((answer) => answer.text())));
  return found.length > 50;
})().catch(() => false)"""
HANGS = "void (CacheStorage.prototype.open = () => new Promise(() => {}))"

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
async def place(site: Site) -> AsyncIterator[Place]:
    async with opened_place(site) as place:
        await create(place.write, "alice", title="Supper")
        yield place


async def kept(context: BrowserContext, place: Place) -> Person:
    """Return alice, once her browser keeps the page whole."""
    alice = await came(context, place.read_url, "alice")
    await is_whole(alice)
    return alice


async def is_whole(alice: Person) -> None:
    await alice.comes_true("navigator.serviceWorker.controller !== null")
    await alice.comes_true(WHOLE)


async def test_a_cache_that_does_not_answer_is_passed_by(place: Place) -> None:
    async with driven() as (_, browser):
        alice = await kept(await browser.new_context(viewport=WIDE), place)
        await alice.page.context.service_workers[0].evaluate(HANGS)
        await alice.page.reload()

        await alice.connected()
        await alice.enter("Supper")


async def test_a_cache_that_somebody_deleted_is_made_anew_and_serves_without_a_network(place: Place) -> None:
    async with driven() as (_, browser):
        alice = await kept(await browser.new_context(viewport=WIDE), place)
        await alice.page.evaluate("caches.keys().then((names) => Promise.all(names.map((name) => caches.delete(name))))")
        await alice.page.reload()
        await alice.connected()
        await is_whole(alice)
        await alice.page.context.set_offline(True)
        await alice.page.reload()

        await expect(alice.page.locator("rp-status")).to_contain_text("Offline", timeout=WAIT_MS)


@pytest.mark.parametrize("left", [0.0, 0.5], ids=["emptied", "halved"])
async def test_a_cache_that_is_damaged_on_the_disk_is_made_anew(place: Place, tmp_path: Path, left: float) -> None:
    async with driven() as (playwright, _):
        device = Device(playwright, tmp_path)
        await kept(await device.open(), place)
        await device.kill()
        damaged = damage(tmp_path, left)
        alice = await came(await device.open(), place.read_url)
        await alice.enter("Supper")
        await is_whole(alice)

        assert damaged > 50
        assert alice.faults == []


def damage(profile: Path, left: float) -> int:
    """Cut what the browser keeps of pages to this part of its length; return how many files that were."""
    files = [path for path in profile.glob("Default/Service Worker/CacheStorage/**/*_0") if path.is_file()]
    for path in files:
        with path.open("r+b") as file:
            file.truncate(int(path.stat().st_size * left))
    return len(files)


async def test_a_worker_that_never_answers_is_done_without(place: Place) -> None:
    async with driven() as (_, browser):
        alice = await kept(await browser.new_context(viewport=WIDE), place)
        # All that the page asks it for waits for ever.
        await alice.page.context.service_workers[0].evaluate("void (part = () => new Promise(() => {}))")
        await alice.page.reload(wait_until="commit")

        await alice.connected()
