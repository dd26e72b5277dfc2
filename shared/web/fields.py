"""The types of fields in bodies, paths and queries: strict, so that nothing is guessed from what nearly fits."""

import re
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared import limits
from shared.errors import Invalid
from shared.text import check_emoji, check_text, check_title, check_topic, check_user
from shared.web import patterns

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def _parse_uuid(value: object) -> UUID:
    """Take the canonical form alone: Python also takes braces, a URN and hyphens anywhere."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise PydanticCustomError("uuid", "should be a UUID such as 5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60")
    return UUID(value)


def _parse_decimal(value: object) -> object:
    """Take plain digits alone: Python also takes signs, blanks, underscores and the digits of other scripts."""
    if not isinstance(value, str):
        return value
    if not _DECIMAL.fullmatch(value):
        raise PydanticCustomError("decimal", "should be a whole number in plain digits")
    return int(value)


def _told_by(check: Callable[[str], str]) -> AfterValidator:
    """Make *check*'s Invalid the fault of its field; TooLarge goes through as it is."""

    def validate(value: str) -> str:
        try:
            return check(value)
        except Invalid as error:
            raise PydanticCustomError("text", "{reason}", {"reason": str(error)}) from None

    return AfterValidator(validate)


def _shown(max_length: int, pattern: str) -> Any:
    """Say in the OpenAPI document what the rule beside it holds to; a limit in bytes it can't say."""
    return Field(json_schema_extra={"minLength": 1, "maxLength": max_length, "pattern": pattern})


Uuid = Annotated[UUID, BeforeValidator(_parse_uuid)]
Seq = Annotated[int, Field(ge=0, le=limits.SEQ_MAX)]
Target = Annotated[int, Field(ge=1, le=limits.SEQ_MAX)]
Text = Annotated[str, _shown(limits.TEXT_CHARACTERS, patterns.TEXT), _told_by(check_text)]
Title = Annotated[str, _shown(limits.TITLE_CHARACTERS, patterns.TEXT), _told_by(check_title)]
Topic = Annotated[str, _shown(limits.TOPIC_CHARACTERS, patterns.TEXT), _told_by(check_topic)]
Emoji = Annotated[str, _shown(limits.EMOJI_CHARACTERS, patterns.NAME), _told_by(check_emoji)]
User = Annotated[str, _shown(limits.USER_BYTES, patterns.NAME), _told_by(check_user)]

QuerySeq = Annotated[int, Field(ge=0, le=limits.SEQ_MAX), BeforeValidator(_parse_decimal)]
QueryLimit = Annotated[int, Field(ge=1, le=limits.PAGE_EVENTS), BeforeValidator(_parse_decimal)]


class Body(BaseModel):
    """A JSON body: what it does not name is refused, and so is a value of another type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Parameters(BaseModel):
    """A route's query: `query: Annotated[ThoseParameters, Query()]`. What it does not name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def describe_faults(errors: list[Any], known: frozenset[str] | None) -> Invalid:
    """Return the refusal that *errors* (as pydantic lists them) add up to.

    Only *known* fields are named: the others' names came with the request. None: all names are ours.
    """
    faults: dict[str, str] = {}
    for error in errors:
        parts = [part for part in error["loc"] if isinstance(part, str)]
        # In a union a tag stands before the field.
        name = next((part for part in parts if known and part in known), parts[0] if parts else "")
        if error["type"] == "extra_forbidden" or (known is not None and name not in known):
            faults.setdefault("", "there is a field that is not known here" if name else "it should be an object")
        else:
            faults.setdefault(name, _describe_fault(name, error))
    return Invalid(f"{'; '.join(list(faults.values())[:5])}."[:400], fields=tuple(filter(None, faults)))


def _describe_fault(name: str, error: Any) -> str:
    if error["type"] == "missing":
        return f"{name} is missing"
    told: str = error["msg"].rstrip(".")
    return f"{name}: {told}" if name else told
