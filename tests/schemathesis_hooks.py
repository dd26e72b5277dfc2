"""What Schemathesis must know beyond the OpenAPI document. Loaded by tests/schemathesis.toml."""

import itertools
import os
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import EnsureResourceAvailability

from shared.errors import NotFound
from shared.limits import POLL_WAIT_S

WAIT_S = 0.1
ROOM, OPEN_ROOM = os.environ["ROOM"], os.environ["OPEN_ROOM"]
_TURNS = itertools.cycle((ROOM, OPEN_ROOM, None))
AnyCase = Case[Any]


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Leave out `default`, which declares any status at all."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("default", None)


@schemathesis.hook
def filter_case(context: HookContext, case: AnyCase) -> bool:
    """Leave out what OpenAPI can't forbid: two parameters that exclude each other."""
    return not isinstance(case.query, Mapping) or not {"after", "before"} <= case.query.keys()


@schemathesis.hook
def map_case(context: HookContext, case: AnyCase) -> AnyCase:
    """Give each body an id of its own, and two of three requests a conversation that there is."""
    case.body = _adapt(case.body)
    if _is_uuid(dict(case.path_parameters or {}).get("conversation")) and not _comes_by_a_link(case):
        case.path_parameters = dict(case.path_parameters) | _choose(case.operation.path)
    return case


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: AnyCase, response: Response) -> bool:
    """Leave out that a message or a member is not found in a conversation that was just created: it has none yet."""
    detail: str = response.json()["detail"] if isinstance(failure, EnsureResourceAvailability) else NotFound.detail
    return detail == NotFound.detail


def _comes_by_a_link(case: AnyCase) -> bool:
    return case.meta is not None and case.meta.phase.name is TestPhase.STATEFUL


def _choose(path: str) -> dict[str, str]:
    """Take turns; but who left would find nothing any more."""
    room = next(_TURNS)
    return {} if room is None or (room == ROOM and path.endswith("/leave")) else {"conversation": room}


def _adapt(value: Any) -> Any:
    if isinstance(value, dict):
        adapted = {key: _adapt(item) for key, item in value.items()}
        return adapted | _wait(adapted.get("wait_s")) | _identify(adapted.get("id"))
    if isinstance(value, list):
        return [_adapt(item) for item in value]
    # JSON Schema takes 1.0 for an integer; the service takes 1 alone.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _wait(wait_s: Any) -> dict[str, Any]:
    """Wait for no long poll."""
    is_number = isinstance(wait_s, int | float) and not isinstance(wait_s, bool)
    return {"wait_s": WAIT_S} if is_number and WAIT_S < wait_s <= POLL_WAIT_S else {}


def _identify(id: Any) -> dict[str, Any]:
    """Deterministic ids come again and again, and then everything is `id_reused`."""
    return {"id": str(uuid4())} if _is_uuid(id) else {}


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False
