"""Does Parley work in Firefox? One conversation, spoken and heard through PulseAudio.

`python -m bench.firefox [--phrase "What time is it?"]`

Besides the test environment this must be installed: Firefox ESR, PulseAudio with its utilities,
and flite (Debian: `apt-get install firefox-esr pulseaudio flite`).

Children of this script, in a temporary folder, gone at its end: the real server with its embedded
engine, a PulseAudio (`bench/pulse.py`), and a headless Firefox (`bench/bidi.py`). The page is
clicked as a person does and hears the phrase from the Pulse source. It is judged by what it shows,
by its own books (`?debug=1`), and by what arrives at the loudspeaker. Every wait is for a state,
with a limit.

A headless Firefox sometimes gets lost (does not start, no answer, target gone); then, and only
then, the run is made once more, and says so. Exit codes: 1 the page falls short, 2 the run proves
nothing.
"""

import argparse
import asyncio
import contextlib
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from bench.bidi import Lost, Tab, firefox
from bench.common import RATE, SHORT, VOID, head, load, speech
from bench.pulse import Sound, loud_ms, pulseaudio, until
from tests.support.servers import child_server

NEEDED = ("firefox-esr", "pulseaudio", "pactl", "paplay", "parec", "flite")
INSTALL = "On Debian: apt-get install firefox-esr pulseaudio flite"
WHOLE = 0.97
"""Least share of the rendered sound's length that must arrive at the loudspeaker."""
STATE = """(() => ({
  phase: document.documentElement.dataset.phase,
  trouble: document.querySelector("#troubles").textContent.trim(),
  turns: [...document.querySelectorAll(".turn[data-who]")].map((turn) => ({
    item: turn.dataset.item,
    who: turn.dataset.who,
    text: turn.querySelector(".turn-text").textContent,
    is_guess: "guess" in turn.dataset,
    is_cut: "interrupted" in turn.dataset,
    latency: turn.querySelector(".latency-text")?.textContent ?? "",
  })),
  parts: globalThis.__parley?.parts ?? [],
  underruns: globalThis.__parley?.underruns,
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
    """Prints what happens when; keeps what was judged for the table."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lines: list[str] = []
        self._code = 0

    def say(self, what: str) -> None:
        """Print a line of the log."""
        print(f"  {time.monotonic() - self._began:5.1f} s  {what}", flush=True)

    def judge(self, name: str, is_good: bool, seen: object) -> None:
        """Keep a line of the table."""
        self._lines.append(f"{'ok   ' if is_good else 'SHORT'} {name}: {seen}")
        self._code = self._code if is_good else SHORT

    def note(self, name: str, seen: object) -> None:
        """Keep a line of the table that is no verdict."""
        self._lines.append(f"      {name}: {seen}")

    def table(self) -> int:
        """Print the lines; 0 or SHORT."""
        print("\n".join(f"  {line}" for line in self._lines))
        return self._code


async def shown(tab: Tab, what: str, is_so: Callable[[State], bool]) -> State:
    """The page's state as soon as it is so; raises Short with what the page showed instead."""
    state: State = {}

    async def look() -> bool:
        state.update(await tab.ask(STATE))
        return is_so(state)

    try:
        await until(what, look)
    except TimeoutError as exc:
        turns = [f"{turn['who']}: {turn['text']}" for turn in state["turns"]]
        raise Short(
            f"{exc}; {state['phase']}, {turns}, {state['trouble'] or 'no trouble'}"
        ) from exc
    return state


def has_spoken(state: State) -> bool:
    """Whether the newest turn is the engine's, and its sound has ended."""
    if not state["turns"] or state["turns"][-1]["who"] != "them":
        return False
    item = state["turns"][-1]["item"]
    return any(part["item_id"] == item and part["ended_time"] for part in state["parts"])


async def judge_sound(report: Report, name: str, state: State, sound: Sound, start: int) -> None:
    """Compare what the newest turn played with what it got, and with the loudspeaker."""

    async def is_quiet() -> bool:
        return loud_ms(sound.heard("loudspeaker", start))[1] > 300

    with contextlib.suppress(TimeoutError):  # no sound at all: judged below
        await until("sound, then quiet at the loudspeaker", is_quiet)
    turn = state["turns"][-1]
    parts = [part for part in state["parts"] if part["item_id"] == turn["item"]]
    played, received = (sum(p[f"{kind}_samples"] for p in parts) for kind in ("played", "received"))
    rendered_ms = sum((p["last_loud_time"] or 0) - p["started_time"] for p in parts) * 1000
    arrived_ms, _ = loud_ms(sound.heard("loudspeaker", start))
    report.say(f"{name} heard: “{turn['text']}”")
    is_whole = played == received > RATE and not turn["is_cut"]
    report.judge(f"{name} played whole", is_whole, f"{played} of {received} samples (24 kHz)")
    seen = f"{arrived_ms:.0f} ms of sound, {rendered_ms:.0f} ms rendered"
    report.judge(f"{name} at the loudspeaker", arrived_ms >= WHOLE * rendered_ms, seen)
    # A longer one has gaps that the threads of Firefox or PulseAudio left, not the page.
    report.note(f"{name}: longer than rendered by", f"{max(0.0, arrived_ms - rendered_ms):.0f} ms")


