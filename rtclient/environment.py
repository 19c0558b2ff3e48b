"""The environment as the library reads it: for `from_env`, the command line and the engine's main.

Nothing else in `rtclient` looks at the environment; everything takes arguments.
"""

import logging
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from rtclient.endpoints import clean
from rtclient.service.settings import NAMES, ServiceSettings, SettingsError, kind_of, misspelt

LOCAL = "LOCAL_"
"""What the names of the engine's settings for model servers begin with."""
ENGINE_KEY = "RTCLIENT_ENGINE_KEY"
"""The variable that holds the key which clients of an engine must present."""

_log = logging.getLogger(__name__)

_ASSIGNMENT: Final = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*"
    r"(?:(?P<mark>['\"])(?P<quoted>[^\r\n]*?)(?P=mark)|(?P<bare>[^\s'\"#][^\r\n]*?)?)"
    r"[ \t]*(?:(?<=\s)#[^\r\n]*)?\r?$",
    re.MULTILINE | re.ASCII,
)


def engine_key() -> str | None:
    """Return the key that clients of this engine process must present; None for no key."""
    return os.environ.get(ENGINE_KEY) or None


def worker_environment() -> dict[str, str]:
    """Return the environment for a worker of the engine: ours, without any key."""
    return child_environment({}, without=names_of_keys(but_local=False))


def names_of_keys(*, but_local: bool = True) -> set[str]:
    """Return the names of our variables that hold a key; without those of `LOCAL_…` if asked."""
    return {
        name
        for name in os.environ
        if name.upper().endswith("_KEY") and not (but_local and name.startswith(LOCAL))
    }


def child_environment(extra: Mapping[str, str], *, without: Collection[str] = ()) -> dict[str, str]:
    """Return the environment for a child process: ours, without some names, and `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return {**kept, **extra}


def local_settings(start: Path | None = None) -> tuple[dict[str, str], Path | None]:
    """Return the variables `LOCAL_…`: those of the environment, else those of the nearest `.env`.

    A variable of the environment counts even when it is empty: so a parent can say that nothing is
    set, whatever file stands in the working directory.

    Args:
        start: where the search for `.env` begins; None is the working directory.

    Returns:
        Name → value, and the file when something was taken from it.

    Raises:
        ValueError: the file cannot be read; the text says so.
    """
    ours = {name: value for name, value in os.environ.items() if name.startswith(LOCAL)}
    path = find_dotenv(start)
    theirs = {name: value for name, value in _read(path).items() if name.startswith(LOCAL)}
    return theirs | ours, path if theirs.keys() - ours.keys() else None


def service_settings(upstream: str | None = None, start: Path | None = None) -> ServiceSettings:
    """Return which voice service to use: from the environment, else from the nearest `.env`.

    A name in that file that looks like a misspelt setting is told by a warning in the log.

    Args:
        upstream: `azure`, `openai` or `engine`, instead of what `UPSTREAM` says.
        start: where the search for `.env` begins; None is the working directory.

    Returns:
        The settings; `source` is the file when something was taken from it.

    Raises:
        SettingsError: a value is wrong, or the file cannot be read; the text says so.
        ValueError: `upstream` is none of the three.
    """
    try:
        chosen = None if upstream is None else kind_of(upstream)
    except ValueError as exc:
        raise ValueError(f"upstream {exc}.") from None
    path = find_dotenv(start)
    try:
        theirs = _read(path)
    except ValueError as exc:
        raise SettingsError([str(exc)]) from None
    values = {name: clean(os.environ.get(name, "")) for name in NAMES.values()}
    from_file = {name for name, value in values.items() if not value and theirs.get(name)}
    values |= {name: theirs[name] for name in from_file}
    for sentence in misspelt(theirs, values):
        _log.warning("%s", sentence)
    return ServiceSettings.from_values(values, source=path if from_file else None).using(chosen)


def dotenv(text: str) -> dict[str, str]:
    """Return the assignments in the text of a `.env`.

    A line is `NAME=value`, with or without `export ` before it. A value in single or double quotes
    is what stands between them, as it is; any other ends at ` #`. Everything else is passed over.
    """
    return {
        found["name"]: (found["quoted"] if found["mark"] else found["bare"] or "").strip()
        for found in _ASSIGNMENT.finditer(text)
    }


def _read(path: Path | None) -> dict[str, str]:
    """Return the assignments in the file; none without one. Raises ValueError."""
    if path is None:
        return {}
    try:
        return dotenv(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"{path} cannot be read: it must be a readable file in UTF-8.") from None


def find_dotenv(start: Path | None = None, name: str = ".env") -> Path | None:
    """Return the nearest file `name` in `start` (default: the working directory) or above it."""
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        path = candidate / name
        try:
            if path.is_file():
                return path
        except OSError:
            continue  # a folder above that we may not look into
    return None
