"""What all commands do alike: options, profile, sentences for what goes wrong, exit codes.

Exit codes: 0 it worked, 1 it did not, 2 the command line or the settings are wrong, 130 Ctrl+C,
143 SIGTERM.
What a command is for goes to stdout, everything else to stderr.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

from rtclient import advice
from rtclient.commands import profile, upstream
from rtclient.commands.upstream import Choice
from rtclient.endpoints import Endpoint
from rtclient.errors import RTError
from rtclient.low_level_client import EndpointSource
from rtclient.service.config_files import read_config
from rtclient.service.settings import SettingsError

OK = 0
DID_NOT_WORK = 1
WRONG_SETTINGS = 2
INTERRUPTED = 130
TERMINATED = 143


def parser(
    command: str, description: str, *, arguments: str = "", epilog: str | None = None
) -> argparse.ArgumentParser:
    """Return a command's parser with the options that all commands have.

    `arguments`: what follows the options. All options in the usage, too, would push an error's
    sentence out of sight.
    """
    result = argparse.ArgumentParser(
        prog=f"rtclient {command}",
        usage=" ".join(["%(prog)s [options]", *arguments.split()]),
        description=description,
        epilog=epilog,
        allow_abbrev=False,
    )
    result.add_argument(
        "--profile", metavar="FILE", help="take options from this file, in YAML or TOML"
    )
    upstream.add_arguments(result)
    return result


def parsed(line: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options: those of the command line, then of the profile, then the defaults.

    Ends the program with exit code 2 when they are wrong.
    """
    if (path := _profile_of(argv)) is not None:
        try:
            found = profile.defaults(read_config(path), line, _names_of_all_commands())
        except ValueError as exc:
            line.error(f"--profile {path}: {exc}")
        line.set_defaults(**found)
    return line.parse_args(argv)


def _profile_of(argv: Sequence[str] | None) -> str | None:
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--profile")
    try:
        known, _ = first.parse_known_args(argv)
    except argparse.ArgumentError:
        return None  # the command's own parser says it
    path: str | None = known.profile
    return path


def _names_of_all_commands() -> set[str]:
    # Late: the commands import this module.
    from rtclient.commands import doctor, talk, transcribe

    return {
        name for module in (doctor, talk, transcribe) for name in profile.names(module.parser())
    }


def chosen(line: argparse.ArgumentParser, options: argparse.Namespace) -> Choice:
    """Return the voice service to use, and tell which; ends the program when none can be."""
    try:
        choice = upstream.choose(options)
    except SettingsError as exc:
        say(str(exc))
        raise SystemExit(WRONG_SETTINGS) from None
    except ValueError as exc:
        line.error(str(exc))
    source = f" (settings from {choice.settings.source})" if choice.settings.source else ""
    say(f"Voice service: {choice.label}{source}")
    return choice


@contextlib.asynccontextmanager
async def opened(choice: Choice) -> AsyncIterator[EndpointSource]:
    """Give what is to be dialled until the block ends, and tell what is to be known about it."""
    async with choice.opened() as source:
        endpoint = source if isinstance(source, Endpoint) else choice.endpoint
        for warning in endpoint.warnings if endpoint else ():
            say(f"Note: {warning}")
        yield source


def say(text: str) -> None:
    """Print a line for people, apart from what the command is for."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def out(text: str) -> None:
    """Print a line of what the command is for."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(
    work: Callable[[], Awaitable[int]], choice: Choice, *, interrupted: int = INTERRUPTED
) -> int:
    """Run a command; return the exit code. What goes wrong is told in a sentence.

    `interrupted`: the exit code after Ctrl+C.
    """

    # Without a handler of ours warnings of the library would tear what stands on the screen.
    # Microsoft's would say in a page what our advice says in a line.
    for name in ("rtclient", "azure"):
        logging.getLogger(name).addHandler(logging.NullHandler())

    async def main() -> int:
        with _cancelled_by_sigterm():
            return await work()

    try:
        return asyncio.run(main())
    except KeyboardInterrupt:
        return interrupted
    except asyncio.CancelledError:
        return TERMINATED
    except SettingsError as exc:
        say(str(exc))
        return WRONG_SETTINGS
    except BrokenPipeError:
        _forget_stdout()  # whoever read it has gone
        return DID_NOT_WORK
    except (RTError, TimeoutError) as exc:
        found = advice.of_exception(exc, choice.service, choice.secrets)
        say(found.text if found else _in_its_own_words(exc, choice.secrets))
        return DID_NOT_WORK
    except OSError as exc:  # such as a full disk under stdout
        _forget_stdout()
        say(f"It did not work: {exc.strerror}.")
        return DID_NOT_WORK


@contextlib.contextmanager
def _cancelled_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the task as Ctrl+C does: terminal and files are left as they should be."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def cancel(*_: object) -> None:
        loop.call_soon_threadsafe(task.cancel)

    before = signal.signal(signal.SIGTERM, cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _forget_stdout() -> None:
    """Let what nobody can take go nowhere: the interpreter must not complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _in_its_own_words(exc: Exception, secrets: Iterable[str]) -> str:
    """Return what an exception says, which may be a sentence of the service, without secrets."""
    text = str(exc).rstrip(".")
    for secret in secrets:
        text = text.replace(secret, "…")
    return f"It did not work: {text}."
