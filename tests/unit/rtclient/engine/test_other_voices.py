import array
from pathlib import Path

from rtclient.engine.other_voices import PROGRAMS, ToneVoice, estimated_words, levelled


async def spoken(voice, text, **how):
    pieces = [p async for p in voice.speak(text, **{"voice": "alloy", "speed": 1.0, **how})]
    return b"".join(p.pcm for p in pieces), [w for p in pieces for w in p.words]


def peak(pcm):
    return max(map(abs, array.array("h", pcm)))


async def test_tones_mark_every_word_at_its_start():
    text = "Tea is ready."
    pcm, words = await spoken(ToneVoice(), text)
    assert [text[w.text_start : w.text_end] for w in words] == ["Tea", "is", "ready."]
    assert [w.start_ms for w in words] == sorted({w.start_ms for w in words})
    assert words[-1].start_ms < len(pcm) // 48


async def test_tones_follow_speed_and_volume():
    plain, _ = await spoken(ToneVoice(), "Tea is ready")
    slow, _ = await spoken(ToneVoice(), "Tea is ready", speed=0.5)
    quiet, _ = await spoken(ToneVoice(), "Tea is ready", volume=0.5)
    assert len(slow) > 1.5 * len(plain)
    assert peak(quiet) < 0.6 * peak(plain)


def test_sound_is_resampled_and_levelled_with_soft_ends():
    pcm = levelled(array.array("h", [1000, -1000] * 8000), 16000, 1.0)
    assert len(pcm) == 2 * 24000
    samples = array.array("h", pcm)
    assert samples[0] == samples[-1] == 0
    assert max(samples) <= 32000
    assert levelled(array.array("h"), 16000, 1.0) == b""


def test_words_are_spread_over_the_sound():
    words = estimated_words("a longer word", 10, 500, 1000)
    assert [(w.text_start, w.text_end) for w in words] == [(10, 11), (12, 18), (19, 23)]
    assert 500 == words[0].start_ms < words[1].start_ms < words[2].start_ms < 1500


def test_no_program_is_given_the_text_as_an_argument():
    for program in PROGRAMS:
        arguments = program.arguments(Path("/t/text.txt"), Path("/t/sound.wav"), 0, 1.0)
        assert "/t/sound.wav" in arguments
