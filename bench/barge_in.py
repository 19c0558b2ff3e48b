"""How fast is the page silent when the user begins to speak?

`python -m bench.barge_in [--trials 12] [--without-flush] [--quick]`

Chromium opens the real page on the real server, whose upstream is scripted here: it sends a tone
of ten seconds at five times real time and, while that sounds,
`input_audio_buffer.speech_started`. Measured is the time from the sending of that event (this
process's clock) to the last sample above −60 dB that the playback worklet rendered
(`window.__parley`, the worklet's own books); behind it comes only the device. Then the same while
the page's main thread is blocked for 300 of each 350 ms.

`--without-flush` serves a copy of the page whose worklet ignores the flush: the run must fail,
which shows that it measures the right thing.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from bench.common import ROOT, SHORT, TimerLag, head, judge, load, percentile, until_quiet
from rtclient.testing import PeerSession, ScriptedPeer, session_created
from tests.support import ladders
from tests.support.azure_peer import TONE
from tests.support.servers import child_server

CALM_MS, BLOCKED_MS = 50.0, 100.0
TONE_S = 10
SPEED = 5
SETTLE_S = 0.8
"""After the interruption: until the worklet has posted its books."""

FLUSH = '} else if (data.type === "flush") {'
WITHOUT_FLUSH = '} else if (data.type === "flush, ignored") {'
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
BLOCK = """() => {
  window.blocking = setInterval(() => {
    const end = performance.now() + 300;
    while (performance.now() < end);
  }, 350);
}"""
UNBLOCK = "() => clearInterval(window.blocking)"
BOOKS = "() => ({ parts: __parley.parts, flushes: __parley.flushes })"
CONTEXT_TIME = "(epoch_ms) => __parley.contextTimeOf(epoch_ms)"


@dataclass
class Trial:
    """One interruption: what was sounding and when the event left, in ms since the epoch."""

    item_id: str
    sent_ms: float


class Speaker:
    """The scripted upstream: speaks a tone, interrupts itself, and notes when."""

    def __init__(self, session: PeerSession) -> None:
        self._session = session
        self._ids = ladders.Ids()
        self._after: str | None = None

    async def interrupted(self) -> Trial:
        """Speak for 1 to 1.6 s, then send `speech_started` and the end of the response."""
        response, item = self._ids.new("resp"), self._ids.new("item")
        text = "A tone of ten seconds."
        about: dict[str, Any] = {"after": self._after, "spoken": True}
        for event in ladders.response_opening(self._ids, response, item, **about):
            await self._session.send(event)
        began = time.monotonic()
        until = began + random.uniform(1.0, 1.6)
        spoken_s = 0.0
        for event in ladders.response_deltas(self._ids, response, item, text, TONE * TONE_S):
            await self._session.send(event)
            spoken_s += 0.25
            await asyncio.sleep(max(0.0, began + spoken_s / SPEED - time.monotonic()))
            if time.monotonic() >= until:
                break
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        heard = self._ids.new("item")
        trial = Trial(item, time.time() * 1000)
        await self._send("input_audio_buffer.speech_started", audio_start_ms=0, item_id=heard)
        for event in ladders.response_closing(
            self._ids, response, item, text, status="cancelled", reason="turn_detected", **about
        ):
            await self._session.send(event)
        await asyncio.sleep(SETTLE_S)
        await self._send("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=heard)
        self._after = item
        return trial

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._session.send({"type": kind, "event_id": self._ids.new("event"), **fields})


async def greet(session: PeerSession, listening: "asyncio.Queue[PeerSession]") -> None:
    """Begin a session, accept its update, hear the microphone; a `Speaker` does the rest."""
    created = session_created()
    await session.send(created)
    update = await session.expect("session.update")
    merged = {**created["session"], **update["session"]}
    await session.send({"type": "session.updated", "event_id": "event_updated", "session": merged})
    await session.expect("input_audio_buffer.append")
    listening.put_nowait(session)


async def silences_ms(page: Page, trials: list[Trial]) -> list[float]:
    """For each trial: milliseconds from the event's sending to the last loud sample."""
    books = await page.evaluate(BOOKS)
    parts = {part["item_id"]: part for part in books["parts"]}
    flushes = {cut["item_id"]: flush for flush in books["flushes"] for cut in flush["parts"]}
    found: list[float] = []
    for trial in trials:
        part, flush = parts.get(trial.item_id), flushes.get(trial.item_id)
        if part is None or part["last_loud_time"] is None:
            print(f"  {trial.item_id} was never heard")
            found.append(float("inf"))
        elif flush is not None:
            # The flush was noted on both clocks at once.
            after_flush_ms = (part["last_loud_time"] - flush["context_time"]) * 1000
            found.append(flush["epoch_ms"] + after_flush_ms - trial.sent_ms)
        else:
            at = await page.evaluate(CONTEXT_TIME, trial.sent_ms)
            found.append((part["last_loud_time"] - at) * 1000)
    return found


