"""What spoils good JSON does spoil it: whatever a parser reads of it does not fit the schema."""

import json
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from shared.web import patterns
from tests.spoiling import CANARY, UUID, repeat_names, spoil
from tests.spoiling_queries import spoil_query

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "user"],
    "properties": {
        "id": {"type": "string", "format": "uuid", "pattern": "^[0-9a-f-]{36}$"},
        "user": {"type": "string", "maxLength": 255, "minLength": 1, "pattern": patterns.NAME},
        "text": {"anyOf": [{"$ref": "#/components/schemas/Text"}, {"type": "null"}]},
        "seq": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
        "wait_s": {"type": "number", "minimum": 0, "maximum": 60},
        "again": {"type": "boolean"},
        "role": {"enum": ["member", "owner"]},
        "members": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 255, "pattern": patterns.NAME}},
        "positions": {
            "type": "object",
            "maxProperties": 5,
            "propertyNames": {"pattern": "^[0-9a-f-]{36}$"},
            "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 9},
        },
    },
}
DEFINED = {"Text": {"type": "string", "maxLength": 8_000, "minLength": 1, "pattern": patterns.TEXT}}
GOOD = {"id": UUID, "user": "bob"}
WHOLE = {"components": {"schemas": DEFINED}}
# JSON Schema takes the former for whole numbers, and Python's `$`, unlike ECMA's, matches before a line end too.
BEYOND_JUDGEMENT = ("1.0", "1e0", "a line end")


def fits(raw: bytes) -> bool:
    """Say whether it is JSON of texts in UTF-8, and the schema takes it."""
    try:
        read = json.loads(raw.decode(), parse_constant=_refuse)
        json.dumps(read, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return not list(OAS31Validator(SCHEMA | WHOLE, format_checker=oas31_format_checker).iter_errors(read))


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def test_the_good_one_is_good() -> None:
    assert fits(json.dumps(GOOD).encode())


def test_what_is_spoilt_does_not_fit() -> None:
    spoilt = list(spoil(GOOD, SCHEMA, DEFINED))
    assert [bad.name for bad in spoilt if fits(bad.raw) and not bad.name.endswith(BEYOND_JUDGEMENT)] == []


def test_each_field_is_spoilt_and_each_that_must_be_there_left_out() -> None:
    names = [bad.name for bad in spoil(GOOD, SCHEMA, DEFINED)]
    assert len(set(names)) == len(names)
    for field in SCHEMA["properties"]:
        assert sum(name.startswith(f"{field} ") for name in names) > 4
    assert {"no id", "no user", "an unknown sender_id", "an unknown is_admin"} <= set(names)
    assert "an unknown seq" not in names


def test_null_spoils_what_can_not_be_null() -> None:
    names = {bad.name for bad in spoil(GOOD, SCHEMA, DEFINED)}
    assert "user null" in names
    assert "text null" not in names


def test_what_is_over_its_limit_is_told_from_what_is_wrong() -> None:
    codes = {bad.name: bad.code for bad in spoil(GOOD, SCHEMA, DEFINED)}
    assert {name for name, code in codes.items() if code == "too_large"} == {"user over its limit", "text over its limit"}


def test_names_are_repeated_as_they_are_and_in_another_spelling() -> None:
    repeated = list(repeat_names(GOOD))
    assert len(repeated) == 2 * len(GOOD)
    for bad in repeated:
        pairs = json.loads(bad.raw, object_pairs_hook=list)
        assert sorted(name for name, _ in pairs) in (["id", "id", "user"], ["id", "user", "user"])


def test_a_kind_that_nobody_knows_is_not_passed_over() -> None:
    with pytest.raises((NotImplementedError, KeyError)):
        list(spoil(GOOD, SCHEMA | {"properties": {"new": {"type": "duration"}}}, DEFINED))


def test_each_parameter_is_spoilt() -> None:
    parameters = [{"name": name, "schema": SCHEMA["properties"][name]} for name in ("seq", "id", "user")]
    queries = [query for query, _ in spoil_query(parameters, DEFINED)]
    for name in ("seq", "id", "user"):
        assert sum(query.startswith(f"{name}=") for query in queries) > 8
    assert any(query.count("seq=") == 2 for query in queries)
    assert any(query.startswith(CANARY) for query in queries)
