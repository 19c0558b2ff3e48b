"""The environment as the library reads it: for `from_env`, the command line and the engine's main.

Nothing else in `rtclient` looks at the environment; everything takes arguments.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

ENGINE_KEY = "RTCLIENT_ENGINE_KEY"
"""The variable that holds the key which clients of an engine must present."""


def engine_key() -> str | None:
    """Return the key that clients of this engine process must present; None for no key."""
    return os.environ.get(ENGINE_KEY) or None


def child_environment(extra: Mapping[str, str], *, without: Collection[str] = ()) -> dict[str, str]:
    """Return the environment for a child process: ours, without some names, and `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return {**kept, **extra}


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
