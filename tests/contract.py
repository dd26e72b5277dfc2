"""The OpenAPI document as a judge: whether an answer is one of those that it declares for a route."""

import json
import re
from collections.abc import Mapping
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker

PROBLEM = "application/problem+json"


class Contract:
    """The OpenAPI document of one service."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._components = {"schemas": {name: _close(s) for name, s in document["components"]["schemas"].items()}}
        self._paths = [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), methods) for path, methods in document["paths"].items()]

    def routes(self) -> set[tuple[str, str]]:
        """Return the (method, path) of every route, the method in capitals."""
        return {(method.upper(), path) for path, methods in self._document["paths"].items() for method in methods}

    def codes(self, method: str, path: str) -> set[str]:
        """Return the codes of the problems that a route declares."""
        responses = self._document["paths"][path][method.lower()]["responses"].values()
        schemas = [response["content"][PROBLEM]["schema"] for response in responses if PROBLEM in response.get("content", {})]
        return {code for schema in schemas for code in schema.get("properties", {}).get("code", {}).get("enum", ())}

    def judge(self, method: str, path: str, status: int, headers: Mapping[str, str], body: str) -> list[str]:
        """Return what an answer to *method* *path* has against the document."""
        operation = self._operation(method, path)
        if operation is None:
            return [f"{method} {path} is not in the OpenAPI document"]
        response = operation["responses"].get(str(status))
        if response is None:
            return [f"{method} {path} does not declare {status}"]
        absent = [f"{name} is declared and absent" for name in response.get("headers", {}) if name not in headers]
        return absent + self._judge_body(response.get("content", {}), headers.get("content-type", ""), body)

    def judge_request(self, method: str, path: str, body: str) -> list[str]:
        """Return what a request, which was served, has against the document."""
        operation = self._operation(method, path)
        return self._judge_body(operation["requestBody"]["content"], "application/json", body) if operation is not None else []

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        bare = path.partition("?")[0]
        methods: dict[str, Any] = next((methods for pattern, methods in self._paths if pattern.fullmatch(bare)), {})
        return methods.get(method.lower())

    def _judge_body(self, content: Mapping[str, Any], media: str, body: str) -> list[str]:
        if not content:
            return [f"a body is not declared: {body}"] if body else []
        if media not in content:
            return [f"{media} is not declared, but {', '.join(content)}"]
        schema = content[media]["schema"] | {"components": self._components}
        validator = OAS31Validator(schema, format_checker=oas31_format_checker)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(body))]


def _close(schema: dict[str, Any]) -> dict[str, Any]:
    """Return *schema* without room for fields that it does not name. A problem document may always have more."""
    return schema if schema["title"] == "Problem" or "properties" not in schema else {"additionalProperties": False} | schema
