"""The chat page in Chromium: what two people see of each other, and what becomes of it when something is pulled."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import WIDE, Device, driven, needs_chromium
from tests.browser.person import WAIT_MS, Person, came
from tests.browser.place import Place, opened_place
from tests.gateways import Process, Site
from tests.talk import create, post

SEEN_S = 1.5  # the router looks twice a second
UNHURRIED = {"drain_settle_s": "1", "drain_spread_s": "8"}

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
async def place(site: Site) -> AsyncIterator[Place]:
    async with opened_place(site, readers=2, **UNHURRIED) as place:
        yield place


async def both(browser: Browser, place: Place) -> tuple[Person, Person]:
    """Return alice and bob, who look at the conversation Supper."""
    people = [await came(await browser.new_context(viewport=WIDE), place.read_url, user) for user in ("alice", "bob")]
    for person in people:
        await person.enter("Supper")
    return people[0], people[1]


async def test_what_is_written_offline_by_a_browser_that_is_killed_arrives_once_and_in_order(
    place: Place, tmp_path: Path
) -> None:
    await create(place.write, "alice", "bob", title="Supper")
    offline = [f"offline {n}" for n in range(5)]
    async with driven() as (playwright, browser):
        bob = await came(await browser.new_context(viewport=WIDE), place.read_url, "bob")
        await bob.enter("Supper")
        device = Device(playwright, tmp_path)
        alice = await came(await device.open(), place.read_url, "alice")
        await alice.enter("Supper")
        await alice.write("before")
        await bob.sees("before")
        await alice.page.context.set_offline(True)
        for text in offline:
            await alice.write(text)
        await expect(alice.page.locator("rp-message.is-pending")).to_have_count(5)
        await expect(alice.page.locator("rp-status dl")).to_contain_text("On its way5")
        await device.kill()
        await bob.write("while she was away")

        alice = await came(await device.open(), place.read_url)
        await alice.enter("Supper")
        await bob.sees(offline[-1])
        await expect(alice.page.locator("rp-message.is-pending")).to_have_count(0, timeout=WAIT_MS)

        expected = ["before", "while she was away", *offline]
        assert await bob.texts() == expected
        assert await alice.texts() == expected
        assert [row["seq"] for row in await alice.rows()] == [row["seq"] for row in await bob.rows()] == list(range(2, 9))


async def test_the_page_opens_without_a_network_and_what_was_read_is_there(place: Place) -> None:
    room = await create(place.write, "alice", "bob", title="Supper")
    await post(place.write, "bob", room, "Something to read")
    async with driven() as (_, browser):
        alice = await came(await browser.new_context(viewport=WIDE), place.read_url, "alice")
        await alice.comes_true("navigator.serviceWorker.controller !== null")
        await expect(alice.page.locator("a.room")).to_contain_text("Something to read")
        await asyncio.sleep(1.5)  # the page keeps what it shows once a second
        await alice.page.context.set_offline(True)
        await alice.page.reload()
        await alice.enter("Supper")

        await alice.sees("Something to read")
        await expect(alice.page.locator("rp-status")).to_contain_text("Offline")


async def test_of_two_tabs_of_one_user_one_sends_and_both_show(place: Place) -> None:
    await create(place.write, "alice", title="Supper")
    async with driven() as (_, browser):
        context = await browser.new_context(viewport=WIDE)
        first = await came(context, place.read_url, "alice")
        second = await came(context, place.read_url)
        for tab in (first, second):
            await tab.enter("Supper")
        await first.page.context.set_offline(True)
        for n in range(3):
            await first.write(f"first {n}")
            await second.write(f"second {n}")
        await first.page.context.set_offline(False)
        for tab in (first, second):
            await expect(tab.page.locator("rp-message.is-pending")).to_have_count(0, timeout=60_000)
            await expect(tab.page.locator("rp-message .text")).to_have_count(6, timeout=WAIT_MS)

        writes = [sum(place.write_url.removeprefix("http") in url for url in tab.sockets) > 0 for tab in (first, second)]
        assert sorted(writes) == [False, True]
        assert await first.texts() == await second.texts()
        for name in ("first", "second"):
            assert [text for text in await first.texts() if text.startswith(name)] == [f"{name} {n}" for n in range(3)]


async def replace(place: Place, gateways: list[Process], number: signal.Signals) -> None:
    """End these gateways one after the other, each once another one is there."""
    for gateway in gateways:
        await place.start_reader()
        await asyncio.sleep(SEEN_S)
        gateway.signal(number)
        async with asyncio.timeout(40):
            await gateway.ended()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["told to stop", "killed"])
async def test_both_read_gateways_are_replaced_in_mid_chat_and_nothing_is_missing_or_twice(
    place: Place, number: signal.Signals
) -> None:
    await create(place.write, "alice", "bob", title="Supper")
    async with driven() as (_, browser):
        alice, bob = await both(browser, place)
        for person in (alice, bob):
            await person.record()
        replacing = asyncio.create_task(replace(place, list(place.readers), number))
        many = 0
        while not replacing.done():
            await alice.write(f"m{many}")
            many += 1
            await asyncio.sleep(0.15)
        await replacing
        for person in (alice, bob):
            await person.sees(f"m{many - 1}")
            for numbers in await person.recorded():
                assert numbers == list(range(numbers[0], numbers[-1] + 1)), "something is missing, comes twice or out of order"
            assert (await person.recorded())[-1][-1] == many - 1


async def test_an_edit_a_deletion_a_reaction_and_a_reply_are_seen_on_the_other_side(place: Place) -> None:
    await create(place.write, "alice", "bob", title="Supper")
    async with driven() as (_, browser):
        alice, bob = await both(browser, place)
        await alice.write("Soup at sevn?")
        await alice.write("Never mind")
        await bob.sees("Never mind")
        await alice.page.press("#write", "ArrowUp")
        await expect(alice.page.locator("#write")).to_have_value("Never mind")
        await alice.page.press("#write", "Escape")

        await alice.row("Soup").click()
        await alice.page.keyboard.press("e")
        await alice.write("Soup at seven?")
        await bob.sees("Soup at seven?")
        await expect(bob.row("Soup at seven?")).to_contain_text("edited")

        await alice.row("Never mind").click()
        await alice.page.keyboard.press("Delete")
        await alice.page.locator("dialog button.danger").click()
        await bob.sees("This message was deleted.")
        assert "Never mind" not in await bob.page.inner_text("rp-messages")

        await bob.row("Soup").click()
        await bob.page.keyboard.press("+")
        await bob.page.locator("dialog .emoji button").first.click()
        await expect(alice.row("Soup").locator(".reaction")).to_have_text("👍1", timeout=WAIT_MS)
        await alice.row("Soup").locator(".reaction").click()
        await expect(bob.row("Soup").locator(".reaction")).to_have_text("👍2", timeout=WAIT_MS)

        await bob.row("Soup").click()
        await bob.page.keyboard.press("r")
        await bob.write("I bring bread")
        await expect(alice.row("I bring bread").locator(".quote")).to_contain_text("Soup at seven?", timeout=WAIT_MS)
        assert alice.faults + bob.faults + await alice.violations() + await bob.violations() == []


async def test_typing_reading_presence_and_unread_counts_are_seen_on_the_other_side(place: Place) -> None:
    await create(place.write, "alice", "bob", title="Supper")
    async with driven() as (_, browser):
        alice, bob = await both(browser, place)
        await bob.page.type("#write", "I thi")
        await expect(alice.page.locator(".typing-line")).to_contain_text("is typing", timeout=WAIT_MS)
        await alice.write("Read this")
        await bob.page.bring_to_front()
        await expect(alice.row("Read this").locator(".mark.read")).to_be_visible(timeout=WAIT_MS)

        await bob.page.goto(f"{place.read_url}/#/")
        await alice.write("And this, later")
        await expect(bob.page.locator("a.room .count")).to_have_text("1", timeout=WAIT_MS)
        await bob.enter("Supper")
        await expect(bob.page.locator("a.room .count")).to_have_count(0, timeout=WAIT_MS)

        await alice.page.get_by_label("Members and settings").first.click()
        await expect(alice.page.locator(".members .avatar.online")).to_have_count(1, timeout=WAIT_MS)
        await bob.page.context.close()
        await expect(alice.page.locator(".members .avatar.offline")).to_have_count(1, timeout=60_000)


async def test_members_are_added_promoted_and_removed_and_the_title_changed(place: Place) -> None:
    async with driven() as (_, browser):
        alice = await came(await browser.new_context(viewport=WIDE), place.read_url, "alice")
        carol = await came(await browser.new_context(viewport=WIDE), place.read_url, "carol")
        await alice.page.get_by_label("New conversation").click()
        await alice.page.get_by_label("With", exact=True).fill("bob")
        await alice.page.get_by_label("Title (optional)").fill("Supper")
        await alice.page.get_by_role("button", name="Start", exact=True).click()
        await alice.page.get_by_label("Members and settings").first.click()
        await alice.page.get_by_label("Somebody's user name").fill("carol")
        await alice.page.get_by_role("button", name="Invite").click()

        await carol.page.get_by_role("button", name="Join").click()
        await carol.page.wait_for_selector("rp-composer")
        await alice.page.get_by_label("Role of carol").select_option("moderator")
        await alice.page.get_by_label("Name", exact=True).fill("Late supper")
        await alice.page.get_by_role("button", name="Save").first.click()
        await expect(carol.page.locator("#room-title")).to_have_text("Late supper", timeout=WAIT_MS)
        await expect(carol.page.locator(".happening").last).to_be_visible()
        await alice.page.get_by_label("Remove bob").click()
        await expect(alice.page.locator(".members li")).to_have_count(2, timeout=WAIT_MS)
        await alice.page.get_by_label("Remove carol").click()

        await expect(carol.page.locator("a.room")).to_have_count(0, timeout=WAIT_MS)
        await expect(carol.page.locator(".troubles")).to_contain_text("no longer in that conversation")
