"""`python -m rtclient.engine` as a child process: ready line, key, signals, stdin."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rtclient.engine import scripted
from rtclient.engine.__main__ import _start, _tell_load
from rtclient.engine.serve import serve
from tests.support.certificates import Authority
from tests.support.talker import Talker

PROGRAM = (sys.executable, "-m", "rtclient.engine", "--port", "0", "--senses", "scripted")


@asynccontextmanager
async def program(*options: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(await process.stdout.readline())
    return line


async def test_the_ready_line_says_where_and_with_what() -> None:
    async with program("--model", "mine") as process:
        line = await ready(process)
        assert line["event"] == "ready"
        assert line["host"] == "127.0.0.1"
        assert set(line["senses"]) == {"vad", "ears", "brain", "voice"}
        assert line["notes"]
        async with connect(f"ws://127.0.0.1:{line['port']}/v1/realtime") as connection:
            event = await Talker(connection).until("session.created")
        assert event["session"]["model"] == "mine"


async def test_the_key_comes_from_the_environment_and_stays_out_of_the_log() -> None:
    async with program("--log-level", "DEBUG", RTCLIENT_ENGINE_KEY="canary-4711") as process:
        url = f"ws://127.0.0.1:{(await ready(process))['port']}/v1/realtime"
        with pytest.raises(InvalidStatus):
            await connect(url)
        headers = {"Authorization": "Bearer canary-4711"}
        async with connect(url, additional_headers=headers) as connection:
            await Talker(connection).until("session.created")
        process.send_signal(signal.SIGTERM)
        output, errors = await process.communicate()
        assert process.returncode == 0
        assert b"canary-4711" not in output + errors


@pytest.mark.parametrize("last", ["session.created", "response.output_audio.delta"])
async def test_sigterm_closes_with_1001_and_ends_with_0(last: str) -> None:
    async with program() as process:
        url = f"ws://127.0.0.1:{(await ready(process))['port']}/v1/realtime"
        async with connect(url) as connection:
            talker = Talker(connection)
            await talker.send("response.create")
            await talker.until(last)
            process.send_signal(signal.SIGTERM)
            assert (await talker.closed())[0] == 1001
        assert await process.wait() == 0


async def test_it_ends_when_its_parent_is_gone() -> None:
    async with program("--watch-stdin") as process:
        await ready(process)
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0


async def test_a_taken_port_is_said_and_ends_with_1() -> None:
    async with program() as first:
        port = (await ready(first))["port"]
        async with program("--port", str(port)) as second:
            _, errors = await second.communicate()
            assert second.returncode == 1
            assert f"cannot listen on 127.0.0.1:{port}".encode() in errors


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
async def test_a_port_that_is_none_is_said_and_ends_with_2(port: str) -> None:
    async with program(f"--port={port}") as process:
        _, errors = await process.communicate()
        assert process.returncode == 2
        assert b"argument --port" in errors


async def test_it_can_be_stopped_while_its_senses_start() -> None:
    begun, stop = asyncio.Event(), asyncio.Event()
    was_cancelled = False

    async def never() -> None:
        nonlocal was_cancelled
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled = True
            raise

    senses = scripted.senses()
    senses.on_start = never
    starting = asyncio.create_task(_start(senses, stop))
    await begun.wait()
    stop.set()
    assert await starting is False
    assert was_cancelled


async def test_it_says_when_turns_begin_to_wait_and_when_that_is_over() -> None:
    said: asyncio.Queue[Any] = asyncio.Queue()
    queue_ms = 1500
    senses = scripted.senses()
    senses.load = lambda: {"ears": {"waiting": 2, "queue_ms": queue_ms}}
    async with serve(senses) as server, connect("ws://{}:{}/v1/realtime".format(*server.address)):
        telling = asyncio.create_task(_tell_load(server, senses, say=said.put_nowait, every_s=0))
        line = {"event": "load", "sessions": 1, "waiting": 2, "queue_ms": 1500}
        assert await said.get() == line
        queue_ms = 0
        assert await said.get() == line | {"queue_ms": 0}
        telling.cancel()


@pytest.mark.parametrize(
    ("environment", "is_warned"), [({}, True), ({"RTCLIENT_ENGINE_KEY": "a-key"}, False)]
)
async def test_an_open_door_is_named(environment: dict[str, str], is_warned: bool) -> None:
    async with program("--host", "0.0.0.0", **environment) as process:
        await ready(process)
        process.terminate()
        _, said = await process.communicate()
        assert (b"set RTCLIENT_ENGINE_KEY" in said) is is_warned


async def test_options_that_contradict_end_with_2_and_a_sentence() -> None:
    async with program("--tls-key", "key.pem") as process:
        _, errors = await process.communicate()
        assert process.returncode == 2
        assert b"--tls-key needs --tls-cert" in errors
        assert b"Traceback" not in errors


async def test_the_options_reach_the_door(tmp_path: Path) -> None:
    authority = Authority()
    chain, key = authority.write_server(tmp_path)
    options = ("--profile", "azure", "--deployment", "voice", "--max-sessions", "3")
    tls = ("--tls-cert", str(chain), "--tls-key", str(key))
    async with program(*options, *tls, "--session-minutes", "2") as process:
        line = await ready(process)
        assert (line["tls"], line["profile"], line["max_sessions"]) == (True, "azure", 3)
        url = f"wss://127.0.0.1:{line['port']}/openai/v1/realtime?model="
        async with connect(url + "voice", ssl=authority.client_context()) as connection:
            created = await Talker(connection).until("session.created")
            assert created["session"]["expires_at"] < time.time() + 130
        with pytest.raises(InvalidStatus) as refused:
            await connect(url + "other", ssl=authority.client_context())
        assert refused.value.response.status_code == 404


async def test_a_scenario_a_fault_and_a_tone_reach_the_session() -> None:
    options = ("--control", "--clock", "manual", "--seed", "7", "--voice-kind", "tone")
    async with program(*options, "--fault", "close:1011@session.created") as process:
        line = await ready(process)
        assert line["senses"]["voice"] == "letters"
        async with connect(f"ws://127.0.0.1:{line['port']}/v1/realtime") as connection:
            assert (await Talker(connection).closed())[0] == 1011
