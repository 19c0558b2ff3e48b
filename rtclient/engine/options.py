"""The engine's command line: its options, and what they mean together."""

import argparse
import os
import ssl
from dataclasses import dataclass
from typing import Final

from rtclient.engine.door import DoorRules
from rtclient.engine.profiles import PROFILES
from rtclient.engine.stage import Stage, add_arguments, stage_of
from rtclient.environment import ENGINE_KEY

SESSIONS_PER_CORE: Final = 10
"""Measured (bench/talkers.py): people in conversation, who speak a quarter of the time, for whom a
core is enough. A microphone that is only open costs a hundredth of a core."""
MOST_MINUTES: Final = 7 * 24 * 60


def default_max_sessions() -> int:
    """Return how many sessions this machine can serve well."""
    return SESSIONS_PER_CORE * (os.cpu_count() or 1)


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and 65535")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _minutes(text: str) -> float:
    number = float(text)
    if not 0 < number <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MOST_MINUTES}")
    return number


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; `settled` judges what it parsed."""
    result = argparse.ArgumentParser(
        prog="rtclient engine",
        description="Serve the OpenAI Realtime API from this machine, without an account: GA, and"
        " the preview dialect at /openai/realtime.",
        epilog=f"Clients must present the value of {ENGINE_KEY} when it is set. LOCAL_STT_URL, "
        "LOCAL_CHAT_URL and LOCAL_TTS_URL, in the environment or in a file .env, name servers of "
        "your own models to hear, think and speak with.",
        allow_abbrev=False,
    )
    _add_address(result.add_argument_group("where it listens"))
    _add_profile(result.add_argument_group("whom it acts like"))
    _add_limits(result.add_argument_group("how much it takes"))
    _add_senses(result.add_argument_group("what it hears and speaks with"))
    add_arguments(result)
    process = result.add_argument_group("as a process")
    process.add_argument(
        "--watch-stdin", action="store_true", help="end when stdin closes (for supervisors)"
    )
    process.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING"))
    return result


def _add_address(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    group.add_argument(
        "--port", type=_port, default=8080, help="port, 0 for a free one (default: %(default)s)"
    )
    group.add_argument("--tls-cert", metavar="FILE", help="serve wss:// with this PEM chain")
    group.add_argument("--tls-key", metavar="FILE", help="its key, unless it is in the same file")
    group.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let pages of this origin connect (repeatable)",
    )


def _add_profile(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        default="default",
        help="refuse, limit and expire as this service does (default: %(default)s)",
    )
    group.add_argument(
        "--model",
        default=DoorRules().model,
        help="what session.model says when the client names none (default: %(default)s)",
    )
    group.add_argument(
        "--deployment",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that ?model= may have (repeatable; default: any)",
    )
    group.add_argument(
        "--transcription-deployment",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that transcription may use; with others it fails (repeatable; default: any)",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-sessions",
        type=_count,
        default=default_max_sessions(),
        metavar="N",
        help=f"open at once; one more is refused (default: {SESSIONS_PER_CORE} per core, "
        "here %(default)s)",
    )
    group.add_argument(
        "--session-minutes",
        type=_minutes,
        metavar="M",
        help="until a session expires (default: 60; 30 with --profile azure)",
    )
    group.add_argument(
        "--connections-per-minute",
        type=_count,
        metavar="N",
        help="one more gets 429 with Retry-After (default: any number; 200 with --profile azure)",
    )


def _add_senses(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--senses",
        choices=("default", "scripted"),
        default="default",
        help="scripted: tables and tones for tests, byte-stable, no dependencies",
    )
    group.add_argument(
        "--voice-kind",
        choices=("default", "tone"),
        default="default",
        help="tone: one tone per letter, byte-stable, for assertions",
    )
    group.add_argument(
        "--ear-workers",
        type=_count,
        metavar="N",
        help="how many processes may recognise speech, 200 MB each (default: by the cores)",
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """What the options mean together."""

    rules: DoorRules
    session_s: float
    tls: ssl.SSLContext | None
    stage: Stage


def settled(options: argparse.Namespace, key: str | None) -> Settled:
    """Return what parsed options mean together.

    `key`: what clients must present; None: nothing.

    Raises:
        ValueError: the options contradict one another; the text says how.
    """
    profile = PROFILES[options.profile]
    both = set(options.deployment) & set(options.transcription_deployment)
    if both:
        raise ValueError(
            f"'{min(both)}' is given as --deployment and as --transcription-deployment. A "
            "deployment has one model: give it once."
        )
    if options.ear_workers is not None and options.senses == "scripted":
        raise ValueError("--ear-workers is of no use with --senses scripted. Leave one out.")
    rules = DoorRules(
        profile=profile,
        key=key,
        model=options.model,
        deployments=tuple(options.deployment),
        transcription_deployments=tuple(options.transcription_deployment),
        allowed_origins=tuple(options.allow_origin),
        max_sessions=options.max_sessions,
        connections_per_minute=options.connections_per_minute,
    )
    minutes = options.session_minutes or profile.session_minutes
    tls = _tls(options.tls_cert, options.tls_key)
    return Settled(rules, minutes * 60, tls, _stage(options))


def _stage(options: argparse.Namespace) -> Stage:
    try:
        return stage_of(options)
    except OSError as exc:
        raise ValueError(f"{options.scenario} cannot be read: {exc.strerror}.") from None
    except UnicodeDecodeError:
        raise ValueError(f"{options.scenario} is not text in UTF-8.") from None


def _tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        if key is not None:
            raise ValueError("--tls-key needs --tls-cert, the certificate that belongs to it.")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password="")  # a terminal must not be asked
    except ssl.SSLError:
        raise ValueError(
            f"{certificate} and its key do not fit, are encrypted, or are not in PEM. "
            "Give --tls-cert FILE --tls-key FILE."
        ) from None
    except OSError as exc:
        raise ValueError(f"{certificate} or its key cannot be read: {exc.strerror}.") from None
    return context
