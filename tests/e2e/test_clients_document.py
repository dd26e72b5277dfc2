"""`docs/clients.md`: its programs run as they stand there, from an empty folder, with the packages that a user installs."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import httpx
import pytest
from ringpost_client import Api

from tests.gateways import JWT_KEY, Site, running, token
from tests.javascript import NODE, needs_node

pytestmark = pytest.mark.slow  # it builds packages

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "clients.md").read_text()
NPM = shutil.which("npm") or ""
READ, WRITE = "http://127.0.0.1:8000", "http://127.0.0.1:8001"


def block(language: str, words: str) -> str:
    """Return the one program of *language* in the document that has *words* in it."""
    found = [body for body in re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL) if words in body]
    assert len(found) == 1
    return str(found[0])


async def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Return what a program prints; it must end well."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd)} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(100):
            said, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, complaints.decode()[-4000:]
    return said.decode()


def built(folder: Path, pattern: str) -> Path:
    """Return the one package that was built."""
    (package,) = folder.glob(pattern)
    return package


async def install_python(folder: Path) -> Path:
    """Build the Python client's wheel, as a release would, and unpack it as an installation does; return where."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    shutil.copytree(ROOT / "clients" / "python", folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    await run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source", cwd=folder)
    wheel = built(folder, "ringpost_client-*.whl")
    await run(*pip, "install", "--no-deps", "--no-compile", "--target", folder / "installed", wheel, cwd=folder)
    return folder / "installed"


def at_home(program: str, read: str, write: str) -> str:
    return program.replace(READ, read).replace(WRITE, write)


async def test_the_ten_lines_of_python_say_what_the_document_shows(site: Site, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        installed = await install_python(tmp_path)
        program = at_home(block("python", "async def main"), read.url, write.url)
        look = "import ringpost_client; print(ringpost_client.__file__)"
        environment = {"TOKEN": token("alice"), "PYTHONPATH": str(installed)}
        assert (await run(sys.executable, "-c", look, cwd=empty, **environment)).startswith(str(installed))
        said = await run(sys.executable, "-c", program, cwd=empty, **environment)

    assert said == block("text", "pending")
    assert block("python", "async def main") in (ROOT / "clients" / "python" / "README.md").read_text()
    assert [path.name for path in (empty / "alice").iterdir()] == ["ringpost.db"]
    assert (installed / "ringpost_client" / "py.typed").exists()


@needs_node
@pytest.mark.skipif(not NPM, reason="npm is not there: the JavaScript package is not built")
async def test_the_ten_lines_of_javascript_say_the_same(site: Site, tmp_path: Path) -> None:
    async with running(site):
        write, read = await site.start("write"), await site.start("read")
        npm = (NPM, "--offline", "--no-audit", "--no-fund", "--silent")
        await run(*npm, "pack", ROOT / "clients" / "js", "--pack-destination", tmp_path, cwd=tmp_path)
        package = built(tmp_path, "ringpost-client-*.tgz")
        empty = tmp_path / "empty"
        empty.mkdir()
        await run(*npm, "install", package, cwd=empty)
        (empty / "first.mjs").write_text(at_home(block("js", "new Client"), read.url, write.url))
        flags = ("--experimental-websocket", "--no-warnings")
        said = await run(NODE, *flags, "first.mjs", cwd=empty, TOKEN=token("alice"))

    assert said == block("text", "pending")


async def mint_in_python() -> str:
    names: dict[str, object] = {}
    exec(block("python", "jwt.encode"), names)  # the document's own words
    minted = names["mint"]("erin", JWT_KEY)  # type: ignore[operator]
    assert isinstance(minted, str)
    return minted


async def mint_in_node(folder: Path) -> str:
    (folder / "mint.mjs").write_text(block("js", "createHmac"))
    program = f"import {{ mint }} from './mint.mjs'; console.log(mint('erin', '{JWT_KEY}'))"
    return (await run(NODE, "--input-type=module", "--eval", program, cwd=folder)).strip()


async def who_is(url: str, minted: str) -> str:
    """Return whom the service takes the holder of a token for."""
    api = Api(url, url)
    try:
        conversation = await api.create(minted, "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60")
    finally:
        await api.close()
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"{url}/v1/conversations/{conversation}/members", headers={"Authorization": f"Bearer {minted}"}
        )
    (member,) = answer.json()["members"]
    return str(member["user"])


async def test_the_tokens_that_the_document_mints_are_taken(site: Site, tmp_path: Path) -> None:
    async with running(site):
        gateway = await site.start("both")
        minted = [await mint_in_python(), *([await mint_in_node(tmp_path)] if NODE else [])]
        assert [await who_is(gateway.url, each) for each in minted] == ["erin"] * len(minted)
