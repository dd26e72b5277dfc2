"""The chat page as a browser gets it: its files, what they may do, and one message across."""

import re

import httpx
import pytest

from tests.browser.chromium import WIDE, driven, needs_chromium
from tests.browser.person import came
from tests.browser.place import opened_place
from tests.gateways import Site, running
from tests.talk import create


async def test_the_page_comes_with_a_policy_and_all_that_it_names_is_there(site: Site) -> None:
    async with running(site), httpx.AsyncClient(base_url=(await site.start("read")).url) as http:
        page = await http.get("/")
        named = re.findall(r'(?:href|src)="(/[^"]+)"', page.text)
        files = [await http.get(path) for path in (*named, "/worker.js")]

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "<script>" not in page.text
    assert "{{" not in page.text
    assert len(named) > 50
    assert [file.status_code for file in files] == [200] * len(files)
    assert {file.headers["content-security-policy"] for file in files} == {policy}


async def test_a_file_is_kept_for_ever_and_the_page_asked_for_anew(site: Site) -> None:
    async with running(site), httpx.AsyncClient(base_url=(await site.start("read")).url) as http:
        page = await http.get("/")
        again = await http.get("/", headers={"If-None-Match": page.headers["etag"]})
        module = await http.get(re.findall(r'src="([^"]+)"', page.text)[0])
        plain = await http.get(str(module.url), headers={"Accept-Encoding": "identity"})

    assert page.headers["cache-control"] == "no-cache"
    assert again.status_code == 304
    assert "immutable" in module.headers["cache-control"]
    assert module.headers["content-type"] == "text/javascript; charset=utf-8"
    assert module.headers["content-encoding"] == "gzip"
    assert plain.text == module.text


async def test_the_page_can_be_switched_off_and_told_who_may_embed_it(site: Site) -> None:
    async with running(site):
        without = await site.start("read", page="false")
        within = await site.start("read", page_hosts="https://app.example", dev_tokens="false")
        async with httpx.AsyncClient() as http:
            answers = [await http.get(f"{without.url}{path}") for path in ("/", "/worker.js")]
            page = await http.get(within.url)

    assert [answer.status_code for answer in answers] == [404, 404]
    assert "frame-ancestors https://app.example;" in page.headers["content-security-policy"]
    assert 'data-hosts="https://app.example" data-dev="off"' in page.text


@pytest.mark.slow
@needs_chromium
@pytest.mark.timeout(300)
async def test_what_is_written_on_one_page_is_seen_on_the_other(site: Site) -> None:
    async with opened_place(site) as place, driven() as (_, browser):
        await create(place.write, "alice", "bob", title="Supper")
        alice, bob = [await came(await browser.new_context(viewport=WIDE), place.read_url, user) for user in ("alice", "bob")]
        for person in (alice, bob):
            await person.enter("Supper")
        await alice.write("Is the kettle on?")
        await bob.sees("Is the kettle on?")

        assert alice.faults + bob.faults + await alice.violations() + await bob.violations() == []
