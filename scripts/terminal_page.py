"""What docs/terminal.md has from the code: options, pictures, and the sentences for troubles."""

import argparse
from pathlib import Path

from rtclient import advice
from rtclient.advice import Advice
from rtclient.commands import doctor, talk, transcribe
from rtclient.service.settings import ServiceSettings
from rtclient.talk.watch import ABSENT_AFTER_S, LatencyWatch

ROOT = Path(__file__).resolve().parents[1]

PARSERS = {
    "talk": talk.parser,
    "transcribe": transcribe.parser,
    "doctor": doctor.parser,
}
"""The commands of the page; `rtclient engine` has a page of its own."""

PICTURES = {
    "talk": (
        ("talk", "With microphone and loudspeaker; the greeting was interrupted:"),
        ("talk-text", "Typed and read:"),
        ("talk-wav", "From file to file, on a machine without a sound card:"),
        ("talk-pipe", "Through pipes, raw PCM of 16 bit, mono, 24 000 Hz:"),
    ),
    "transcribe": (("transcribe", ""),),
    "doctor": (("doctor", ""),),
}
"""Command → its pictures, which scripts/terminal_captures.py takes, and what is said before."""


def text() -> str:
    """Return it as Markdown."""
    lines: list[str] = []
    for name, make in PARSERS.items():
        lines += _command(name, make())
    return "\n".join([*lines, *_troubles()]).rstrip()


def _command(name: str, parser: argparse.ArgumentParser) -> list[str]:
    lines = [f"## rtclient {name}", "", parser.description or "", ""]
    for picture, words in PICTURES[name]:
        path = ROOT / "docs" / "screenshots" / f"terminal-{picture}.txt"
        lines += [words, ""] if words else []
        lines += ["```text", path.read_text(encoding="utf-8").rstrip(), "```", ""]
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if action.dest != "help"]
        if not actions:
            continue
        title = group.title or "options"
        lines += [f"**{title[0].upper()}{title[1:]}**", ""]
        lines += [group.description, ""] if group.description else []
        lines += ["| Option | Meaning |", "|---|---|"]
        lines += [f"| {_spelled(action)} | {_cell(action.help or '')} |" for action in actions]
        lines.append("")
    return [*lines, parser.epilog, ""] if parser.epilog else lines


def _spelled(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    values = "" if action.nargs == 0 else f" {_value(action)}"
    return ", ".join(f"`{option}{values}`" for option in action.option_strings)


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "|".join(map(str, action.choices)).replace("|", "\\|")
    value = str(action.metavar or action.dest.upper())
    return f"[{value}]" if action.nargs == "?" else value


def _cell(words: str) -> str:
    return words.replace("%%", "%").replace("|", "\\|")


def _troubles() -> list[str]:
    """Return every row of what may not work, as the commands say it."""
    rows = [
        advice.of_cause(cause, "azure")
        for cause in ("auth_failed", "not_found", "unreachable", "tls_failed", "rate_limited")
    ]
    rows += [value for value in vars(advice).values() if isinstance(value, Advice)]
    rows += [
        advice.transcription_absent("azure", is_configured=True, after_s=ABSENT_AFTER_S),
        advice.transcription_failed("azure"),
        *map(_slow, ((900, 400, 200), (500, 1400, 200), (500, 400, 1100))),
    ]
    missing = ServiceSettings(choice="azure").faults(without_key="use Microsoft Entra ID")
    lines = [
        "## When something does not work",
        "",
        "The commands say what happened and what to do, for the voice service that is used;",
        "here are the sentences for Azure.",
        "Begin with `rtclient doctor`.",
        "",
        "| What is said | What to do |",
        "|---|---|",
    ]
    lines += [f"| {before}. | S{after[1:]} |" for before, _, after in map(_parted, missing)]
    return [*lines, *(f"| {row.message} | {_cell(row.advice)} |" for row in rows)]


def _parted(fault: str) -> tuple[str, str, str]:
    return fault.partition(": ")


def _slow(parts_ms: tuple[int, int, int]) -> Advice:
    """Return what is said when silence, model and loudspeaker take so long, in milliseconds."""
    silence_ms, service_ms, playback_ms = parts_ms
    watch = LatencyWatch(silence_ms)
    while (said := watch.turn(service_ms=service_ms, playback_ms=playback_ms)) is None:
        pass
    return said
