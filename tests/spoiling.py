"""Bad JSON, made from good JSON and its schema: each field with each wrong value, and the whole spoilt. A pure core.

What is wrong is written as JSON text, for much of it no encoder would write.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CANARY = "canary7731"
UUID = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60"
ODD = f'"{CANARY}"'
DEEP = "[" * 900 + ODD + "]" * 900
DEEP_OBJECTS = '{"a":' * 900 + ODD + "}" * 900

Values = dict[str, str]
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    """*code* is that of the refusal it should get."""

    name: str
    raw: bytes
    code: str = "invalid"


_NO_TEXT: Values = {
    "a number": "7731",
    "true": "true",
    "a list": f"[{ODD}]",
    "an object": f"{{{ODD}: {ODD}}}",
    "NaN": "NaN",
    "a lone surrogate": f'"{CANARY}\\ud800"',
    "a low surrogate alone": f'"\\udc00{CANARY}"',
    "nested 900 deep": DEEP,
}
_NO_VISIBLE_TEXT: Values = {
    "empty": '""',
    "blank": '" \\t\\r\\n\\u3000"',
    "of zero width": '"\\u200b\\u2060\\ufeff"',
    "with a NUL": f'"{CANARY}\\u0000"',
    "a NUL alone": '"\\u0000"',
}
_CONTROLS: Values = {
    "with a line end": f'"{CANARY}\\n"',
    "with an escape": f'"\\u001b[2J{CANARY}"',
    "with a control character of Latin-1": f'"{CANARY}\\u0085"',
}
_NO_UUID: Values = {
    **_NO_TEXT,
    "another text": ODD,
    "empty": '""',
    "in braces": f'"{{{UUID}}}"',
    "as a URN": f'"urn:uuid:{UUID}"',
    "with a line end": f'"{UUID}\\n"',
    "with a NUL": f'"{UUID}\\u0000"',
    "too short": f'"{UUID[:-1]}"',
    "of 5,000 characters": f'"{CANARY * 500}"',
    "null": "null",
}
_NO_NUMBER: Values = {
    "true": "true",
    "a text": '"1"',
    "another text": ODD,
    "a list": "[1]",
    "an object": f'{{"{CANARY}": 1}}',
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "1e400": "1e400",
    "-1": "-1",
    "2^63": str(2**63),
    "nested 900 deep": DEEP,
}
_NO_INTEGER: Values = {
    **_NO_NUMBER,
    "1.0": "1.0",
    "1e0": "1e0",
    "2^53": str(2**53),
    "2^64": str(2**64),
    "of 5,000 digits": "9" * 5_000,
}
_NO_CHOICE: Values = {
    "another text": ODD,
    "empty": '""',
    "a number": "1",
    "true": "true",
    "a list": f"[{ODD}]",
    "an object": f'{{"{CANARY}": 1}}',
    "NaN": "NaN",
}
_NO_BOOLEAN: Values = {"a text": '"true"', "1": "1", "0.0": "0.0", "a list": "[true]", "an object": "{}", "another text": ODD}
_NO_LIST: Values = {"a text": ODD, "a number": "1", "true": "true", "an object": f'{{"0": {ODD}}}', "nested 900 deep": DEEP}
_NO_MAP: Values = {"a text": ODD, "a number": "1", "a list": f"[{ODD}]", "pairs": f"[[{ODD}, 1]]", "nested 900 deep": DEEP}


def spoil(good: Mapping[str, Any], schema: Schema, defined: Mapping[str, Schema]) -> Iterator[Bad]:
    """Yield what must be refused in place of *good*, which fits *schema* (*defined*: what it refers to)."""
    yield from spoil_whole(json.dumps(good))
    for name in ("sender_id", "is_admin", "seq", "__proto__", CANARY):
        if name not in schema["properties"]:
            yield Bad(f"an unknown {name}", _write(good, **{name: "1"}))
    for name in schema.get("required", ()):
        yield Bad(f"no {name}", _write({key: value for key, value in good.items() if key != name}))
    for name, property in schema["properties"].items():
        for wrong, (value, code) in wrong_values(property, defined).items():
            yield Bad(f"{name} {wrong}", _write(good, **{name: value}), code)


def spoil_whole(good: str) -> Iterator[Bad]:
    """Yield what is no JSON, or another thing than an object, in place of *good*."""
    yield Bad("a text", ODD.encode())
    yield Bad("a number", b"7731")
    yield Bad("null", b"null")
    yield Bad("a list of a list", f"[[{good}]]".encode())
    yield Bad("nested 900 deep", DEEP.encode())
    yield Bad("objects nested 900 deep", DEEP_OBJECTS.encode())
    yield Bad("NaN", b"NaN")
    yield Bad("nothing", b"", "bad_request")
    yield Bad("words", CANARY.encode(), "bad_request")
    yield Bad("half of it", good[:-1].encode(), "bad_request")
    yield Bad("twice", (good + good).encode(), "bad_request")
    yield Bad("with a byte order mark", b"\xef\xbb\xbf" + good.encode(), "bad_request")
    yield Bad("in UTF-16", good.encode("utf-16"), "bad_request")
    yield Bad("with a byte that is no UTF-8", good.replace("{", '{"\xff":1,', 1).encode("latin-1", "replace"), "bad_request")
    yield Bad("with a comma at its end", f"{good[:-1]},}}".encode(), "bad_request")


def repeat_names(good: Mapping[str, Any]) -> Iterator[Bad]:
    """Yield *good* with each of its names twice, and with one that is the same once unescaped."""
    text = json.dumps(good)
    for name, value in good.items():
        again = json.dumps(value)
        yield Bad(f"{name} twice", f'{text[:-1]}, "{name}": {again}}}'.encode())
        yield Bad(f"{name} twice, escaped", f'{text[:-1]}, "\\u{ord(name[0]):04x}{name[1:]}": {again}}}'.encode())


def wrong_values(property: Schema, defined: Mapping[str, Schema]) -> dict[str, tuple[str, str]]:
    """Return the values, as JSON text, that a field of this schema must not have, each with the code of its refusal."""
    known = resolve(property, defined)
    branches = [resolve(branch, defined) for branch in known.get("anyOf", (known,))]
    is_nullable = any(branch.get("type") == "null" for branch in branches)
    (value,) = (branch for branch in branches if branch.get("type") != "null")
    wrong = {name: (text, "invalid") for name, text in _wrong(value, defined).items() if text != "null"}
    wrong |= {} if is_nullable else {"null": ("null", "invalid")}
    if "maxLength" in value:
        wrong["over its limit"] = (f'"{CANARY}{"x" * value["maxLength"]}"', "too_large")
    return wrong


def resolve(schema: Schema, defined: Mapping[str, Schema]) -> Schema:
    return defined[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _wrong(schema: Schema, defined: Mapping[str, Schema]) -> Values:
    if "enum" in schema or "const" in schema:
        return _NO_CHOICE
    match schema["type"]:
        case "string":
            return _wrong_text(schema)
        case "integer":
            return _NO_INTEGER | _beyond(schema)
        case "number":
            return _NO_NUMBER | _beyond(schema)
        case "boolean":
            return _NO_BOOLEAN
        case "array":
            return _NO_LIST | _wrong_items(schema, defined)
        case "object":
            return _NO_MAP | _wrong_entries(schema, defined)
    raise NotImplementedError(f"nobody has said what is wrong for {schema}")


def _wrong_text(schema: Schema) -> Values:
    if schema.get("format") == "uuid":
        return _NO_UUID
    if "pattern" not in schema:
        return _NO_TEXT
    takes_controls = "\x1f" not in schema["pattern"]
    return _NO_TEXT | _NO_VISIBLE_TEXT | ({} if takes_controls else _CONTROLS)


def _beyond(schema: Schema) -> Values:
    least, most = schema.get("minimum"), schema.get("maximum")
    below = {} if least is None else {"below the least": str(int(least) - 1)}
    return below | ({} if most is None else {"above the most": str(int(most) + 1)})


def _wrong_items(schema: Schema, defined: Mapping[str, Schema]) -> Values:
    wrong = wrong_values(schema["items"], defined)
    items = {f"with an item {name}": f"[{text}]" for name, (text, code) in wrong.items() if code == "invalid"}
    return items | {"too long": json.dumps([f"{CANARY}-{n}" for n in range(schema["maxItems"] + 1)])}


def _wrong_entries(schema: Schema, defined: Mapping[str, Schema]) -> Values:
    wrong = wrong_values(schema["additionalProperties"], defined)
    entries = {f"with an entry {name}": f'{{"{UUID}": {text}}}' for name, (text, _) in wrong.items()}
    many = {f"{UUID[:-6]}{n:06}": 1 for n in range(schema["maxProperties"] + 1)}
    return entries | {"with another name": f"{{{ODD}: 1}}", "with an empty name": '{"": 1}', "too long": json.dumps(many)}


def _write(good: Mapping[str, Any], **fields: str) -> bytes:
    """Return *good* as JSON, with these *fields*, which are JSON already."""
    texts = {name: json.dumps(value) for name, value in good.items()} | fields
    return ("{" + ", ".join(f'"{name}": {text}' for name, text in texts.items()) + "}").encode()
