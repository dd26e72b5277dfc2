"""RFC 9457 problem documents: how an error is told over HTTP.

The errors that only HTTP has stand here too; all others are in `shared/errors.py`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from shared.errors import Invalid, Refused, RingpostError, TooLarge, Unauthenticated, Unavailable

MEDIA_TYPE = "application/problem+json"
DETAIL_CHARACTERS = 600
FIELDS = 20
SCHEMA_REF: dict[str, Any] = {"$ref": "#/components/schemas/Problem"}


class BadRequest(Refused):
    code = "bad_request"
    status = 400
    detail = "This is not HTTP as it should be, or not JSON."


class MethodNotAllowed(Refused):
    code = "method_not_allowed"
    status = 405
    detail = "This path does not take this method."


class UpgradeRequired(Refused):
    code = "upgrade_required"
    status = 426
    detail = "Here is a WebSocket: ask for it by the handshake of RFC 6455, version 13."


class TimedOut(Unavailable):
    code = "timed_out"
    status = 408
    detail = "The request did not arrive in time."


class HeadTooLarge(TooLarge):
    status = 431
    detail = "The request line and headers are larger than the stated limit."


class Internal(RingpostError):
    code = "internal"
    status = 500
    close_code = 1011
    retryable = False
    detail = "Something went wrong here; whether the request was carried out is unknown."


def describe(error: RingpostError) -> dict[str, Any]:
    """Return the problem document of *error*: under 4 KiB, and nothing of the request in it."""
    document: dict[str, Any] = {
        "type": f"urn:ringpost:error:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "code": error.code,
        "detail": str(error)[:DETAIL_CHARACTERS],
        "retryable": error.retryable,
    }
    if error.retry_after_s is not None:
        document["retry_after"] = round(error.retry_after_s, 3)
    if isinstance(error, Invalid) and error.fields:
        document["fields"] = [field[:64] for field in error.fields[:FIELDS]]
    return document


def answer(error: RingpostError, headers: Mapping[str, str] | None = None, **members: object) -> Response:
    """Return the response that tells *error*; *members* are added to its document."""
    content = json.dumps(describe(error) | members, separators=(",", ":")).encode()
    return Response(content, error.status, {**_headers_of(error), **(headers or {})}, MEDIA_TYPE)


def write_answer(error: RingpostError) -> bytes:
    """Return *error* as a whole HTTP/1.1 response that ends its connection."""
    content = json.dumps(describe(error), separators=(",", ":")).encode()
    headers = {
        **_headers_of(error),
        "content-type": MEDIA_TYPE,
        "content-length": str(len(content)),
        "x-content-type-options": "nosniff",
        "connection": "close",
    }
    lines = [
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
        *(f"{key}: {value}" for key, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def problem_responses(*errors: type[RingpostError]) -> dict[int | str, dict[str, Any]]:
    """Return what a route's `responses=` says of *errors*, for the OpenAPI document: by status, each with its codes."""
    by_status: dict[int | str, list[type[RingpostError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {status: _describe_response(told) for status, told in by_status.items()}


def _describe_response(errors: Sequence[type[RingpostError]]) -> dict[str, Any]:
    schema = SCHEMA_REF | {"properties": {"code": {"enum": [error.code for error in errors]}}}
    response = {
        "description": " ".join(f"`{error.code}`: {error.detail}" for error in errors),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    if all(error.retryable for error in errors):
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return response


def _headers_of(error: RingpostError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    return headers
