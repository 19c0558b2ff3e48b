import asyncio
import contextlib
import io
import wave

from rtclient.talk.sinks import NoSink, PipeSink, Sink, WavSink
from rtclient.talk.sources import BLOCK_BYTES


class Sound:
    """Gives numbered blocks, and says when so many were taken."""

    def __init__(self, wanted: int) -> None:
        self.taken = 0
        self.is_enough = asyncio.Event()
        self._wanted = wanted

    def take(self, n_bytes: int) -> bytes:
        assert n_bytes == BLOCK_BYTES
        self.taken += 1
        if self.taken > self._wanted:
            self.is_enough.set()
        return bytes([self.taken % 256]) * n_bytes


async def played(sink: Sink, blocks: int) -> Sound:
    sound = Sound(blocks)
    playing = asyncio.create_task(sink.play(sound.take))
    await sound.is_enough.wait()
    playing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await playing
    return sound


async def test_a_wav_file_has_what_was_taken(tmp_path):
    sink = WavSink(tmp_path / "o.wav")
    await played(sink, 3)
    sink.close()
    with wave.open(str(tmp_path / "o.wav")) as file:
        assert file.getframerate() == 24_000
        pcm = file.readframes(file.getnframes())
    assert pcm[: 3 * BLOCK_BYTES] == b"".join(bytes([n]) * BLOCK_BYTES for n in (1, 2, 3))


async def test_a_pipe_gets_what_was_taken():
    out = io.BytesIO()
    await played(PipeSink(stream=out), 3)
    assert out.getvalue()[: 2 * BLOCK_BYTES] == b"\1" * BLOCK_BYTES + b"\2" * BLOCK_BYTES


async def test_a_pipe_at_another_rate_gets_as_much_time():
    out = io.BytesIO()
    sound = await played(PipeSink(48_000, out), 10)
    assert abs(len(out.getvalue()) - 2 * sound.taken * BLOCK_BYTES) <= 4 * BLOCK_BYTES


async def test_without_a_sink_sound_is_taken_all_the_same():
    assert (await played(NoSink(), 2)).taken >= 3


async def test_sound_is_taken_in_real_time():
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    sound = await played(NoSink(), 5)
    assert loop.time() - start_s >= (sound.taken - 1) * 0.02 - 0.001
