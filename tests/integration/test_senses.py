"""The real senses, on sound that the engine's own voice makes: no recordings, no network."""

import array
import asyncio
import math
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pocketsphinx
import psutil
import pytest
import pytest_asyncio

from rtclient.engine import phrases
from rtclient.engine.defaults import senses
from rtclient.engine.ears import SphinxEars
from rtclient.engine.grammar import pronounceable
from rtclient.engine.other_voices import ProgramVoice, installed_program
from rtclient.engine.senses import SenseError
from rtclient.engine.vad import CModel, NumpyModel, SileroVad
from rtclient.engine.voice import VOICES, EspeakVoice
from rtclient.engine.workers import DATA, END, FINISH, WorkerPool

# The workers load models: one loop and one set of workers serve all tests of this file.
# On a busy machine recognition takes longer than the usual limit of a test.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(30)]

TEXT = "What time is it? The kettle is on."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def voice():
    speaker = EspeakVoice()
    await speaker.start()
    yield speaker
    await speaker.close()


async def spoken(speaker, text=TEXT, **how):
    pieces = [p async for p in speaker.speak(text, **{"voice": "alloy", "speed": 1.0, **how})]
    return b"".join(p.pcm for p in pieces), [w for p in pieces for w in p.words]


def level_dbfs(pcm):
    loud = [s for s in array.array("h", pcm) if abs(s) > 328]
    return 10 * math.log10(sum(s * s for s in loud) / len(loud) / 32768**2)


async def test_every_word_of_the_voice_is_marked_in_order(voice):
    pcm, words = await spoken(voice)
    assert [TEXT[w.text_start : w.text_end] for w in words] == TEXT.split()
    assert [w.start_ms for w in words] == sorted(w.start_ms for w in words)
    assert words[-1].start_ms < len(pcm) // 48


async def test_all_voices_speak_differently_at_one_comfortable_level(voice):
    sounds = {name: (await spoken(voice, voice=name))[0] for name in VOICES}
    assert len(set(sounds.values())) == len(VOICES)
    assert all(-23 < level_dbfs(pcm) < -17 for pcm in sounds.values())
    assert all(pcm[:2] == pcm[-2:] == b"\0\0" for pcm in sounds.values())