async def converse(tab: Tab, url: str, sound: Sound, phrase: str, report: Report) -> None:
    """Click, listen to the greeting, speak, listen to the reply, end; judge each."""

    async def is_engine_ready() -> bool:
        health = await tab.ask("fetch('/healthz').then((answer) => answer.json())")
        return bool(health["engine"] == "ready")

    await tab.open(f"{url}/?debug=1")
    await until("engine ready", is_engine_ready)
    await shown(tab, "page ready", lambda s: s["phase"] == "ready")
    report.say("page loaded, engine ready")

    await tab.click("#big")
    state = await shown(tab, "greeting", has_spoken)
    await judge_sound(report, "greeting", state, sound, 0)
    state = await shown(tab, "listening", lambda s: s["phase"] == "listening" and s["captured"] > 0)
    report.judge("reaches “listening”", True, f"{state['captured']} samples captured by then")

    start, voice = len(sound.heard("loudspeaker")), speech(phrase, "slt", silence_ms=200)
    await sound.speak(voice)
    report.say(f"spoken into the microphone: “{phrase}”")
    await shown(tab, "my turn", lambda s: any(t["who"] == "you" and t["text"] for t in s["turns"]))
    report.say("my turn is shown")
    state = await shown(tab, "reply", has_spoken)
    mine, reply = state["turns"][1], state["turns"][-1]
    wanted, got = (" ".join(re.findall(r"\w+", t.lower())) for t in (phrase, mine["text"]))
    certainty = "a guess" if mine["is_guess"] else "certain"
    report.judge("phrase in the transcript", wanted == got, f"“{mine['text']}”, {certainty}")
    carried = f"{loud_ms(sound.heard('microphone'))[0]:.0f} ms of sound, {loud_ms(voice)[0]:.0f} ms"
    report.note("phrase at the microphone", f"{carried} spoken")
    order = [turn["who"] for turn in state["turns"]]
    report.judge("greeting, question, reply", order == ["them", "you", "them"], ", ".join(order))
    await judge_sound(report, "reply", state, sound, start)
    report.judge("the page's own latency", bool(reply["latency"]), reply["latency"] or "none")
    report.judge("underruns", state["underruns"] == 0, state["underruns"])

    await tab.click("#big")
    state = await shown(tab, "end", lambda s: s["phase"] == "ready")
    report.say("ended by a click")
    report.judge("trouble shown", not state["trouble"], state["trouble"] or "none")
    complaints = list(tab.complaints)
    report.judge("console errors, warnings, CSP violations", not complaints, complaints or "none")

    async def is_planted_seen() -> bool:
        kinds = {complaint.split(":")[0] for complaint in tab.complaints[len(complaints) :]}
        return kinds >= {"policy", "error"}

    await tab.ask(PLANT)
    await until("noticing a planted error and violation", is_planted_seen)
    report.judge("… and a planted error and violation are noticed", True, "both")


async def attempt(phrase: str, report: Report, folder: Path) -> None:
    """Start everything, hold the conversation, end everything, and look whether it is gone."""
    family: list[psutil.Process] = []
    for name in ("sound", "server", "browser"):
        (folder / name).mkdir()
    try:
        async with contextlib.AsyncExitStack() as stack:
            try:
                sound = await stack.enter_async_context(pulseaudio(folder / "sound"))
                server = child_server({"UPSTREAM": "engine"}, folder=folder / "server")
                _, port = await stack.enter_async_context(server)
                report.say(f"{await sound.run('pulseaudio', '--version')} and the server are up")
                browser = firefox(folder / "browser", sound.environment)
                tab = await stack.enter_async_context(browser)
                report.say(f"Firefox {tab.version} is up")
                await converse(tab, f"http://localhost:{port}", sound, phrase, report)
            finally:
                family = psutil.Process().children(recursive=True)
    finally:
        _, left = psutil.wait_procs(family, timeout=5)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        report.judge("processes left behind", not left, f"{len(left)} of {len(family)}")


async def main(phrase: str) -> int:
    """Try, and try once more when the browser got lost."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        print(f"Missing: {', '.join(missing)}. {INSTALL}")
        return VOID
    head("Firefox: one spoken conversation")
    for number in (1, 2):
        report = Report()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                await attempt(phrase, report, Path(folder))
            except Short as exc:
                report.judge("the conversation", False, exc)
            except (Lost, TimeoutError) as exc:
                print(f"  void: {exc} (attempt {number} of 2, {load()})")
                continue
        print(f"  attempt {number} of 2, {load()}")
        return report.table()
    return VOID


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phrase", default="What time is it?", help="one that the engine knows")
    raise SystemExit(asyncio.run(main(parser.parse_args().phrase)))
