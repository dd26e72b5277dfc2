"""The chat page at `/`, with a policy that lets it run its own modules alone and call the two services alone."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.read.page_files import SHELL, WORKER, File, PageFiles
from shared.web.origins import default_origins

ALWAYS = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PageAbout:
    """What the page is told by its gateway.

    *hosts*: origins of the pages that may embed it, or open it, and hand it a token.
    """

    read_url: str
    write_url: str
    hosts: tuple[str, ...]
    has_dev_tokens: bool


def page_routes(files: PageFiles, about: PageAbout) -> APIRouter:
    """Return the routes of the page. The shell and the worker are asked for anew each time; all else is kept for ever."""
    router, base = APIRouter(), f"/page/{files.version}"
    guard = _guard(about)
    shell = files.filled(SHELL, _shell_values(files, about, base))
    paths = ["/", *(f"{base}/{path}" for path in files.files)]
    worker = files.filled(WORKER, {"version": files.version, "paths": json.dumps(paths)})
    for path, file in (("/", shell), ("/worker.js", worker)):
        router.add_route(path, _answer(file, {**guard, "cache-control": ALWAYS}), include_in_schema=False)
    for path, file in files.files.items():
        router.add_route(f"{base}/{path}", _answer(file, {**guard, "cache-control": FOR_EVER}), include_in_schema=False)
    return router


def _shell_values(files: PageFiles, about: PageAbout, base: str) -> Mapping[str, str]:
    modules = "\n".join(f'    <link rel="modulepreload" fetchpriority="low" href="{base}/{path}" />' for path in files.modules)
    values = {"write": about.write_url, "hosts": " ".join(about.hosts), "dev": "on" if about.has_dev_tokens else "off"}
    return {"base": base, "modules": modules} | {name: escape(value) for name, value in values.items()}


def _guard(about: PageAbout) -> Mapping[str, str]:
    return {
        "content-security-policy": "; ".join(_policy(about)),
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "vary": "Accept-Encoding",
    }


def _policy(about: PageAbout) -> Iterable[str]:
    origins = sorted(set(default_origins(about.read_url, about.write_url)))
    sockets = [origin.replace("http", "ws", 1) for origin in origins]
    yield "default-src 'none'"
    yield "script-src 'self'"
    yield "style-src 'self'"
    yield "img-src 'self'"
    yield "manifest-src 'self'"
    yield "worker-src 'self'"
    yield f"connect-src 'self' {' '.join(origins + sockets)}"
    yield f"frame-ancestors {' '.join(about.hosts) or chr(39) + 'none' + chr(39)}"
    yield "base-uri 'none'"
    yield "form-action 'none'"
    yield "require-trusted-types-for 'script'"
    yield "trusted-types ringpost-worker"


def _answer(file: File, headers: Mapping[str, str]) -> Handler:
    headers = {**headers, "content-type": file.kind, "etag": file.etag}

    async def handle(request: Request) -> Response:
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.packed, headers={**headers, "content-encoding": "gzip"})
        return Response(file.body, headers=headers)

    return handle
