"""`kill -9` of workers: one turn fails and says so, the next works, nobody else notices anything.

The real senses behind real sockets; what is said to the engine comes from its own voice.
"""

import asyncio
import base64
import contextlib
import os
import time
from dataclasses import dataclass

import psutil
import pytest
import pytest_asyncio

from rtclient.engine.defaults import senses
from rtclient.engine.serve import serve
from rtclient.engine.voice import EspeakVoice
from rtclient.engine.workers import WorkerPool
from tests.support.talker import talking

# The workers load models: one loop and one engine serve all tests of this file.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(40)]

TRANSCRIPTION = "conversation.item.input_audio_transcription"
QUIET = bytes(48 * 900)
DETECTION = {"type": "server_vad", "silence_duration_ms": 300}
SETTINGS = {
    "type": "realtime",
    "audio": {"input": {"transcription": {"model": "whisper-1"}, "turn_detection": DETECTION}},
}


@dataclass(frozen=True)
class Engine:
    """An engine that listens, and its workers."""

    port: int
    ears: WorkerPool
    voice: WorkerPool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine():
    gathered = senses(ear_workers=2)
    await gathered.start()
    try:
        async with serve(gathered) as server:
            port = server.sockets[0].getsockname()[1]
            yield Engine(port, gathered.ears.pool, gathered.voice.pool)
    finally:
        await gathered.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phrase(engine):
    """Somebody who says "tell me a joke": pcm16."""
    voice = EspeakVoice(engine.voice)
    pieces = [p.pcm async for p in voice.speak("Tell me a joke", voice="alloy", speed=0.9)]
    return bytes(48 * 300) + b"".join(pieces)


@contextlib.asynccontextmanager
async def session(engine):
    async with talking(engine.port, "/v1/realtime", max_queue=None) as client:
        await client.send("session.update", session=SETTINGS)
        await client.until("session.updated")
        yield client


async def until(condition):
    """Wait for something that happens in another process and that nobody tells."""
    while not (result := condition()):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
    return result


async def test_ctrl_c_in_the_terminal_is_for_the_engine_only(engine):
    for worker in await all_there(engine.ears, 2):
        assert os.getsid(worker.pid) != os.getsid(0)


async def all_there(pool, count):
    """Wait until so many workers are ready; return them."""
    await until(lambda: pool.load.workers == count)
    return [psutil.Process(pid) for pid in pool.worker_pids]


async def say(client, pcm):
    for at in range(0, len(pcm), 9600):
        audio = base64.b64encode(pcm[at : at + 9600]).decode()
        await client.send("input_audio_buffer.append", audio=audio)


async def begin_to_speak(engine, client, pcm):
    """Say something without an end; return the worker that hears it."""
    before = set(engine.ears.busy_pids)
    await say(client, pcm)
    await client.until("input_audio_buffer.speech_started")
    (pid,) = await until(lambda: set(engine.ears.busy_pids) - before)
    return psutil.Process(pid)


async def heard(client):
    """End the turn; return the transcript."""
    await say(client, QUIET)
    return (await client.until(f"{TRANSCRIPTION}.completed"))["transcript"]


async def test_a_recogniser_that_is_killed_fails_its_turn_and_nobody_elses(engine, phrase):
    async with session(engine) as unlucky, session(engine) as other:
        await all_there(engine.ears, 2)
        busy = await begin_to_speak(engine, unlucky, phrase)
        assert await begin_to_speak(engine, other, phrase) != busy
        busy.kill()
        begun = time.monotonic()
        assert await heard(other) == "Tell me a joke"
        assert time.monotonic() - begun < 5  # seconds of work would mean that it was lost

        await say(unlucky, QUIET)
        failed = await unlucky.until(f"{TRANSCRIPTION}.failed")
        assert "recognition worker died" in failed["error"]["message"]
        assert "try again" in failed["error"]["message"]
        await unlucky.until("response.output_audio.delta")  # it is told aloud as well

        await say(unlucky, phrase)
        assert await heard(unlucky) == "Tell me a joke"
        await unlucky.until("response.output_audio.delta")
        assert other.errors() == []


async def test_a_voice_that_is_killed_fails_its_response_and_speaks_the_next(engine):
    async with session(engine) as client:
        (speaker,) = await all_there(engine.voice, 1)
        speaker.suspend()  # in the middle of its work, for as long as we like
        try:
            await client.send("response.create", response={"instructions": "Say exactly: hello."})
            await client.until("response.content_part.added")
        finally:
            speaker.kill()
        done = await client.until("response.done")
        assert done["response"]["status"] == "failed"
        assert "voice worker died" in done["response"]["status_details"]["error"]["message"]

        await client.send("response.create", response={"instructions": "Say exactly: hello."})
        await client.until("response.output_audio.delta")
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"


async def test_nobody_notices_that_idle_workers_are_killed(engine, phrase):
    async with session(engine) as client:
        for process in [*await all_there(engine.ears, 2), *await all_there(engine.voice, 1)]:
            process.kill()
        await until(lambda: engine.ears.load.workers == engine.voice.load.workers == 0)
        await say(client, phrase)
        assert await heard(client) == "Tell me a joke"
        await client.until("response.output_audio.delta")
        assert client.errors() == []
