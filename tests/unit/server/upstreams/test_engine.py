"""The supervisor, tried on small child programs instead of the engine."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rtclient.engine import scripted
from rtclient.engine.door import DoorRules
from rtclient.engine.serve import serve
from rtclient.testing import ScriptedPeer
from server.errors import FaultError
from server.upstreams.dialling import Dialler
from server.upstreams.engine import COMMAND, EngineUpstream

READY = """
import json, os, sys
print("a line that is not JSON")
print(json.dumps({"event": "ready", "host": "127.0.0.1", "port": PORT, "notes": ["no voice"]}),
      flush=True)
"""
UNTIL_STDIN_CLOSES = READY + "\nsys.stdin.buffer.read()\n"


def engine(code: str, port: int = 1, **options: float) -> EngineUpstream:
    """A supervised child that runs this code."""
    settings = {"backoff_s": 0.01, "max_backoff_s": 0.02, "stop_timeout_s": 5.0, **options}
    command = (sys.executable, "-S", "-c", code.replace("PORT", str(port)))
    return EngineUpstream(Dialler(), command=command, **settings)


@contextlib.asynccontextmanager
async def running(upstream: EngineUpstream) -> AsyncIterator[EngineUpstream]:
    """The upstream, started, and closed at the end."""
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.close()


async def until(upstream: EngineUpstream, state: str) -> None:
    """Wait for this state."""
    async with upstream._changed:
        await upstream._changed.wait_for(lambda: upstream.state() == state)


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_dialling_waits_for_the_engine_and_presents_its_key() -> None:
    async with (
        ScriptedPeer() as peer,
        running(engine(UNTIL_STDIN_CLOSES, peer.port)) as upstream,
    ):
        assert upstream.state() == "starting"
        transport = await upstream.dial()
        assert upstream.state() == "ready"
        assert upstream.notes == ("no voice",)
        session = await peer.session()
        (key,) = upstream.secrets
        assert session.path == f"/v1/realtime?model={upstream.model}"
        assert session.headers["authorization"] == f"Bearer {key}"
        await transport.close()


async def test_the_child_gets_the_key_and_none_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_OPENAI_API_KEY", "OPENAI_API_KEY", "ACCESS_TOKEN", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "canary")
    out = tmp_path / "environment"
    code = f"open({str(out)!r}, 'w').write(str(dict(os.environ)))"
    async with running(engine("import os\n" + code + UNTIL_STDIN_CLOSES)) as upstream:
        await until(upstream, "ready")
        text = out.read_text()
        assert "canary" not in text
        assert f"'RTCLIENT_ENGINE_KEY': '{upstream.secrets[0]}'" in text


async def test_the_child_gets_the_models_and_that_the_others_are_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_TTS_URL", "stale")
    out = tmp_path / "environment"
    code = f"import os\nopen({str(out)!r}, 'w').write(str(dict(os.environ)))"
    environment = {"LOCAL_CHAT_URL": "http://host", "LOCAL_CHAT_KEY": "sk-1", "LOCAL_TTS_URL": ""}
    child = EngineUpstream(
        Dialler(),
        command=(sys.executable, "-S", "-c", code + UNTIL_STDIN_CLOSES.replace("PORT", "1")),
        environment=environment,
    )
    assert child.secrets[1:] == ("sk-1",)
    async with running(child):
        await until(child, "ready")
        text = out.read_text()
    for name, value in environment.items():
        assert f"'{name}': '{value}'" in text


async def test_closing_ends_the_child_and_what_it_started(tmp_path: Path) -> None:
    out = tmp_path / "pids"
    code = (
        "import os, signal, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import sys; sys.stdin.read()'],"
        " stdin=subprocess.PIPE)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"  # even one that will not go
        f"open({str(out)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
    )
    stubborn = code + READY + "\nwhile True: signal.pause()\n"
    upstream = engine(stubborn, stop_timeout_s=0.05)
    async with running(upstream):
        await until(upstream, "ready")
        pids = [int(pid) for pid in out.read_text().split()]
        assert all(is_alive(pid) for pid in pids)
    assert not is_alive(pids[0])
    while is_group_alive(pids[0]):  # killed, and gone as soon as the system gets to it
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
    await upstream.close()


def is_group_alive(group: int) -> bool:
    """Whether a process of this group is left that is not a zombie."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                return True
    return False


def test_the_real_engine_is_told_to_watch_its_stdin() -> None:
    assert "--watch-stdin" in COMMAND
    assert COMMAND[COMMAND.index("--port") :][:2] == ("--port", "0")


