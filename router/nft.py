"""The program nft: what it is told is done whole or not at all."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import msgspec

from router.netfilter import TABLE, Address, Rules, Spot

PLACES = ("/usr/sbin", "/sbin", "/usr/local/sbin")
TIMEOUT_S = 30.0


class KernelError(Exception):
    """The kernel does not do what the kernel plane needs; the text is one line and says what."""


def find() -> str:
    """Return the path of nft.

    Raises:
        KernelError: there is none.
    """
    found = shutil.which("nft", path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    if found is None:
        raise KernelError("nft is not installed (package nftables)")
    return found


def apply(statements: Iterable[str]) -> None:
    """Do *statements* in one transaction."""
    _run(["-f", "-"], "\n".join(statements))


def check(rules: Rules) -> None:
    """Have the kernel say whether it would take *rules*.

    Raises:
        KernelError: it would not, or we may not ask.
    """
    _run(["-c", "-f", "-"], rules.define())


def has_rules(name: str) -> bool:
    """Say whether the table there holds the rules of this *name*."""
    listed = _list("list", "chains", "inet")
    ours = [item["chain"] for item in listed if item.get("chain", {}).get("table") == TABLE.split()[1]]
    return any(chain["name"] == name for chain in ours)


def read_map(name: str) -> dict[int, Spot]:
    """Return what a map of buckets holds."""
    (found,) = [item["map"] for item in _list("list", "map", *TABLE.split(), name) if "map" in item]
    return {bucket: (ip_address(value["concat"][0]), value["concat"][1]) for bucket, value in found.get("elem", ())}


def read_set(name: str) -> set[Address]:
    """Return what a set of addresses holds."""
    (found,) = [item["set"] for item in _list("list", "set", *TABLE.split(), name) if "set" in item]
    return {ip_address(address) for address in found.get("elem", ())}


def _list(*words: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = msgspec.json.decode(_run(["-j", *words], ""))["nftables"]
    return items


def _run(words: list[str], given: str) -> str:
    try:
        done = subprocess.run([find(), *words], input=given, capture_output=True, text=True, timeout=TIMEOUT_S)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelError(f"nft: {error}") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "rror" in line] or [done.stderr.strip()[:200]]
        raise KernelError(f"nft: {said[0].strip()[-200:]}")
    return done.stdout
