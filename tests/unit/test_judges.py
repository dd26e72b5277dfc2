"""The judges of bad input find what is planted."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import Contract
from tests.gateways import Process, Site
from tests.house import House, is_complaint
from tests.right_requests import Place, Row
from tests.spoiling import CANARY

ROW = Row("write", "POST", "/one", "Body")
PROBLEM = {"title": "Problem", "type": "object"}
MEDIA = {"application/problem+json": {"schema": PROBLEM}}
DOCUMENT: dict[str, Any] = {
    "components": {"schemas": {}},
    "paths": {"/one": {"post": {"responses": {"422": {"content": MEDIA}, "503": {"content": MEDIA}, "201": {}}}}},
}
REFUSAL = {"code": "invalid", "detail": "No.", "retryable": False}


def judge(status: int, body: dict[str, Any], **headers: str) -> list[str]:
    nowhere = Process(None, 0)  # type: ignore[arg-type]  # nobody is asked
    house = House(Site("", "", ""), nowhere, nowhere, Path())
    place = Place(house, httpx.AsyncClient(), {"write": DOCUMENT}, {"write": Contract(DOCUMENT)}, {})
    media = {"content-type": "application/problem+json"} if status >= 400 else {}
    return place.judge(ROW, httpx.Response(status, headers=media | headers, json=body), "invalid")


def test_a_refusal_as_it_should_be_has_no_fault() -> None:
    assert judge(422, REFUSAL) == []


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (500, REFUSAL | {"code": "internal"}, {}),
        (503, REFUSAL | {"code": "unavailable", "retryable": True}, {}),
        (404, REFUSAL, {}),
        (201, {"seq": 1}, {}),
        (422, REFUSAL | {"code": "too_large"}, {}),
        (422, REFUSAL | {"retryable": True}, {}),
        (422, REFUSAL | {"detail": f"What is {CANARY}?"}, {}),
        (422, REFUSAL | {"detail": "x" * 5_000}, {}),
        (422, REFUSAL, {"location": f"/{CANARY}"}),
        (422, REFUSAL, {"content-type": "text/html"}),
    ],
)
def test_a_refusal_with_a_fault_is_found(status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
    assert judge(status, body, **headers)


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "Exception in ASGI application",
        '{"event": "a request failed", "level": "error"}',
        '{"event": "x", "level": "warning", "exception": "Traceback (most recent call last):"}',
        '{"event": "x", "level": "critical"}',
    ],
)
def test_a_line_that_tells_of_a_bug_is_a_complaint(line: str) -> None:
    assert is_complaint(line)


def test_other_lines_are_none() -> None:
    assert not is_complaint('{"event": "ready", "level": "info"}')
    assert not is_complaint('{"event": "redis is away", "level": "warning"}')
