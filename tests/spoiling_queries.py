"""Bad queries, made from what the OpenAPI document says of a route's parameters. A pure core."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.spoiling import CANARY, UUID, resolve

_NO_INTEGER = (
    "", CANARY, "true", "null", "NaN", "Infinity", "1e400", "1.0", "1e0", "%2B1", "%201", "1%20", "-1", "01", "0x1", "1_000",
    "%D9%A1", "1%00", "9007199254740992", "9223372036854775808", "9" * 5_000, "[1]",
)  # fmt: skip
_NO_UUID = (
    "",
    CANARY,
    "1",
    "null",
    UUID.replace("-", ""),
    f"%7B{UUID}%7D",
    f"{UUID}%00",
    f"{UUID}%0A",
    UUID[:-1],
    CANARY * 500,
)
_NO_NAME = ("", "%20", "%00", f"{CANARY}%00", f"{CANARY}%0A", "%1B%5B2J", "%E2%80%8B", "%C2%85")

Parameter = Mapping[str, Any]


def spoil_query(parameters: Sequence[Parameter], defined: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield queries that must be refused, each with the code of its refusal, where the query has these *parameters*."""
    yield f"{CANARY}=1", "invalid"
    yield "sender_id=1", "invalid"
    yield "&".join(f"{CANARY}{n}=1" for n in range(100)), "invalid"
    for parameter in parameters:
        name, schema = parameter["name"], _value(parameter["schema"], defined)
        wrong = _wrong(schema)
        yield from ((f"{name}={value}", "invalid") for value in wrong)
        yield f"{name}={_RIGHT[_kind(schema)]}&{name}={_RIGHT[_kind(schema)]}", "invalid"
        yield f"{name}[]={_RIGHT[_kind(schema)]}", "invalid"
        if _kind(schema) == "name":
            yield f"{name}={CANARY}{'x' * schema['maxLength']}", "too_large"
            yield f"{name}={'%F0%9F%8E%89' * (schema['maxLength'] // 4 + 1)}", "too_large"


_RIGHT = {"integer": "1", "uuid": UUID, "name": "bob"}


def _wrong(schema: Mapping[str, Any]) -> Sequence[str]:
    if _kind(schema) == "integer":
        return (*_NO_INTEGER, str(schema["minimum"] - 1), str(schema["maximum"] + 1))
    return {"uuid": _NO_UUID, "name": _NO_NAME}[_kind(schema)]


def _kind(schema: Mapping[str, Any]) -> str:
    if schema["type"] == "integer":
        return "integer"
    return "uuid" if schema.get("format") == "uuid" else "name"


def _value(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> Mapping[str, Any]:
    branches = (resolve(branch, defined) for branch in schema.get("anyOf", (schema,)))
    return next(branch for branch in branches if branch.get("type") != "null")
