"""The chat page's files: read once, under a name that changes with them."""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
SHELL, WORKER = "web/index.html", "web/worker.js"
_PARTS = ("web/*.*", "web/src/**/*", "web/style/*", "js/src/**/*")
# Beside this module in a wheel; in a checkout the clients have a folder of their own.
_PLACES = (Path(__file__).parent / "page", Path(__file__).parents[2] / "clients")
_NOT_SHOWN = ("js/src/node.js",)


@dataclass(frozen=True)
class File:
    body: bytes
    kind: str

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'


class PageFiles:
    """All that a browser fetches, by path (`web/src/main.js`), but for the shell and the worker, which name the others."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._texts = {path: files[path].body.decode() for path in (SHELL, WORKER)}
        self.files = {path: file for path, file in files.items() if path not in self._texts}
        self.version = _digest(files)

    @property
    def modules(self) -> list[str]:
        return [path for path in self.files if path.endswith(".js") and "/src/" in path]

    def filled(self, path: str, values: Mapping[str, str]) -> File:
        """Return the shell or the worker with `{{name}}` replaced by the value of that name."""
        text = self._texts[path]
        for name, value in values.items():
            text = text.replace("{{" + name + "}}", value)
        return File(text.encode(), KINDS[Path(path).suffix])


def load_page() -> PageFiles:
    """Read the page from beside this module, or from the checkout."""
    place = next((place for place in _PLACES if (place / SHELL).is_file()), None)
    assert place is not None, "this package was built without the chat page's files"
    return PageFiles(dict(sorted(_read(place))))


def _read(place: Path) -> Iterator[tuple[str, File]]:
    for part in _PARTS:
        for path in place.glob(part):
            name = path.relative_to(place).as_posix()
            if path.suffix in KINDS and name not in _NOT_SHOWN:
                yield name, File(path.read_bytes(), KINDS[path.suffix])


def _digest(files: Mapping[str, File]) -> str:
    digest = hashlib.sha256()
    for path, file in files.items():
        digest.update(f"{path} {len(file.body)}\n".encode() + file.body)
    return digest.hexdigest()[:16]
