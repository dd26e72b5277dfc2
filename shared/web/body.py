"""What a request says: its JSON body, decoded once and strictly, and who its caller is."""

import json
import time
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ValidationError

from shared import limits
from shared.auth import Authenticator, Identity
from shared.errors import Invalid, TooLarge, Unauthenticated
from shared.web.fields import describe_faults
from shared.web.problems import BadRequest

AnyBody = TypeVar("AnyBody", bound=BaseModel)
_bearer = HTTPBearer(
    auto_error=False, scheme_name="bearer", bearerFormat="JWT", description="A user's token, or the admin key."
)


class JsonBody(Generic[AnyBody]):
    """A dependency that reads the body of a request as a *model*; the OpenAPI document finds the schema here."""

    def __init__(self, model: type[AnyBody], max_bytes: int) -> None:
        self.model = model
        self.max_bytes = max_bytes

    async def __call__(self, request: Request) -> AnyBody:
        _check_content_type(request.headers.getlist("content-type"))
        return decode(self.model, await _read(request, self.max_bytes))


def json_body(model: type[BaseModel], max_bytes: int = limits.BODY_BYTES) -> Any:
    """Return the dependency for `body: Annotated[Model, json_body(Model)]`. Name the caller before it: 401 comes first."""
    return Depends(JsonBody(model, max_bytes))


async def caller(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]) -> Identity:
    """Return who asks, by the Authorization header alone; raise Unauthenticated or TokenExpired."""
    if credentials is None or len(request.headers.getlist("authorization")) > 1:
        raise Unauthenticated
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator.identify(credentials.credentials, time.time())


Caller = Annotated[Identity, Depends(caller)]


def decode(model: type[AnyBody], raw: bytes) -> AnyBody:
    """Return the *model* that the JSON of *raw* is; raise BadRequest where it is not JSON, Invalid where it is another.

    A model that is a union says in `known_fields` which names are ours.
    """
    try:
        body = model.model_validate_json(raw)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        if faults[0]["type"] == "json_invalid":
            raise _tell_unreadable(raw) from None
        raise describe_faults(faults, _known_fields(model)) from None
    if b"\\u0000" in raw and _has_nul(json.loads(raw)):
        raise Invalid("A string has a NUL.")
    if not _is_plain(raw, _quoted_names(model)):
        json.loads(raw, object_pairs_hook=_check_names)
    return body


def _tell_unreadable(raw: bytes) -> BadRequest | Invalid:
    """Tell what no parser reads (BadRequest) from what Python's would: lone surrogates, deep nesting, endless numbers."""
    try:
        json.loads(raw.decode())
    except (json.JSONDecodeError, UnicodeDecodeError):
        return BadRequest("The body is not JSON in UTF-8.")
    except (ValueError, RecursionError):
        pass
    return Invalid("The body has a lone surrogate, a number out of range, or is nested too deeply.")


def _known_fields(model: type[BaseModel]) -> frozenset[str]:
    fields: frozenset[str] = getattr(model, "known_fields", frozenset(model.model_fields))
    return fields


@cache
def _quoted_names(model: type[BaseModel]) -> tuple[bytes, ...]:
    return tuple(f'"{name}"'.encode() for name in _known_fields(model))


def _is_plain(raw: bytes, names: Sequence[bytes]) -> bool:
    """Say whether *raw* is seen at a glance to have no name twice: one object of the known *names*, and no escapes."""
    return raw.count(b"{") == 1 and b"\\" not in raw and all(raw.count(name) < 2 for name in names)


def _check_names(pairs: list[tuple[str, object]]) -> None:
    """Refuse what one parser reads by the first of two values, and another by the last."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise Invalid("An object has a name twice.")


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def _check_content_type(given: Sequence[str]) -> None:
    media, _, parameters = "".join(given).lower().partition(";")
    is_utf8 = "charset" not in parameters or "utf-8" in parameters
    if len(given) != 1 or media.strip() != "application/json" or not is_utf8:
        raise BadRequest("The body must come as Content-Type: application/json.")


async def _read(request: Request, max_bytes: int) -> bytes:
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise TooLarge(f"The body is over {max_bytes} bytes.")
    chunks: list[bytes] = []
    left = max_bytes
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            raise TooLarge(f"The body is over {max_bytes} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)
