"""Schemathesis on every route, with every check on: what the OpenAPI document promises is kept, by others' judgement.

What it must know beyond the document stands in tests/schemathesis.toml and tests/schemathesis_hooks.py, each with its reason.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.local.postgres import PostgresServer
from deploy.local.valkey import ValkeyServer
from tests.gateways import Process, token
from tests.house import House, a_house
from tests.talk import create

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
ROOT = Path(__file__).parents[2]
EXAMPLES = 10
LONGEST_S = 100


@dataclass(frozen=True, slots=True)
class Grounds:
    """The gateways, of which *both* has both roles, and what Schemathesis is told of what there is."""

    house: House
    both: Process
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to: its exit status, what it said, and its report."""

    status: int
    said: str
    report: dict[str, Any]

    def failures(self) -> set[str]:
        return {failure["type"] for failure in self.report["failures"]}

    def never_accepted(self) -> set[str]:
        """Return the operations of which no right request was served."""
        rates = self.report["valid_rates"]
        return {label for label, phases in rates.items() if not any(rate["accepted"] for rate in phases.values())}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grounds(
    postgres: PostgresServer, template: str, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Grounds]:
    unlimited = {"rate_user": "0", "rate_conversation": "0"}
    async with a_house(postgres, template, valkey, **unlimited) as house:
        environment = {
            "PATH": os.environ["PATH"],
            "USERS_FILE": str(write_users(tmp_path_factory.mktemp("schemathesis") / "users.json", "alice", "mallory")),
            "ROOM": await create(house.write, "alice", "bob", "carol", "dave"),
            "OPEN_ROOM": await create(house.write, "bob", access="open"),
        }
        yield Grounds(house, await house.site.start("both", **unlimited), environment)


def write_users(path: Path, *users: str) -> Path:
    """Write down who asks, as Web Fuzzing Commons has it."""
    headers = {user: [{"name": "Authorization", "value": f"Bearer {token(user)}"}] for user in users}
    path.write_text(json.dumps({"auth": [{"name": user, "fixedHeaders": headers[user]} for user in users]}))
    return path


async def let_loose(grounds: Grounds, location: str, phases: str, report: Path, *flags: str) -> Verdict:
    """Run Schemathesis on the document at *location*."""
    command = ("-m", "schemathesis.cli", "--config-file", "tests/schemathesis.toml", "run", location, "--checks", "all")
    limits = ("--phases", phases, "--max-examples", str(EXAMPLES), "--no-color", "--report-json-path", str(report), *flags)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command, *limits),
        cwd=ROOT,
        env=grounds.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    return read_verdict(process.returncode or 0, said.decode(), report)


def read_verdict(status: int, said: str, report: Path) -> Verdict:
    assert report.exists(), said
    return Verdict(status, said, json.loads(report.read_text()))


def passed(verdict: Verdict, never_accepted: Iterable[str] = ()) -> None:
    assert verdict.status == 0, verdict.said
    assert verdict.report["complete"]
    assert (verdict.report["failures"], verdict.report["errors"]) == ([], [])
    assert verdict.never_accepted() == set(never_accepted), verdict.said


@pytest.mark.parametrize("role", ["write", "read"])
async def test_each_route_keeps_what_the_document_promises(grounds: Grounds, tmp_path: Path, role: str) -> None:
    process = grounds.house.write if role == "write" else grounds.house.read
    verdict = await let_loose(grounds, f"{process.url}/openapi.json", "examples,coverage,fuzzing", tmp_path / "report.json")

    passed(verdict, never_accepted=["GET /v1/socket"])
    endless = {"write": 0, "read": 1}[role]  # the event stream, which tests/schemathesis.toml leaves out
    assert verdict.report["operations"]["tested"] == verdict.report["operations"]["total"] - endless
    assert verdict.report["test_cases"]["generated"] > 300
    assert grounds.house.complaints() == []


async def test_what_was_created_is_there_for_its_members_and_for_nobody_else(grounds: Grounds, tmp_path: Path) -> None:
    """Follows the document's links across both roles, as alice, and repeats what she reads as mallory."""
    verdict = await let_loose(grounds, f"{grounds.both.url}/openapi.json", "stateful", tmp_path / "report.json")

    passed(verdict)
    followed = re.search(r"API Links: +(\d+) covered", verdict.said)
    assert followed is not None, verdict.said
    assert int(followed[1]) > 10
    assert grounds.house.complaints() == []


# What is wrong with a document, and how it is found.
PLANTS: dict[str, tuple[str, str]] = {
    "IgnoredAuth": ("get", "/config"),
    "UndefinedContentType": ("get", "/live"),
    "UndefinedStatusCode": ("get", "/metrics"),
    "MissingHeaders": ("get", "/ready"),
    "JsonSchemaError": ("post", "/v1/dev/token"),
    "AcceptedNegativeData": ("post", "/v1/dev/token"),
    "RejectedPositiveData": ("post", "/v1/direct"),
    "UnsupportedMethodResponse": ("post", "/v1/conversations"),
}


def spoil(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a promise in each of these operations that the service does not keep."""
    paths, schemas = document["paths"], document["components"]["schemas"]
    planted = {path: {method: paths[path][method]} for method, path in PLANTS.values()}
    planted["/config"]["get"]["security"] = [{"bearer": []}]
    planted["/live"]["get"]["responses"]["200"]["content"] = {"text/plain": {}}
    del planted["/metrics"]["get"]["responses"]["200"]
    planted["/ready"]["get"]["responses"]["200"]["headers"] = {"X-Absent": {"required": True, "schema": {"type": "string"}}}
    schemas["Token"]["properties"]["token"] = {"type": "integer"}
    schemas["TokenRequest"]["properties"]["ttl_s"]["maximum"] = 60
    schemas["DirectBody"]["properties"]["user"] = {"type": "string"}
    for response in planted["/v1/conversations"]["post"]["responses"].values():
        response.pop("links", None)
    return document | {"paths": planted}


async def test_a_promise_that_is_not_kept_is_found(grounds: Grounds, tmp_path: Path) -> None:
    async with httpx.AsyncClient() as client:
        document = (await client.get(f"{grounds.both.url}/openapi.json")).json()
    (tmp_path / "openapi.json").write_text(json.dumps(spoil(document)))
    at = ("--url", grounds.both.url, "--continue-on-failure")

    verdict = await let_loose(grounds, str(tmp_path / "openapi.json"), "coverage", tmp_path / "report.json", *at)

    assert verdict.status == 1, verdict.said
    assert verdict.failures() >= PLANTS.keys(), verdict.said
