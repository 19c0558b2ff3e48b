"""The body of a speech server's answer as pcm16 at 24 kHz."""

import io
import struct
import wave
from array import array

import pytest

from rtclient.engine.pcm import pcm_of, samples_of
from rtclient.engine.remote.sound import BadSound, Sound
from rtclient.engine.scripted import tone

PCM = tone(440, 100)


def converted(body: bytes, size: int = 1001, **how: object) -> bytes:
    sound = Sound(**{"rate_hz": 24_000, **how})
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(sound.feed(piece) for piece in pieces) + sound.end()


def wav(pcm: bytes, rate_hz: int = 24_000, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((channels, width, rate_hz, 0, "NONE", ""))
        out.writeframes(pcm)
    return file.getvalue()


@pytest.mark.parametrize("size", [1, 3, 1001, 100_000])
def test_raw_sound_at_24_khz_is_taken_as_it_is(size: int) -> None:
    assert converted(PCM, size) == PCM


def test_an_odd_byte_at_the_end_is_dropped() -> None:
    assert converted(PCM + b"\x01") == PCM


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_another_rate_is_resampled(rate_hz: int) -> None:
    made = converted(PCM * 10, rate_hz=rate_hz)
    assert len(made) == pytest.approx(len(PCM) * 10 * 24_000 / rate_hz, abs=4)
    assert max(samples_of(made)) == pytest.approx(max(samples_of(PCM)), rel=0.2)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_wav_says_its_rate_itself(size: int) -> None:
    assert converted(wav(PCM), size, rate_hz=16_000) == PCM
    resampled = converted(wav(PCM, 16_000), size)
    assert len(resampled) == pytest.approx(len(PCM) * 1.5, abs=4)


def test_a_wav_that_is_streamed_has_no_length_and_other_chunks_are_passed_over() -> None:
    head, data = wav(PCM)[:36], wav(PCM)[44:]
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    for length in (0, 0xFFFFFFFF):
        assert converted(head + extra + b"data" + struct.pack("<I", length) + data) == PCM
    assert converted(wav(PCM) + b"LIST....") == PCM


def test_stereo_is_mixed() -> None:
    samples = samples_of(PCM)
    both = array("h", [value for sample in samples for value in (sample, 0)])
    made = samples_of(converted(wav(pcm_of(both), channels=2)))
    assert max(abs(a - b / 2) for a, b in zip(made, samples, strict=True)) <= 1


def test_volume_is_a_factor_and_loud_samples_are_cut() -> None:
    assert max(samples_of(converted(PCM, volume=0.5))) == max(samples_of(PCM)) // 2
    loud = pcm_of(array("h", [30_000, -30_000]))
    assert samples_of(converted(loud, volume=2.0)).tolist() == [32767, -32768]


@pytest.mark.parametrize(
    "body",
    [
        b"ID3\x04 an mp3",
        b"OggS",
        b"fLaC",
        b'{"error": "no"}',
        b"<html>",
        wav(PCM, width=1),
        wav(PCM, channels=2)[:22] + b"\x06\x00" + wav(PCM)[24:],
        b"RIFF" + bytes(5000),
        b"RIFF",
    ],
)
def test_other_sound_is_refused(body: bytes) -> None:
    with pytest.raises(BadSound):
        converted(body)


def test_other_media_types_are_refused() -> None:
    with pytest.raises(BadSound):
        Sound(24_000, "audio/mpeg")


def test_nothing_is_no_sound() -> None:
    assert converted(b"") == b""


@pytest.mark.parametrize("first", [b"{", b"<"])
def test_a_sample_may_begin_like_a_text(first: bytes) -> None:
    pcm = first + b"\x00" + first + b"\xff" + PCM
    assert converted(pcm) == pcm
