"""Does Parley work in Firefox? One conversation, spoken and heard through PulseAudio.

`python -m bench.firefox [--phrase "What time is it?"]`

Must be installed besides the test environment (Debian): `apt-get install firefox-esr pulseaudio flite`.

The real server with its embedded engine, a PulseAudio of its own with two null sinks (one is the
loudspeaker, the other's monitor the microphone), and a headless Firefox, all children of this
script, all in a temporary folder, all gone at the end. The page is clicked as a person does, hears
the phrase from the Pulse source, and is judged by its own books (`?debug=1`) and by what arrives
at the loudspeaker. Every wait is for a state, with a limit.

Headless Firefox sometimes gets lost while it starts: then, and only then, the run is repeated
once, and the output says so. Exit code 1: the page falls short; 2: the run proves nothing.
"""

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import signal
import subprocess
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.bidi import Lost, Tab, first_tab
from bench.common import RATE, SHORT, VOID, head, load, speech
from tests.support.servers import child_server, clean_environment

NEEDED = ("firefox-esr", "pulseaudio", "pactl", "paplay", "parec", "flite")
PULSE = """load-module module-native-protocol-unix
load-module module-null-sink sink_name=loudspeaker
load-module module-null-sink sink_name=cable
load-module module-remap-source master=cable.monitor source_name=microphone
set-default-sink loudspeaker
set-default-source microphone
"""
PREFERENCES = """user_pref("permissions.default.microphone", 1);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
"""
LOOK_S, LIMIT_S = 0.2, 60.0
LOUD = 33
"""−60 dB of full scale in pcm16, the page's own border (`last_loud_time`)."""
SPAN = (0.97, 1.03)
"""Length of the sound at the loudspeaker, as a share of what the page rendered."""
STATE = """(() => ({
  phase: document.documentElement.dataset.phase,
  connection: document.documentElement.dataset.connection,
  trouble: document.querySelector("#troubles").textContent.trim(),
  turns: [...document.querySelectorAll(".turn[data-who]")].map((turn) => ({
    item: turn.dataset.item, who: turn.dataset.who, is_cut: "interrupted" in turn.dataset,
    is_guess: "guess" in turn.dataset, text: turn.querySelector(".turn-text").textContent,
    latency: turn.querySelector(".latency-text")?.textContent ?? "" })),
  parts: globalThis.__parley?.parts ?? [], underruns: globalThis.__parley?.underruns,
  captured: globalThis.__parley?.capture?.captured_samples ?? 0,
}))()"""
PLANT = """(() => {
  setTimeout(() => { throw new Error("planted"); });
  new Image().src = "http://127.0.0.1:9/planted";
})()"""
State = dict[str, Any]


class Short(RuntimeError):
    """The page did not get to where it should."""


class Report:
    """Prints what happens when, and keeps what was judged."""

    def __init__(self) -> None:
        self.verdicts: list[tuple[bool, str, str]] = []
        self._began = time.monotonic()

    def say(self, what: str) -> None:
        """One line of the log."""
        print(f"  {time.monotonic() - self._began:6.1f} s  {what}", flush=True)

    def judge(self, name: str, is_good: bool, seen: object) -> None:
        """One line of the table."""
        self.verdicts.append((is_good, name, str(seen)))

    def table(self) -> int:
        """Print the verdicts; 0 or SHORT."""
        for is_good, name, seen in self.verdicts:
            print(f"  {'ok   ' if is_good else 'SHORT'} {name}: {seen}")
        return 0 if all(is_good for is_good, _, _ in self.verdicts) else SHORT


async def until[T](what: str, look: Callable[[], Awaitable[T | None]], limit_s: float) -> T:
    """Look until there is something; raises TimeoutError with `what` in it."""
    end = time.monotonic() + limit_s
    while (seen := await look()) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {limit_s:g} s")
        await asyncio.sleep(LOOK_S)
    return seen
