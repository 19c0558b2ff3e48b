"""How long does a stranger wait, from a fresh clone to a page that answers?

`python -m bench.first_run`

Clones the committed state into an empty folder and runs `./start.sh` three times: with an emptied
package cache, again in the same folder, and in a second clone with the cache that the first left.
Needs git and Python; nothing of this checkout's own environment is used. Downloads are counted from
the installer's log: archives of an index by the size that it states, local files by their size.
The time of a download depends on the network that the package index is behind.
"""

import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.common import ROOT, head, judge, load

COLD_S, WARM_S, SECOND_S, DOWNLOAD_MB = 90.0, 45.0, 3.0, 150.0
_UNITS = {"bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def environment(folder: Path, log: Path, port: int) -> dict[str, str]:
    """Ours without this checkout's Python and without anything that configures the app."""
    own = {sys.prefix, os.environ.get("VIRTUAL_ENV", sys.prefix)}
    paths = [
        p for p in os.environ["PATH"].split(os.pathsep) if Path(p).parent.as_posix() not in own
    ]
    app = re.compile(
        r"(AZURE_|OPENAI_|PARLEY_|RTCLIENT_|PYTHON|VIRTUAL_ENV|UPSTREAM$|ACCESS_TOKEN$)"
    )
    kept = {name: value for name, value in os.environ.items() if not app.match(name)}
    return {
        **kept,
        "PATH": os.pathsep.join(paths),
        "PIP_CACHE_DIR": str(folder / "pip-cache"),
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "PIP_LOG": str(log),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "UPSTREAM": "engine",
    }


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def started(clone: Path, folder: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run ./start.sh in `clone` until the block ends; gives the process and its port."""
    port = free_port()
    output = (folder / f"{clone.name}.out").open("ab")
    with output:
        process = subprocess.Popen(
            ["./start.sh"],
            cwd=clone,
            env=environment(folder, log, port),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process, port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def seconds_until_page(clone: Path, folder: Path, log: Path, path: str, limit_s: float) -> float:
    """Start, and return the seconds until GET `path` answers 200; inf when it never does."""
    starts = time.monotonic()
    with started(clone, folder, log) as (process, port):
        while time.monotonic() - starts < limit_s:
            if process.poll() is not None:
                print((folder / f"{clone.name}.out").read_text(errors="replace")[-3000:])
                return float("inf")
            if answers(f"http://127.0.0.1:{port}{path}"):
                return time.monotonic() - starts
            time.sleep(0.05)
    return float("inf")


def answers(url: str) -> bool:
    """Whether GET `url` gives 200 and a body."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200 and bool(answer.read())
    except OSError:  # refused, reset, timed out, or an HTTP error
        return False


def downloaded_mb(log: Path) -> tuple[float, int]:
    """Megabytes and number of archives that pip took from an index or a folder, by its log."""
    sizes: dict[str, float] = {}
    if not log.exists():
        return float("nan"), 0
    for line in log.read_text(errors="replace").splitlines():
        remote = re.search(r"Downloading (\S+) \(([\d.]+) (bytes|kB|MB|GB)\)", line)
        local = re.search(r"Processing (/\S+\.(?:whl|tar\.gz|zip))", line)
        if remote is not None:
            sizes[Path(remote[1]).name] = float(remote[2]) * _UNITS[remote[3]]
        elif local is not None and Path(local[1]).is_file():
            sizes[Path(local[1]).name] = float(Path(local[1]).stat().st_size)
    return sum(sizes.values()) / 1e6, len(sizes)


def clone(into: Path) -> Path:
    """Clone the committed state of this project."""
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(into)], check=True)
    return into


def main() -> int:
    """Measure all three; return the exit code."""
    head("First run")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = clone(folder / "first")
        size_mb = sum(f.stat().st_size for f in first.rglob("*") if f.is_file()) / 1e6
        log = folder / "cold.log"
        cold = seconds_until_page(first, folder, log, "/", 600)
        megabytes, archives = downloaded_mb(log)
        second = seconds_until_page(first, folder, folder / "second.log", "/healthz", 60)
        again = clone(folder / "again")
        warm = seconds_until_page(again, folder, folder / "warm.log", "/", 600)
        tool = "uv" if shutil.which("uv", path=environment(folder, log, 0)["PATH"]) else "pip"
    print(f"  clone {size_mb:.1f} MB; {archives} archives by {tool}; {load()}")
    return judge(
        [
            ("empty cache: clone → page answers", cold, COLD_S, "s"),
            ("empty cache: downloaded", megabytes, DOWNLOAD_MB, "MB"),
            ("warm cache: clone → page answers", warm, WARM_S, "s"),
            ("second run: start → /healthz answers", second, SECOND_S, "s"),
        ]
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    raise SystemExit(main())
