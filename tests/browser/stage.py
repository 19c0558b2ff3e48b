"""What a browser test stands on: real server, Chromium with a wav as microphone, a watched page.

Used by the tests beside it and by `scripts/screenshots.py`. Everything here is synchronous, because
Playwright's synchronous API is.
"""

import contextlib
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import wave
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

from tests.support.servers import ADDRESS, clean_environment

RATE_HZ = 24_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_S = 40.0
"""Longest wait for a server whose engine loads its models on a busy machine."""

VIOLATIONS = """
  window.__violations = [];
  addEventListener("securitypolicyviolation", (event) =>
    window.__violations.push(`${event.violatedDirective}: ${event.blockedURI || event.sample}`));
"""


def chromium() -> str:
    """Path of a Chromium. Raises RuntimeError with what to do when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise RuntimeError(
            "Chromium was not found. Run ./test.sh browser: it installs one and tests then."
        )
    return found


# ---- programs ------------------------------------------------------------------------------------


@dataclass
class Program:
    """A child process of ours and everything it printed."""

    process: subprocess.Popen[bytes]
    output: bytearray = field(default_factory=bytearray)
    changed: threading.Condition = field(default_factory=threading.Condition)
    has_ended: bool = False

    def read(self) -> None:
        """Collect the output until it ends; runs in a thread of its own."""
        assert self.process.stdout is not None
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self.changed:
                self.output += data
                self.changed.notify_all()
        with self.changed:
            self.has_ended = True
            self.changed.notify_all()

    def printed(self, pattern: re.Pattern[bytes], timeout_s: float = START_S) -> re.Match[bytes]:
        """Wait until the output has this; RuntimeError with the output when it does not come."""
        with self.changed:
            self.changed.wait_for(lambda: pattern.search(self.output) or self.has_ended, timeout_s)
            match = pattern.search(self.output)
        if match is None:
            raise RuntimeError(
                f"{pattern.pattern!r} was not printed:\n{self.output.decode(errors='replace')}"
            )
        return match

    def stop(self) -> None:
        """SIGTERM, SIGKILL after 8 s; returns when the process has ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def program(*arguments: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Program]:
    """Run `python ARGUMENTS` until the block ends."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    running = Program(process)
    reader = threading.Thread(target=running.read, daemon=True)
    reader.start()
    try:
        yield running
    finally:
        running.stop()
        reader.join(5)
        assert process.stdout is not None
        process.stdout.close()


@contextlib.contextmanager
def parley(
    folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Program]]:
    """Run `python -m server` on a free port; gives its address and the program.

    `folder` should be empty: the server looks for `.env` from its working directory upward.
    """
    wanted = {"HOST": "127.0.0.1", "PORT": "0", **(environment or {"UPSTREAM": "engine"})}
    with program("-m", "server", folder=folder, environment=wanted) as running:
        port = int(running.printed(ADDRESS).group(1))
        yield f"http://127.0.0.1:{port}", running


# ---- speech --------------------------------------------------------------------------------------

SPEAKER = """
import asyncio, sys, wave
from rtclient.engine.voice import EspeakVoice

