"""What of the JavaScript client only a browser can run: its storage, its tabs, its hints."""

import http.server
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.javascript import CLIENT

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
# As root it refuses its sandbox, and containers often have little shared memory.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions")
WAIT_S = 60.0

pytestmark = pytest.mark.skipif(not BROWSER, reason="chromium is not there: the client's storage in a browser is not tested")


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves the client's files, and takes what a page has to report."""

    results: queue.Queue[dict[str, str]]

    def do_POST(self) -> None:  # the library's name
        self.results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[tuple[str, queue.Queue[dict[str, str]]]]:
    results: queue.Queue[dict[str, str]] = queue.Queue()
    handler = type("Here", (Files,), {"results": results})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(CLIENT))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", results
        server.shutdown()


@contextmanager
def browsing(url: str, profile: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [BROWSER, *FLAGS, f"--user-data-dir={profile}", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_in_a_browser_the_outbox_is_kept_shared_and_handed_on(tmp_path: Path) -> None:
    with served() as (url, results), browsing(f"{url}/test/browser/storage.html", tmp_path):
        told = results.get(timeout=WAIT_S)

    assert {name: result for name, result in told.items() if result != "passed"} == {}
    assert len(told) == 5
