"""Make the texts in docs/screenshots/terminal-*.txt from commands that run in a real terminal.

`python scripts/terminal_captures.py [NAME…]`, e.g. `python scripts/terminal_captures.py doctor`

tmux is the terminal, a PulseAudio of our own with null sinks the sound card, flite the person who
speaks. The commands, the engine and what they show are the real ones.
"""

import argparse
import asyncio
import itertools
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.pulse import Sound, pulseaudio  # noqa: E402
from rtclient.resampling import resample  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
COLUMNS, ROWS = 96, 30
TIMEOUT_S, LOOK_S = 60.0, 0.1
RATE = 24_000
SETTINGS = re.compile(r"(AZURE_|OPENAI_|PARLEY_|LOCAL_|UPSTREAM$|TRANSCRIPTION_MODEL$)")


@dataclass(frozen=True, slots=True)
class Type:
    """Keys as tmux names them: text, Enter, C-c."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class See:
    """Wait until the screen matches."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Speak:
    """Say it into the microphone."""

    words: str


Step = Type | See | Speak


def command(line: str) -> Type:
    """Type a command and Enter."""
    return Type((line, "Enter"))


CAPTURES: dict[str, tuple[Step, ...]] = {
    "talk": (
        command("rtclient talk"),
        See(r"Model  .+"),
        Speak("Tell me a joke."),  # it interrupts
        See(r"Model  Why did the .+"),
    ),
    "talk-wav": (
        command("rtclient talk --wav question.wav --out answer.wav"),
        See(r"Model  .+\n(.*\n)*\$ \Z"),
    ),
    "talk-pipe": (
        command("cat question.raw | rtclient talk --stdin --stdout > answer.raw"),
        See(r"Model  .+\n(.*\n)*\$ \Z"),
    ),
    "talk-text": (
        command("rtclient talk --text-only"),
        See("type and press Enter"),
        command("what is seven times eight"),
        See(r"Model  .+\n"),
    ),
    "doctor": (command("rtclient doctor"), See(r"loudspeaker (.*\n)+\$ \Z")),
    "transcribe": (command("rtclient transcribe meeting.wav"), See(r"engine\n(.+\n)+\$ \Z")),
}
"""The picture is taken after the last step."""

FILES = {
    "meeting.wav": ("Good morning.", "What time is it?", "Tell me a story."),
    "question.wav": ("What time is it?",),
}


class Terminal:
    """A tmux of our own, with a shell in which `rtclient` is the one of this checkout."""

    _count = itertools.count()

    def __init__(self, folder: Path, sound: Sound) -> None:
        """Start it in a folder."""
        # A name of its own: a server that ends is still found by its name for a moment.
        self._server = f"parley-captures-{os.getpid()}-{next(self._count)}"
        place = f"PULSE_RUNTIME_PATH={sound.environment['PULSE_RUNTIME_PATH']}"
        without = [f"-u{name}" for name in os.environ if SETTINGS.match(name)]
        self._tmux(
            *("new-session", "-d", "-s", "main", "-x", str(COLUMNS), "-y", str(ROWS)),
            *("env", *without, place, "bash", "--norc", "--noprofile"),
        )
        program = f"{shlex.quote(sys.executable)} -m rtclient"
        self.type(
            f"cd {shlex.quote(str(folder))}; export PYTHONPATH={shlex.quote(str(ROOT))} PS1='$ ';"
            f' rtclient() {{ {program} "$@"; }}; clear',
            "Enter",
        )

    def type(self, *keys: str) -> None:
        """Press keys."""
        self._tmux("send-keys", "-t", "main", *keys)

    async def see(self, pattern: str) -> str:
        """Wait until the screen matches; return its text."""
        ends = time.monotonic() + TIMEOUT_S
        while True:
            text = self._tmux("capture-pane", "-p", "-J", "-t", "main").rstrip("\n")
            text += " " if text.endswith("$") else ""
            if re.search(pattern, text):
                return text
            if time.monotonic() > ends:
                raise SystemExit(f"The screen never showed {pattern!r}:\n{text}")
            await asyncio.sleep(LOOK_S)

    def close(self) -> None:
        """End it, with whatever runs in it."""
        self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        line = ("tmux", "-L", self._server, "-f", os.devnull, *arguments)
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout


async def capture(steps: Sequence[Step], folder: Path, sound: Sound) -> str:
    """Take the steps in a terminal; return the rows of the screen at the end."""
    terminal = Terminal(folder, sound)
    try:
        text = await terminal.see(r"\A\$ \s*\Z")
        for step in steps:
            match step:
                case Type():
                    terminal.type(*step.keys)
                case See():
                    text = await terminal.see(step.pattern)
                case Speak():
                    await sound.speak(np.frombuffer(spoken(folder, step.words), dtype=np.int16))
    finally:
        terminal.close()
    rows = [line.rstrip() for line in text.splitlines()]
    return "\n".join(rows[:-1] if rows[-1] == "$" else rows).rstrip() + "\n"


def spoken(folder: Path, words: str) -> bytes:
    """Return pcm16, 24 kHz, of flite who says it."""
    path = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", words, "-o", str(path)], check=True)
    with wave.open(str(path)) as file:
        return resample(file.readframes(file.getnframes()), file.getframerate(), RATE)


def write(folder: Path) -> None:
    """Write the sound files that the commands read, with a pause after each sentence."""
    for name, sentences in FILES.items():
        pause = bytes(RATE * 2)
        pcm = b"".join(spoken(folder, words) + pause for words in sentences)
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(pcm)
        (folder / name).with_suffix(".raw").write_bytes(pcm)


async def take(names: Sequence[str]) -> None:
    """Take these pictures."""
    with tempfile.TemporaryDirectory() as name:
        card, folder = Path(name) / "card", Path(name) / "work"
        card.mkdir()
        folder.mkdir()
        write(folder)
        async with pulseaudio(card) as sound:
            for wanted in names:
                path = FOLDER / f"terminal-{wanted}.txt"
                path.write_text(await capture(CAPTURES[wanted], folder, sound), encoding="utf-8")
                print(path.relative_to(ROOT))


def main(argv: Sequence[str] | None = None) -> int:
    """Take the pictures that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(description="Take the texts of docs/screenshots.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CAPTURES))
    options = parser.parse_args(argv)
    asyncio.run(take(options.names or tuple(CAPTURES)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
