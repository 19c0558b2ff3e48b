"""The command `rtclient`: `rtclient --version`, `rtclient engine …`."""

import argparse
import sys
from collections.abc import Sequence

import rtclient

_MISSING = "rtclient engine needs more packages: pip install 'rtclient[engine,voice-gpl]'"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(
        prog="rtclient", description="Talk with a realtime speech model, or serve one."
    )
    result.add_argument("--version", action="version", version=f"rtclient {rtclient.__version__}")
    commands = result.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser(
        "engine",
        help="serve the Realtime API from this machine, without an account",
        add_help=False,
    )
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["engine"]:
        return _engine(arguments[1:])
    options = parser().parse_args(arguments)
    assert options.command is None
    parser().print_help()
    return 0


def _engine(arguments: list[str]) -> int:
    try:
        # Imported late: its packages are an extra.
        from rtclient.engine.__main__ import main as engine_main
    except ModuleNotFoundError as exc:
        if (exc.name or "").startswith("rtclient"):
            raise
        print(f"{_MISSING} (no module {exc.name})", file=sys.stderr)
        return 1
    return engine_main(arguments)


if __name__ == "__main__":
    sys.exit(main())
