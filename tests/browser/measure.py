"""What the page costs a browser: paints, memory, frames while it scrolls, and how long a leap takes."""

import json
import random
from statistics import median
from typing import Any

from playwright.async_api import Browser, CDPSession, Page

from tests.browser.chromium import WIDE

# What the browser tells of its own paints, and when the first message stood on the page.
WATCH = """
window.told = { lcp: 0, message: 0 };
new PerformanceObserver((list) => { window.told.lcp = list.getEntries().at(-1).startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
new MutationObserver((_, observer) => {
  if (!document.querySelector("rp-message")) return;
  window.told.message = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
PAINTS = """() => ({ ...window.told, fcp: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
  requests: performance.getEntriesByType("resource").length + 1,
  kib: performance.getEntriesByType("resource").reduce((sum, one) => sum + one.transferSize, 0) / 1024 })"""
# Moves the window by so much in each frame; a frame's length is from its callback to the next one's.
SCROLL = """async ([step, ms]) => {
  const scroller = document.querySelector(".scroller");
  const frames = [], seqs = new Set();
  const ends = performance.now() + ms;
  let last = performance.now(), blank = 0;
  while (performance.now() < ends && (step > 0 || scroller.scrollTop > 0)) {
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
    const rows = document.querySelectorAll("rp-message");
    for (const row of rows) seqs.add(Number(row.dataset.seq));
    if (document.elementFromPoint(innerWidth * 0.65, innerHeight / 2)?.closest("rp-message") === null) blank += 1;
    scroller.scrollTop += step;
  }
  return { frames, blank, seqs: seqs.size, least: Math.min(...seqs), most: Math.max(...seqs) };
}"""
LEAP = """async (place) => {
  const started = performance.now();
  if (typeof place === "string") location.hash = place;
  else document.querySelector(".scroller").scrollTop = place * document.querySelector(".scroller").scrollHeight;
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const isThere = () => {
    if (typeof place === "string") return document.querySelector(`rp-message[data-seq="${place.split("/").at(-1)}"]`) !== null;
    return document.elementFromPoint(innerWidth * 0.65, innerHeight / 2)?.closest("rp-message") != null;
  };
  while (!isThere() && performance.now() - started < 20000) await frame();
  return performance.now() - started;
}"""
SLOW_PX, FAST_PX, SCROLL_MS = 60, 400, 5_000
LEAPS = 10


async def measure_page(browser: Browser, url: str, token: str, room: str, head: int) -> dict[str, Any]:
    """Open the page on a conversation in a browser that has nothing yet, and scroll about in it."""
    context = await browser.new_context(viewport=WIDE)
    await context.add_init_script(WATCH)
    page = await context.new_page()
    page.set_default_timeout(60_000)
    session = await context.new_cdp_session(page)
    await session.send("Performance.enable")
    gate = await opened(page, url, "#gate.asks")
    cold = await opened(page, f"{url}/#token={token}&to=/c/{room}", "rp-message")
    await page.wait_for_timeout(2_000)
    warm = await reopened(page)
    kept = {"opened": await memory(session)}
    scrolling = {f"{step} px a frame": framed(await page.evaluate(SCROLL, [-step, SCROLL_MS])) for step in (SLOW_PX, FAST_PX)}
    kept["scrolled"] = await memory(session)
    leaps = await leap(page, room, head)
    kept["leapt"] = await memory(session)
    await context.close()
    return {"gate": gate, "cold": cold, "warm": warm, "scrolling": scrolling, "leaps": leaps, "memory": kept}


async def walk(browser: Browser, url: str, token: str, room: str, step: int, seconds: float) -> dict[str, Any]:
    """Scroll from the end towards the beginning for so long; say what came by."""
    context = await browser.new_context(viewport=WIDE)
    page = await context.new_page()
    await page.goto(f"{url}/#token={token}&to=/c/{room}")
    await page.wait_for_selector("rp-message")
    session = await context.new_cdp_session(page)
    await session.send("Performance.enable")
    found = await page.evaluate(SCROLL, [-step, seconds * 1000])
    told = framed(found) | {
        "messages": found["seqs"],
        "from": found["least"],
        "to": found["most"],
        "memory": await memory(session),
    }
    await context.close()
    return told


async def opened(page: Page, url: str, there: str) -> dict[str, float]:
    await page.goto("about:blank")
    await page.goto(url)
    await page.wait_for_selector(there)
    await page.wait_for_timeout(500)
    paints: dict[str, float] = await page.evaluate(PAINTS)
    return {name: round(value, 1) for name, value in paints.items()}


async def reopened(page: Page) -> dict[str, float]:
    await page.reload()
    await page.wait_for_selector("rp-message")
    await page.wait_for_timeout(500)
    paints: dict[str, float] = await page.evaluate(PAINTS)
    return {name: round(value, 1) for name, value in paints.items()}


async def memory(session: CDPSession) -> dict[str, float]:
    """Return what is left after the garbage is collected."""
    await session.send("HeapProfiler.collectGarbage")
    metrics = {one["name"]: one["value"] for one in (await session.send("Performance.getMetrics"))["metrics"]}
    return {"heap_mib": round(metrics["JSHeapUsedSize"] / 2**20, 1), "nodes": metrics["Nodes"]}


async def leap(page: Page, room: str, head: int) -> dict[str, dict[str, float]]:
    """Go to places far from each other, by an address and by the scroll bar."""
    chance = random.Random(7)
    by_address = [await page.evaluate(LEAP, f"#/c/{room}/{chance.randint(1, head)}") for _ in range(LEAPS)]
    by_bar = []
    for _ in range(LEAPS):
        by_bar.append(await page.evaluate(LEAP, chance.random()))
        await page.wait_for_timeout(300)
    return {"by address": spread(by_address), "by the scroll bar": spread(by_bar)}


def spread(times: list[float]) -> dict[str, float]:
    return {"p50_ms": round(median(times), 1), "max_ms": round(max(times), 1)}


def framed(found: dict[str, Any]) -> dict[str, float]:
    """Return how long the frames took, and how often the middle of the window showed nothing."""
    frames = sorted(found["frames"])
    at = [round(frames[int(len(frames) * part)], 1) for part in (0.5, 0.95, 0.99)]
    late = sum(frame > 50 for frame in frames)
    return {"frames": len(frames), "p50_ms": at[0], "p95_ms": at[1], "p99_ms": at[2], "max_ms": round(frames[-1], 1),
            "over_50_ms": late, "blank": found["blank"]}  # fmt: skip


def to_json(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
