"""Make the texts in docs/screenshots/terminal-*.txt from commands that run in a real terminal.

`python scripts/terminal_captures.py [NAME…]`, e.g. `python scripts/terminal_captures.py doctor`

tmux is the terminal; the commands, the engine and what they say are the real ones.
"""

import argparse
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

ROOT = Path(__file__).resolve().parent.parent


FOLDER = ROOT / "docs" / "screenshots"
SIZE = (96, 30)
_SERVER = f"parley-captures-{os.getpid()}"
_TIMEOUT_S = 60.0
_LOOK_S = 0.1
_SETTINGS = re.compile(r"(AZURE_|OPENAI_|PARLEY_|LOCAL_|UPSTREAM$|TRANSCRIPTION_MODEL$)")


@dataclass(frozen=True, slots=True)
class Capture:
    """One picture: what is typed, and what stands on the screen when it is taken."""

    command: str
    until: str
    """A pattern: when it matches, the picture is taken."""
    keys: tuple[str, ...] = ()
    """Pressed after the picture, so that the command ends."""


CAPTURES = {
    "doctor": Capture("rtclient doctor", r"loudspeaker .*\n(.*\n)*\$ $"),
    "transcribe": Capture("rtclient transcribe meeting.wav", r"(?s)built-in engine\n.+\n\$ $"),
    "talk": Capture("rtclient talk --wav question.wav --out answer.wav", r"\n\$ $"),
}
SPOKEN = {
    "meeting.wav": ("Good morning.", "What time is it?", "Tell me a story."),
    "question.wav": ("What time is it?",),
}


def tmux(*arguments: str) -> str:
    """Run a command of our own tmux server; return what it prints."""
    command = ("tmux", "-L", _SERVER, "-f", os.devnull, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def capture(what: Capture, folder: Path) -> str:
    """Run it in a terminal; return the rows of the screen without blanks at their ends."""
    columns, rows = SIZE
    settings = [f"-u{name}" for name in os.environ if _SETTINGS.match(name)]
    program = f"{shlex.quote(sys.executable)} -m rtclient"
    shell = (
        f"cd {shlex.quote(str(folder))}; export PYTHONPATH={shlex.quote(str(ROOT))} PS1='$ ';"
        f' rtclient() {{ {program} "$@"; }}; clear'
    )
    tmux(
        *("new-session", "-d", "-s", "main", "-x", str(columns), "-y", str(rows)),
        *("env", *settings, "bash", "--norc", "--noprofile"),
    )
    try:
        tmux("send-keys", "-t", "main", shell, "Enter")
        _wait(r"\A\$ \s*\Z")
        tmux("send-keys", "-t", "main", what.command, "Enter")
        text = _wait(what.until)
        for key in what.keys:
            tmux("send-keys", "-t", "main", key)
        return "\n".join(line.rstrip() for line in text.splitlines()[:-1]).rstrip() + "\n"
    finally:
        tmux("kill-server")


def _wait(pattern: str) -> str:
    ends = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < ends:
        text = tmux("capture-pane", "-p", "-J", "-t", "main").rstrip("\n")
        if re.search(pattern, f"{text} " if text.endswith("$") else text):
            return text
        time.sleep(_LOOK_S)
    raise SystemExit(f"The screen never showed {pattern!r}:\n{text}")


def speak(path: Path, sentences: Sequence[str]) -> None:
    """Write a file in which flite says these sentences, with a pause after each."""
    sound = b""
    for sentence in sentences:
        part = path.with_suffix(".part.wav")
        subprocess.run(["flite", "-voice", "slt", "-t", sentence, "-o", str(part)], check=True)
        with wave.open(str(part)) as file:
            rate = file.getframerate()
            sound += file.readframes(file.getnframes()) + bytes(rate * 2)
        part.unlink()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound)


def main(argv: Sequence[str] | None = None) -> int:
    """Take the pictures that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(description="Take the texts of docs/screenshots.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CAPTURES))
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, sentences in SPOKEN.items():
            speak(folder / file, sentences)
        for wanted in options.names or CAPTURES:
            path = FOLDER / f"terminal-{wanted}.txt"
            path.write_text(capture(CAPTURES[wanted], folder), encoding="utf-8")
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
