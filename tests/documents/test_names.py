"""What a document points at is there: pages, headings in them, files of the checkout."""

import re
from pathlib import Path

import pytest

from tests.documents.test_commands import NAMED
from tests.system import ROOT

_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
_FILE = re.compile(r"`((?:\.?[\w-]+/)+[\w.-]*)`")
_MADE = "deploy/secrets/"  # by `make secrets`
_OURS = {"clients", "deploy", "docs", "router", "services", "shared", "tests"}


def anchors(page: Path) -> set[str]:
    """Return the headings' anchors, as code forges make them, and those that are written out."""
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip().lower().replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


@pytest.mark.parametrize(("name", "text"), NAMED, ids=[name for name, _ in NAMED])
def test_what_a_document_links_to_is_there(name: str, text: str) -> None:
    page = ROOT / name
    for target, heading in _LINK.findall(text):
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        assert not heading or there.suffix != ".md" or heading in anchors(there), heading


@pytest.mark.parametrize(("name", "text"), NAMED, ids=[name for name, _ in NAMED])
def test_a_file_that_a_document_names_is_there(name: str, text: str) -> None:
    for path in _FILE.findall(text):
        if path.partition("/")[0] in _OURS:
            assert path.startswith(_MADE) or (ROOT / path).exists(), path