async def test_a_child_that_dies_is_started_again() -> None:
    async with ScriptedPeer() as peer:
        out_of_luck = UNTIL_STDIN_CLOSES
        async with running(engine(out_of_luck, peer.port)) as upstream:
            await until(upstream, "ready")
            first = upstream._endpoint
            assert upstream.pid is not None
            os.kill(upstream.pid, signal.SIGKILL)
            await until(upstream, "starting")
            await until(upstream, "ready")
            assert upstream._endpoint is not first
            await (await upstream.dial()).close()


async def test_a_child_that_cannot_start_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    code = "import sys; sys.exit('no module named soxr')"
    async with running(engine(code)) as upstream:
        await until(upstream, "failed")
        with pytest.raises(FaultError) as caught:
            await upstream.dial()
        assert caught.value.fault.code == "engine_failed"
    last_words = [getattr(record, "last_words", "") for record in caplog.records]
    assert "no module named soxr" in last_words


async def test_a_command_that_does_not_exist_is_a_failure() -> None:
    upstream = EngineUpstream(
        Dialler(), command=("/no/such/program",), backoff_s=0.01, max_backoff_s=0.01
    )
    async with running(upstream):
        await until(upstream, "failed")


@pytest.mark.parametrize(
    "says",
    [
        """print('{"event":"ready"}')""",
        """print('{"event":"ready","host":"127.0.0.1","port":1,"notes":7}')""",
        "print('x' * 1_000_000)",
    ],
)
async def test_a_child_that_talks_nonsense_is_started_again(says: str) -> None:
    async with running(engine(f"{says}\nimport sys; sys.stdin.read()")) as upstream:
        await until(upstream, "failed")
        assert upstream._supervising is not None
        assert not upstream._supervising.done()


async def test_a_child_that_fails_for_days_is_tried_on() -> None:
    async with running(engine("raise SystemExit(3)")) as upstream:
        upstream._failures = 5000
        async with upstream._changed:
            await upstream._changed.wait_for(lambda: upstream._failures > 5002)


async def test_a_child_that_never_gets_ready_is_ended() -> None:
    async with running(engine("import sys; sys.stdin.read()", start_timeout_s=0.05)) as upstream:
        await until(upstream, "failed")


async def test_dialling_too_early_says_so() -> None:
    code = "import sys; sys.stdin.read()"
    async with running(engine(code, wait_ready_s=0.05, start_timeout_s=60)) as upstream:
        with pytest.raises(FaultError) as caught:
            await upstream.dial()
        assert caught.value.fault.code == "engine_starting"


async def test_a_child_that_prints_a_lot_does_not_block() -> None:
    flood = "\nfor _ in range(2000):\n    print('x' * 1000); print('y' * 1000, file=sys.stderr)\n"
    async with ScriptedPeer() as peer:
        done = READY + flood + "sys.exit(0)"
        async with running(engine(done, peer.port)) as upstream:
            await until(upstream, "ready")
            await until(upstream, "starting")  # it came to its end, so it was never blocked


async def test_closing_while_it_starts_leaves_nothing() -> None:
    upstream = engine("import sys; sys.stdin.read()")
    await upstream.start()
    await upstream.start()
    await asyncio.wait_for(upstream.close(), 5)
    await upstream.close()
    assert upstream.pid is None


LOAD = """
for ms in (1800, 2500, 0, -1, "x"):
    print(json.dumps({"event": "load", "sessions": 3, "waiting": 2, "queue_ms": ms}), flush=True)
print(json.dumps({"event": "load", "queue_ms": 1200}), flush=True)
print("[1]"); print("x" * 100_000, flush=True)
sys.stdin.buffer.read()
"""


async def test_it_is_told_when_turns_begin_to_wait_and_when_that_is_over() -> None:
    told: asyncio.Queue[int] = asyncio.Queue()
    upstream = engine(READY + LOAD)
    upstream.on_queue = told.put_nowait
    async with running(upstream):
        assert [await told.get() for _ in range(3)] == [1800, 0, 1200]
        assert upstream.queue_ms == 1200
    assert await told.get() == 0  # nobody waits for an engine that is gone
    assert upstream.queue_ms == 0


async def test_the_servers_limit_is_the_engines_too(tmp_path: Path) -> None:
    out = tmp_path / "arguments"
    code = f"import sys\nopen({str(out)!r}, 'w').write(' '.join(sys.argv[1:]))" + UNTIL_STDIN_CLOSES
    async with running(engine(code, max_sessions=7)) as upstream:
        await until(upstream, "ready")
        assert out.read_text() == "--max-sessions 7"


async def test_an_engine_without_room_says_that_all_places_are_taken() -> None:
    async with (
        serve(scripted.senses(), rules=DoorRules(max_sessions=1)) as server,
        running(engine(UNTIL_STDIN_CLOSES, server.address[1])) as upstream,
    ):
        first = await upstream.dial()
        with pytest.raises(FaultError) as caught:
            await upstream.dial()
        assert caught.value.fault.code == "too_many_sessions"
        await first.close()
