"""The page at /docs: the routes of the OpenAPI document as plain HTML, with nothing to fetch from elsewhere."""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:#f4f5f7;padding:.75rem;overflow:auto;border-radius:6px}
details{border:1px solid #d5d9de;border-radius:6px;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer}
b{display:inline-block;min-width:4rem}
@media (prefers-color-scheme:dark){
body{color:#e6e8ea;background:#14171a}
pre{background:#1f2429}
details{border-color:#3a4149}
a{color:#8ab4ff}
}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def answer_docs(document: dict[str, Any]) -> HTMLResponse:
    """Return the page of the OpenAPI *document*."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    operations = "".join(_render(document))
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f"<p>{escape(document['info'].get('description', ''))}</p>"
        f'<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>{operations}'
        f"<h2>Schemas</h2>{''.join(_render_schemas(document))}</html>"
    )
    return HTMLResponse(page, headers={"content-security-policy": _POLICY, "referrer-policy": "no-referrer"})


def _render(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            summary = escape(operation.get("summary", ""))
            yield f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {summary}</summary>"
            yield "".join(_render_operation(operation))
            yield "</details>"


def _render_operation(operation: dict[str, Any]) -> Iterator[str]:
    if operation.get("description"):
        yield f"<p>{escape(operation['description'])}</p>"
    if operation.get("security"):
        yield "<p>Needs <code>Authorization: Bearer TOKEN</code>.</p>"
    for parameter in operation.get("parameters", ()):
        yield f"<p><code>{escape(parameter['name'])}</code> ({escape(parameter['in'])})</p>"
    if body := operation.get("requestBody"):
        yield f"<p>Body: {_render_media(body['content']['application/json'])}</p>"
    for status, response in operation["responses"].items():
        told = "".join(map(_render_media, response.get("content", {}).values()))
        yield f"<p><b>{escape(status)}</b> {escape(response.get('description', ''))} {told}</p>"


def _render_media(media: dict[str, Any]) -> str:
    schema = media.get("schema", {})
    name = escape(schema.get("$ref", "").rpartition("/")[2])
    return f'<a href="#{name}">{name}</a>' if name else f"<code>{escape(json.dumps(schema))}</code>" if schema else ""


def _render_schemas(document: dict[str, Any]) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
        yield f'<details><summary>{escape(name)}</summary><pre id="{escape(name)}">{text}</pre></details>'