async def test_speed_and_volume_are_heard(voice):
    lengths = [len((await spoken(voice, speed=s))[0]) for s in (0.25, 0.5, 1.0, 1.5)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[1] > 1.7 * lengths[2]
    quiet = level_dbfs((await spoken(voice, volume=0.5))[0])
    assert -28 < quiet < -24


async def test_a_voice_that_is_closed_stops_and_speaks_on_for_the_next(voice):
    speech = voice.speak(TEXT * 50, voice="alloy", speed=1.0)
    await anext(speech)
    await speech.aclose()
    pcm, words = await spoken(voice, "Next.")
    assert words
    assert len(pcm) < 48000 * 2


async def test_a_listener_who_takes_nothing_does_not_hold_the_voice(voice):
    slow = voice.speak(TEXT * 50, voice="alloy", speed=1.0)
    await anext(slow)
    for _ in range(3):
        pcm, _ = await spoken(voice, "Next.")
        assert pcm
    rest = b"".join([piece.pcm async for piece in slow])
    assert len(rest) > 48000 * 60  # it missed nothing


async def test_a_killed_voice_fails_its_turn_and_is_replaced(voice):
    os.kill(voice.pool.worker_pids[0], signal.SIGKILL)
    with pytest.raises(SenseError, match="voice worker died"):
        await spoken(voice)
    pcm, _ = await spoken(voice)
    assert pcm


async def test_silero_hears_speech_and_not_silence(voice):
    pcm, _ = await spoken(voice)
    vad = SileroVad()
    before = vad.feed(bytes(48000))
    during = vad.feed(pcm)
    after = vad.feed(bytes(48000))
    assert max(before) < 0.1
    assert sorted(during)[len(during) // 2] > 0.9
    assert max(after[8:]) < 0.1


async def test_silero_in_numpy_judges_speech_as_the_c_module_does(voice):
    chance = np.random.default_rng(4)
    same = []
    for name in VOICES[:4]:
        pcm, _ = await spoken(voice, voice=name)
        sound = np.frombuffer(bytes(9600) + pcm + bytes(9600), "<i2")
        for noise_rms in (30, 1000):  # a quiet room, and about 10 dB below the speech
            noisy = np.clip(sound + chance.normal(0, noise_rms, len(sound)), -32768, 32767)
            ours = SileroVad(NumpyModel()).feed(noisy.astype("<i2").tobytes())
            theirs = SileroVad(CModel()).feed(noisy.astype("<i2").tobytes())
            assert max(ours) > 0.9
            assert ours == pytest.approx(theirs, abs=0.05)
            for a, b in zip(ours, theirs, strict=True):
                same += [(a >= limit) == (b >= limit) for limit in (0.5, 0.35)]
    assert len(same) > 1000
    assert sum(same) / len(same) >= 0.998


async def test_silero_counts_frames_by_samples_however_they_are_cut(voice):
    pcm = bytes(9600) + (await spoken(voice))[0]
    whole, pieces = SileroVad(), SileroVad()
    first = list(whole.feed(pcm))
    second = [p for at in range(0, len(pcm), 1001) for p in pieces.feed(pcm[at : at + 1001])]
    assert abs(len(first) - len(second)) <= 1
    assert len(first) == pytest.approx(len(pcm) / 48 / SileroVad.frame_ms, abs=2)


@pytest.mark.skipif(installed_program() is None, reason="no speech program on PATH")
async def test_a_speech_program_speaks_when_the_library_is_missing():
    pcm, words = await spoken(ProgramVoice(installed_program()))
    assert [TEXT[w.text_start : w.text_end] for w in words] == TEXT.split()
    assert level_dbfs(pcm) == pytest.approx(-20, abs=3)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ears():
    hearing = SphinxEars(workers=1)
    await hearing.start()
    yield hearing
    await hearing.close()


async def turn(ears, voice, text, session="s1", lead_ms=300, hints=()):
    """A turn that hears what the voice says, as a microphone would bring it."""
    pcm, _ = await spoken(voice, text, speed=0.9)
    listening = ears.listen(session, hints)
    whole = bytes(48 * lead_ms) + pcm + bytes(24000)
    for at in range(0, len(whole), 1920):
        listening.feed(whole[at : at + 1920])
    return listening


async def test_the_ears_are_sure_of_a_phrase(ears, voice):
    heard = await (await turn(ears, voice, "Tell me a joke")).finish()
    assert (heard.text, heard.is_certain) == ("Tell me a joke", True)
    assert heard.confidence >= 0.8


async def test_silence_before_the_words_spoils_nothing(ears, voice):
    heard = await (await turn(ears, voice, "What time is it", "l1", lead_ms=3000)).finish()
    assert (heard.text, heard.is_certain) == ("What time is it?", True)


async def test_another_sentence_is_a_guess(ears, voice):
    heard = await (await turn(ears, voice, "My brother bought goats in June", "s2")).finish()
    assert heard.text
    assert not heard.is_certain
    assert heard.confidence <= 0.5


async def test_the_likely_words_of_a_session_are_heard_in_that_session_only(ears, voice):
    words = "What is the weather in Lisbon"
    hinted = await (await turn(ears, voice, words, "h1", hints=("Lisbon", "Oslo", "xzq"))).finish()
    assert (hinted.text, hinted.is_certain) == (f"{words}?", True)
    other = await (await turn(ears, voice, words, "h2")).finish()
    assert not other.is_certain


async def test_silence_is_nothing_certain(ears):
    listening = ears.listen("s3")
    listening.feed(bytes(48000))
    assert not (await listening.finish()).is_certain


async def test_more_turns_than_workers_wait_without_blocking(ears, voice):
    turns = [await turn(ears, voice, "Flip a coin", f"w{n}") for n in range(2)]
    turns[0].cancel()
    assert (await turns[1].finish()).text == "Flip a coin"


async def test_a_killed_recogniser_fails_its_turn_only(ears, voice):
    broken = await turn(ears, voice, "Tell me a story", "k1")
    os.kill(ears.pool.worker_pids[0], signal.SIGKILL)
    with pytest.raises(SenseError, match="recognition worker died"):
        await broken.finish()
    heard = await (await turn(ears, voice, "Tell me a story", "k2")).finish()
    assert heard.text == "Tell me a story"


async def test_the_default_senses_start_and_leave_no_process_behind():
    mine = psutil.Process()
    before = {child.pid for child in mine.children(recursive=True)}
    gathered = senses(ear_workers=1)
    await gathered.start()
    assert dict(gathered.names) == {
        "vad": "silero", "ears": "pocketsphinx", "voice": "espeak-ng", "brain": "persona",
    }  # fmt: skip
    assert list(gathered.notes) == []
    idle = {"workers": 1, "busy": 0, "waiting": 0, "queue_ms": 0}
    assert gathered.load() == {"ears": idle, "voice": idle}
    assert {child.pid for child in mine.children(recursive=True)} - before
    await gathered.close()
    await gathered.close()
    assert {child.pid for child in mine.children(recursive=True)} <= before


COUNTING = "tests.support.counting:Counting"


@pytest_asyncio.fixture(loop_scope="module")
async def pool():
    counting = WorkerPool(COUNTING, 1, name="counting")
    await counting.start()
    yield counting
    await counting.close()


async def count(pool, *pieces, **begin):
    lease = pool.lease(begin)
    for piece in pieces:
        lease.send(DATA, piece)
    lease.send(FINISH)
    return await lease.receive(patience_s=5)


async def test_a_job_that_fails_says_so_without_its_content(pool):
    with pytest.raises(SenseError, match="ValueError") as fault:
        await count(pool, fails=True)
    assert "private" not in str(fault.value)
    assert await count(pool, b"abc") == (END, b"3")


async def test_a_worker_that_dies_is_replaced(pool):
    with pytest.raises(SenseError, match="died"):
        await count(pool, dies=True)
    assert await count(pool, b"ab", b"c") == (END, b"3")


async def test_a_worker_that_is_stuck_is_replaced(pool):
    lease = pool.lease({})
    with pytest.raises(SenseError, match="did not answer"):
        await lease.receive(patience_s=0.05)
    assert await count(pool, b"ab") == (END, b"2")


async def test_jobs_wait_their_turn_and_closed_ones_are_passed_over(pool):
    first, second, third = (pool.lease({}) for _ in range(3))
    assert second.is_waiting
    second.close()
    third.send(DATA, b"xyz")
    third.send(FINISH)
    first.close()
    assert await third.receive(patience_s=5) == (END, b"3")


async def test_a_live_job_gives_way_to_a_complete_one_and_is_caught_up_on(pool):
    live = pool.lease({}, owner="slow", is_live=True)
    live.send(DATA, b"abc")
    assert not live.is_waiting
    assert await count(pool, b"xy") == (END, b"2")
    assert live.is_waiting
    live.send(DATA, b"de")
    live.send(FINISH)
    assert await live.receive(patience_s=5) == (END, b"5")


async def test_of_two_live_jobs_none_takes_the_worker_of_the_other(pool):
    first = pool.lease({}, owner="a", is_live=True)
    second = pool.lease({}, owner="b", is_live=True)
    second.send(DATA, b"xyz")
    assert (first.is_waiting, second.is_waiting) == (False, True)
    assert pool.load.waiting == 0
    second.send(FINISH)
    assert (first.is_waiting, second.is_waiting) == (True, False)
    assert await second.receive(patience_s=5) == (END, b"3")


async def test_one_owner_runs_one_job_at_a_time_however_many_it_has(pool):
    many = [pool.lease({}, owner="greedy") for _ in range(5)]
    other = pool.lease({}, owner="modest")
    assert pool.load.waiting == 5
    assert pool.load.queue_ms > 0
    for lease in (*many, other):
        lease.send(FINISH)
    assert await many[0].receive(patience_s=5) == (END, b"0")
    assert await other.receive(patience_s=5) == (END, b"0")
    assert many[-1].is_waiting
    for lease in many[1:]:
        assert await lease.receive(patience_s=5) == (END, b"0")
    assert (pool.load.waiting, pool.load.busy, pool.load.queue_ms) == (0, 0, 0)


async def test_a_job_that_waits_too_long_leaves_the_line(pool):
    pool.lease({})
    waiting = pool.lease({})
    with pytest.raises(SenseError, match="did not answer"):
        await waiting.receive(patience_s=0.05)
    assert pool.load.waiting == 0


async def test_a_pool_grows_when_a_job_has_to_wait_and_not_beyond_its_limit():
    growing = WorkerPool(COUNTING, 1, name="counting", most=2)
    await growing.start()
    try:
        leases = [growing.lease({}) for _ in range(3)]
        leases[1].send(FINISH)
        assert await leases[1].receive(patience_s=5) == (END, b"0")  # the first is not done
        assert growing.load.workers == 2
        growing.lease({})
        leases[2].send(FINISH)
        assert await leases[2].receive(patience_s=5) == (END, b"0")
        assert len(growing.worker_pids) == 2
    finally:
        await growing.close()


async def test_a_closed_pool_refuses_and_fails_what_waits(pool):
    running, waiting = pool.lease({}), pool.lease({})
    await pool.close()
    for lease in (running, waiting, pool.lease({})):
        with pytest.raises(SenseError, match="closed"):
            await lease.receive(patience_s=5)


async def test_a_worker_that_cannot_start_says_why():
    pool = WorkerPool(COUNTING, 1, name="counting", options={"broken": True})
    with pytest.raises(SenseError, match=r"did not start.*no model"):
        await pool.start()


async def test_workers_end_when_their_parent_is_killed():
    code = f"""
import asyncio
from rtclient.engine.workers import WorkerPool

async def main():
    pool = WorkerPool("{COUNTING}", 1, name="counting")
    await pool.start()
    print(*pool.worker_pids, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    workers = [psutil.Process(int(pid)) for pid in (await parent.stdout.readline()).split()]
    parent.kill()
    await parent.wait()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, workers, 5)
    assert (len(gone), alive) == (1, [])


async def test_every_word_of_the_phrases_is_in_the_dictionary_of_the_recogniser():
    folder = Path(pocketsphinx.__file__).parent / "model" / "en-us"
    lines = (folder / "cmudict-en-us.dict").read_text().splitlines()
    known = {line.split()[0] for line in lines if line}
    spoken = [spoken for _, spoken in phrases.PATTERNS] + list(phrases.ALSO)
    wanted = {word for phrase in spoken for word in pronounceable(phrase, phrases.SLOTS)}
    assert wanted - known == set()
