"""The command `rtclient`: talk, transcribe a file, serve an engine, look for what is wrong."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

import rtclient

COMMANDS: Final = {
    "talk": "have a conversation: microphone and loudspeaker, sound files, pipes or text",
    "transcribe": "write down what is said in a sound file",
    "engine": "serve the Realtime API from this machine, without an account",
    "doctor": "look for what is wrong: settings, network, key, model, devices",
}
"""Every command and what it does; each has options of its own."""

_INTERRUPTED: Final = 130
_MISSING: Final = "rtclient engine needs more packages: pip install 'rtclient[engine,voice-gpl]'"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; a command's options are left to its own parser."""
    result = argparse.ArgumentParser(
        prog="rtclient",
        description="Talk with a realtime speech model, or serve one.",
        epilog="`rtclient COMMAND --help` shows a command's options.",
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=f"rtclient {rtclient.__version__}")
    commands = result.add_subparsers(dest="command", metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        commands.add_parser(name, help=purpose, add_help=False)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    _open_what_is_closed()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        try:
            return _run(arguments[0], arguments[1:])
        except KeyboardInterrupt:
            return _INTERRUPTED  # Ctrl+C before the command had begun
    parser().parse_args(arguments)
    parser().print_help()
    return 0


def _open_what_is_closed() -> None:
    """Give the streams that the caller has closed, where Python has None: they lead nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the program ends


def _run(command: str, arguments: list[str]) -> int:
    # Each is imported late: none has to load what another needs.
    match command:
        case "talk":
            from rtclient.commands.talk import main as run
        case "transcribe":
            from rtclient.commands.transcribe import main as run
        case "doctor":
            from rtclient.commands.doctor import main as run
        case _:
            run = _engine
    return run(arguments)


def _engine(argv: Sequence[str] | None = None) -> int:
    try:
        # Its packages are an extra.
        from rtclient.engine.__main__ import main as engine_main
    except ModuleNotFoundError as exc:
        if (exc.name or "").startswith("rtclient"):
            raise
        print(f"{_MISSING} (no module {exc.name})", file=sys.stderr)
        return 1
    return engine_main(argv)


if __name__ == "__main__":
    sys.exit(main())
