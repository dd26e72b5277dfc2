"""The OpenAPI document: FastAPI's, with the bodies that we read ourselves and the problem documents that we answer with."""

from collections.abc import Iterator, Sequence, Set
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from shared.errors import Forbidden, Invalid, RingpostError, TokenExpired, TooLarge, Unauthenticated
from shared.web.body import JsonBody
from shared.web.problems import MEDIA_TYPE, SCHEMA_REF, BadRequest, Internal, problem_responses

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "An RFC 9457 problem document. Branch on `code`.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "retryable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "retryable": {"type": "boolean"},
        "retry_after": {"type": "number", "description": "Seconds."},
        "fields": {"type": "array", "items": {"type": "string"}},
    },
}
_ABOUT = "What a client says over HTTP and hears. The frames of the sockets are in docs/protocol.md."
_TEMPLATE = "#/components/schemas/{model}"


def describe(title: str, version: str, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of *routes*."""
    document = get_openapi(title=title, version=version, description=_ABOUT, routes=routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for replaced in ("HTTPValidationError", "ValidationError"):
        schemas.pop(replaced, None)
    schemas["Problem"] = PROBLEM
    bodies = dict(_find_bodies(document, routes))
    schemas.update(_schemas_of(bodies))
    for path, method, operation in _operations(document):
        _describe_operation(operation, bodies.get((path, method)))
    _link(document)
    return document


class _ForeignPage(Forbidden):
    """What any route may answer; one that has a Forbidden of its own tells of that."""

    detail = "Pages of this origin may not call."


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _find_bodies(document: dict[str, Any], routes: Sequence[BaseRoute]) -> Iterator[tuple[tuple[str, str], JsonBody[Any]]]:
    for context in iter_route_contexts(routes):
        path, dependant = context.path_format, getattr(context, "dependant", None)
        if path is None or path not in document["paths"] or not isinstance(dependant, Dependant):
            continue
        for dependency in dependant.dependencies:
            if isinstance(dependency.call, JsonBody):
                yield from (((path, method.lower()), dependency.call) for method in context.methods or ())


def _schemas_of(bodies: dict[tuple[str, str], JsonBody[Any]]) -> dict[str, Any]:
    models = {body.model for body in bodies.values()}
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=_TEMPLATE)
    return dict(schema.get("$defs", {}))


def _describe_operation(operation: dict[str, Any], body: JsonBody[Any] | None) -> None:
    errors: list[type[RingpostError]] = [_ForeignPage, Internal]
    if body is not None:
        ref = _TEMPLATE.format(model=body.model.__name__)
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"$ref": ref}}}}
        errors += [BadRequest, TooLarge]
    if body is not None or operation.get("parameters"):
        errors.append(Invalid)
    if operation.get("security"):
        errors += [Unauthenticated, TokenExpired]
    responses = operation["responses"]
    if MEDIA_TYPE not in responses.get("422", {}).get("content", {}):
        responses.pop("422", None)
    for status, response in problem_responses(*errors).items():
        responses.setdefault(str(status), response)
    responses["default"] = {"description": "Another error.", "content": {MEDIA_TYPE: {"schema": SCHEMA_REF}}}
    operation["responses"] = dict(sorted(responses.items()))


def _link(document: dict[str, Any]) -> None:
    """Say where that leads which creates something: to the operations whose path takes what its answer names."""
    onwards = [
        (operation["operationId"], parameter["name"])
        for _, _, operation in _operations(document)
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path"
    ]
    for path, _, operation in _operations(document):
        if "201" in operation["responses"] and "{" not in path:
            for response in (operation["responses"][status] for status in ("200", "201")):
                named = _properties(document, response)
                response["links"] = {id: _describe_link(id, name) for id, name in onwards if name in named}


def _describe_link(operation_id: str, name: str) -> dict[str, Any]:
    return {"operationId": operation_id, "parameters": {name: f"$response.body#/{name}"}}


def _properties(document: dict[str, Any], response: dict[str, Any]) -> Set[str]:
    model = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    properties: dict[str, Any] = document["components"]["schemas"][model]["properties"]
    return properties.keys()