@contextlib.asynccontextmanager
async def opened_page(url: str) -> AsyncIterator[tuple[Page, list[str]]]:
    """The page in a headless Chromium, in conversation; and what its console complained of."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            page = await browser.new_page()
            complaints: list[str] = []
            page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(url)
            await page.locator("#big").click()
            yield page, complaints
        finally:
            await browser.close()


def copied_without_flush(folder: Path) -> Path:
    """A copy of the program in `folder` whose page does not flush."""
    for name in ("server", "rtclient", "public"):
        shutil.copytree(ROOT / name, folder / name)
    worklet = folder / "public" / "js" / "audio" / "playback-worklet.js"
    text = worklet.read_text()
    if text.count(FLUSH) != 1:
        raise SystemExit("the flush is not where --without-flush looks for it")
    worklet.write_text(text.replace(FLUSH, WITHOUT_FLUSH))
    return folder


async def measure(options: argparse.Namespace) -> tuple[float, int]:
    """Measure calm, then blocked: (own timer lag p95 in ms, exit code)."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listening: asyncio.Queue[PeerSession] = asyncio.Queue()
        peer = await stack.enter_async_context(ScriptedPeer(lambda s: greet(s, listening)))
        settings = {
            "UPSTREAM": "openai",
            "OPENAI_API_KEY": "bench-key",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{peer.port}/v1",
        }
        if options.without_flush:
            settings["PYTHONPATH"] = str(copied_without_flush(folder))
        _, port = await stack.enter_async_context(child_server(settings, folder=folder))
        page, complaints = await stack.enter_async_context(
            opened_page(f"http://localhost:{port}/?debug=1")
        )
        async with asyncio.timeout(15):
            speaker = Speaker(await listening.get())
        results: dict[str, list[float]] = {}
        lag = await stack.enter_async_context(TimerLag())
        for name in ("calm", "main thread blocked"):
            if name != "calm":
                await page.evaluate(BLOCK)
            trials = [await speaker.interrupted() for _ in range(options.trials)]
            if name != "calm":
                await page.evaluate(UNBLOCK)
            await asyncio.sleep(SETTLE_S)
            results[name] = await silences_ms(page, trials)
            values = results[name]
            print(f"  {name}: {' '.join(f'{v:.0f}' for v in values)} ms; {load()}")
            print(f"  {name}: median {percentile(values, 0.5):.1f} ms, max {max(values):.1f} ms")
    code = judge(
        [
            ("event → last loud sample, p95", percentile(results["calm"], 0.95), CALM_MS, "ms"),
            (
                "the same, main thread blocked 300 ms, p95",
                percentile(results["main thread blocked"], 0.95),
                BLOCKED_MS,
                "ms",
            ),
        ]
    )
    for complaint in complaints:
        print(f"  the page complained: {complaint}")
    return lag.p95_ms, code if not complaints else SHORT


async def main(options: argparse.Namespace) -> int:
    """Measure until the machine was quiet enough."""
    head(f"Barge-in: {options.trials} trials" + (", flush removed" * options.without_flush))
    return await until_quiet(lambda: measure(options))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20, help="of each kind; ≥ 12 count")
    parser.add_argument("--without-flush", action="store_true", help="must fail")
    parser.add_argument("--quick", action="store_true", help="12 trials")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.trials = 12
    raise SystemExit(asyncio.run(main(chosen)))