async def main(voice, jobs):
    speaker = EspeakVoice()
    await speaker.start()
    try:
        for path, text in jobs:
            spoken = speaker.speak(text, voice=voice, speed=0.9)
            pcm = b"".join([piece.pcm async for piece in spoken])
            with wave.open(path, "wb") as sound:
                sound.setnchannels(1); sound.setsampwidth(2); sound.setframerate(24000)
                sound.writeframes(pcm)
    finally:
        await speaker.close()

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], list(zip(sys.argv[2::2], sys.argv[3::2]))))
"""


class Speech:
    """Speech made at run time by the engine's own voice, and wavs for the fake microphone."""

    def __init__(self, folder: Path, voice: str = "alloy") -> None:
        self._folder = folder
        self._voice = voice
        self._said: dict[str, bytes] = {}

    def say(self, *texts: str) -> list[bytes]:
        """Samples of each text: pcm16 mono 24 kHz."""
        new = [text for text in texts if text not in self._said]
        if new:
            script = self._folder / "speaker.py"
            script.write_text(SPEAKER)
            paths = [self._folder / f"said-{len(self._said) + n}.wav" for n in range(len(new))]
            jobs = [
                part for path, text in zip(paths, new, strict=True) for part in (str(path), text)
            ]
            subprocess.run(
                [sys.executable, str(script), self._voice, *jobs],
                check=True,
                env=clean_environment({}),
            )
            for path, text in zip(paths, new, strict=True):
                with wave.open(str(path)) as sound:
                    self._said[text] = sound.readframes(sound.getnframes())
        return [self._said[text] for text in texts]

    def wav(self, *parts: str | float) -> Path:
        """A wav of texts and silences (seconds), for the fake microphone.

        Raises AssertionError when it would be silent: Chromium plays a bad file as silence.
        """
        texts = [part for part in parts if isinstance(part, str)]
        said = dict(zip(texts, self.say(*texts), strict=True))
        pcm = b"".join(
            said[part] if isinstance(part, str) else bytes(2 * round(part * RATE_HZ))
            for part in parts
        )
        samples = array("h", pcm)
        if texts:
            rms = math.sqrt(
                sum(sample * sample for sample in samples[::5]) / max(1, len(samples[::5]))
            )
            assert rms > 50, "the speech for the fake microphone is silent"
        path = self._folder / f"microphone-{abs(hash(parts))}.wav"
        with wave.open(str(path), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(RATE_HZ)
            sound.writeframes(pcm)
        return path


# ---- browser -------------------------------------------------------------------------------------


def launch(
    playwright: Playwright,
    *,
    microphone: Path | None = None,
    has_device: bool = True,
    is_denied: bool = False,
    flags: Sequence[str] = (),
) -> Browser:
    """Start Chromium. The wav of the microphone is a flag of the process: one browser per wav."""
    arguments = [*FLAGS, *flags]
    if has_device:
        arguments.append("--use-fake-device-for-media-stream")
    arguments.append("--use-fake-ui-for-media-stream" + ("=deny" if is_denied else ""))
    if microphone is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    return playwright.chromium.launch(executable_path=chromium(), headless=True, args=arguments)


@dataclass
class Watch:
    """What a page must not do: complain on the console, throw, break its own policy."""

    page: Page
    allowed: tuple[str, ...] = ()
    complaints: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Listen; before the page is opened."""
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.add_init_script(VIOLATIONS)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._note(message.text)

    def _note(self, text: str) -> None:
        if not any(part in text for part in self.allowed):
            self.complaints.append(text)

    def check(self) -> None:
        """Raise AssertionError with all complaints and policy violations."""
        violations: list[str] = []
        if not self.page.is_closed():
            violations = self.page.evaluate("() => window.__violations ?? []")
        assert not self.complaints, self.complaints
        assert not violations, violations


def open_page(
    browser: Browser, url: str, *, allowed: tuple[str, ...] = (), **context: Any
) -> tuple[Page, Watch]:
    """Open the page in a context of its own and wait until it knows the server."""
    wanted: dict[str, Any] = {
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-GB",
        **context,
    }
    page = browser.new_context(**wanted).new_page()
    page.set_default_timeout(20_000)
    watch = Watch(page, allowed)
    watch.begin()
    page.goto(url)
    page.wait_for_selector("#upstream:not(:empty)")
    return page, watch


def wait_for_engine(page: Page) -> None:
    """Wait until the built-in engine has loaded its models."""
    page.wait_for_function(
        """async () => {
          const answer = await fetch("/healthz");
          return (await answer.json()).engine !== "starting";
        }""",
        polling=250,
        timeout=START_S * 1000,
    )
