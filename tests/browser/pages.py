"""The page of docs/benchmarks that says what the chat page costs. A pure core."""

from typing import Any

HEAD = """\
# page

The chat page with {messages:,} real messages in one conversation, in {browser} without a screen or a graphics card. Written by

```console slow
$ make bench-page
```

on {processor}, {cores} cores, where the load was {load_before} before and {load_after} after: what else runs makes frames
longer. Measured on {measured_on}, Ringpost {ringpost}.
"""


def write_page(told: dict[str, Any]) -> str:
    machine = told["machine"]
    about = {**machine, "load_before": machine["load_before"][0], "load_after": machine["load_after"][0]}
    return "\n".join(
        [
            HEAD.format(messages=told["messages"], browser=told["browser"], **about),
            _paints(told),
            _scrolling(told),
            _leaps(told["leaps"]),
            _memory(told),
            _lighthouse(told["lighthouse"]),
        ]
    )


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def _paints(told: dict[str, Any]) -> str:
    names = {
        "gate": "signing in, nothing cached",
        "cold": "the conversation, nothing of it cached",
        "warm": "the conversation again",
    }
    rows = [
        [name, one["fcp"], one["lcp"], one["message"] or "", one["requests"], one["kib"]]
        for name, one in ((names[key], told[key]) for key in names)
    ]
    head = ["", "first paint, ms", "largest paint, ms", "first message, ms", "requests", "KiB"]
    return "## Until something is there\n\n" + _table(head, rows)


def _scrolling(told: dict[str, Any]) -> str:
    walk = told["walk"]
    frames = {**told["scrolling"], "the walk, 300 px a frame": walk}
    rows = [
        [name, *(one[field] for field in ("frames", "p50_ms", "p95_ms", "p99_ms", "max_ms", "over_50_ms", "blank"))]
        for name, one in frames.items()
    ]
    head = ["", "frames", "p50, ms", "p95, ms", "p99, ms", "longest, ms", "over 50 ms", "blank"]
    walked = (
        f"The walk goes from the end towards the beginning, a page of history after the other:"
        f" {walk['messages']:,} messages came by, from {walk['to']:,} to {walk['from']:,}.\n"
        "`blank`: frames in which the middle of the window showed no message, since it was still on its way."
    )
    return "## Frames while it scrolls\n\n" + _table(head, rows) + "\n" + walked + "\n"


def _leaps(leaps: dict[str, Any]) -> str:
    rows = [[name, one["p50_ms"], one["max_ms"]] for name, one in leaps.items()]
    return "## From a leap to the message\n\n" + _table(["", "p50, ms", "longest, ms"], rows)


def _memory(told: dict[str, Any]) -> str:
    names = {"opened": "opened", "scrolled": "after scrolling", "leapt": "after leaping about"}
    stages = {names[key]: one for key, one in told["memory"].items()} | {"after the walk": told["walk"]["memory"]}
    rows = [[name, one["heap_mib"], f"{one['nodes']:,.0f}"] for name, one in stages.items()]
    return "## Memory, after a collection\n\n" + _table(["", "JavaScript heap, MiB", "nodes"], rows)


def _lighthouse(judged: dict[str, Any]) -> str:
    if "lacking" in judged:
        return f"## Lighthouse\n\n{judged['lacking']}.\n"
    rows = [
        [
            name,
            *one["scores"].values(),
            *(
                f"{one['audits'][audit]:,.0f}"
                for audit in ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time")
            ),
        ]
        for name, one in judged.items()
    ]
    version = next(iter(judged.values()))["version"]
    head = ["", "performance", "accessibility", "best practices", "first paint, ms", "largest paint, ms", "blocked, ms"]
    return (
        f"## Lighthouse {version}\n\nThe median of its runs; `mobile` is a slow phone on a slow network, simulated.\n\n"
        + _table(head, rows)
    )
