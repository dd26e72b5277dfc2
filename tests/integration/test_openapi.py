"""The OpenAPI document: valid by the rules of others, the same as docs/protocol.md, and what the routes answer by."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from shared import limits
from tests.contract import PROBLEM, Contract
from tests.gateways import Process, Site, bearer, running
from tests.tables import PROTOCOL, read_table

DOCUMENT = PROTOCOL.read_text()
CODE = re.compile(r"`([a-z_]+)`")
AT = {"read": {"READ", "both"}, "write": {"WRITE", "both"}, "both": {"READ", "WRITE", "both"}}


async def document_of(process: Process) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        document: dict[str, Any] = (await client.get(f"{process.url}/openapi.json")).json()
        return document


def documented(role: str) -> dict[tuple[str, str], set[str]]:
    """Return the refusals of its own that docs/protocol.md gives for each route of a gateway of that role."""
    rows = read_table(DOCUMENT, "route", "at", "what it does", "refusals of its own")
    return {
        (method, path): set(CODE.findall(row["refusals of its own"]))
        for row in rows
        if row["at"] in AT[role]
        for method, path in [row["route"].strip("`").split(" ")]
    }


def common() -> set[str]:
    """Return the codes that docs/protocol.md gives to every route."""
    found = re.search(r"^Any route may answer .*?\n\n", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return set(CODE.findall(found[0]))


@pytest.mark.parametrize("role", AT)
async def test_the_document_is_valid_and_has_the_routes_and_refusals_of_the_protocol_s_page(site: Site, role: str) -> None:
    async with running(site):
        document = await document_of(await site.start(role))

    validate(document, cls=OpenAPIV31SpecValidator)
    contract, told = Contract(document), documented(role)
    assert contract.routes() == told.keys()
    for route, codes in told.items():
        assert contract.codes(*route) - common() == codes, route


async def test_each_answer_is_declared_in_full(site: Site) -> None:
    async with running(site):
        document = await document_of(await site.start("both"))

    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                assert response["description"], path
                assert status == "101" or content, path
                assert (PROBLEM in content) == (status == "default" or status >= "400"), path
                assert content.get("application/json", {"schema": "…"})["schema"], path


BAD_BODIES = {
    "no JSON": (b"{", {}, 400),
    "another type": (b"{}", {"Content-Type": "text/plain"}, 400),
    "an unknown field": (b'{"colour": 1}', {}, 422),
    "too large": (b" " * (limits.CREATE_BODY_BYTES + 1), {}, 413),
}


def bad_requests(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], int]]:
    """Yield requests that must fail, with the status: (method, path, httpx's arguments, status)."""
    for template, methods in document["paths"].items():
        path = template.replace("{conversation}", str(uuid4()))
        for method, operation in methods.items():
            if "security" in operation:
                yield method, path, {}, 401
                yield method, path, {"headers": {"Authorization": "Bearer x.y.z"}}, 401
            if "requestBody" in operation:
                for body, headers, status in BAD_BODIES.values():
                    own = bearer("alice") | {"Content-Type": "application/json"} | headers
                    yield method, path, {"content": body, "headers": own}, status
            if method == "get" and "parameters" in operation:
                yield method, path, {"headers": bearer("alice"), "params": {"limit": "x"}}, 422
            yield method, path, {"headers": {"Origin": "http://elsewhere.example"}}, 403


async def test_what_bad_requests_are_answered_is_declared(site: Site) -> None:
    async with running(site):
        both = await site.start("both")
        document = await document_of(both)
        contract = Contract(document)
        async with httpx.AsyncClient() as client:
            for method, path, arguments, status in bad_requests(document):
                answer = await client.request(method, both.url + path, **arguments)
                assert answer.status_code == status, (method, path, answer.text)
                assert contract.judge(method, path, status, answer.headers, answer.text) == []


def test_an_answer_that_is_not_declared_is_found() -> None:
    good = {"type": "object", "title": "Good", "required": ["seq"], "properties": {"seq": {"type": "integer"}}}
    answers = {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Good"}}}}}
    paths = {"/one/{id}": {"get": {"responses": answers}}}
    contract = Contract({"paths": paths, "components": {"schemas": {"Good": good}}})
    media = {"content-type": "application/json"}

    assert contract.judge("GET", "/one/7?after=1", 200, media, '{"seq": 1}') == []
    for method, path, status, headers, body in (
        ("GET", "/two", 200, media, '{"seq": 1}'),
        ("POST", "/one/7", 200, media, '{"seq": 1}'),
        ("GET", "/one/7", 201, media, '{"seq": 1}'),
        ("GET", "/one/7", 200, {"content-type": "text/plain"}, '{"seq": 1}'),
        ("GET", "/one/7", 200, media, '{"seq": "1"}'),
        ("GET", "/one/7", 200, media, "{}"),
        ("GET", "/one/7", 200, media, '{"seq": 1, "more": 1}'),
    ):
        assert contract.judge(method, path, status, headers, body), (method, path, status, body)


class Page(HTMLParser):
    """What a page refers to, and what it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = {name: value or "" for name, value in attrs}
        self.links |= {given[name] for name in ("href", "src", "action") if name in given}
        self.ids |= {given["id"]} if "id" in given else set()


@pytest.mark.parametrize("role", AT)
async def test_the_docs_show_every_route_and_fetch_nothing(site: Site, role: str) -> None:
    async with running(site):
        process = await site.start(role)
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{process.url}/docs")
        document = await document_of(process)

    page = Page(answer.text)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert page.links - {"/openapi.json"} <= {f"#{id}" for id in page.ids}
    assert page.ids == document["components"]["schemas"].keys()
    assert all(f"<code>{path}</code>" in answer.text for path in document["paths"])
    style = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    (hashed,) = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in style]
    assert answer.headers["content-security-policy"].startswith(f"default-src 'none'; style-src 'sha256-{hashed}';")
