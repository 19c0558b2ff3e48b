"""Sound at any rate becomes pcm16 at 24 kHz."""

import itertools
import math
import struct
import sys
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.extras import MissingExtraError
from rtclient.resampling import Resampler, resample


def tone(rate_hz: int, seconds: float = 0.5, hz: float = 440.0) -> bytes:
    count = int(rate_hz * seconds)
    wave = (round(16_000 * math.sin(math.tau * hz * n / rate_hz)) for n in range(count))
    return array("h", wave).tobytes()


def loudness(pcm: bytes) -> float:
    samples = array("h", pcm)
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_length_loudness_and_pitch_stay(rate_hz: int) -> None:
    pcm = resample(tone(rate_hz), rate_hz, 24_000)
    assert len(pcm) // 2 == pytest.approx(12_000, abs=2)
    assert loudness(pcm) == pytest.approx(16_000 / math.sqrt(2), rel=0.01)
    rises = sum(a < 0 <= b for a, b in itertools.pairwise(array("h", pcm)))
    assert rises == pytest.approx(220, abs=1)


def test_the_right_rate_passes_untouched() -> None:
    resampler = Resampler(24_000)
    assert resampler.feed(b"\x01") == b""
    assert resampler.feed(b"\x02\x03") == b"\x01\x02"
    assert resampler.end() == b""


@given(st.lists(st.integers(0, 999), max_size=8), st.booleans())
def test_the_pieces_do_not_matter(cuts: list[int], is_live: bool) -> None:
    sound = tone(16_000, 0.03)
    edges = sorted({0, len(sound), *(cut % len(sound) for cut in cuts)})
    parts = Resampler(16_000, is_live=is_live)
    pieces = [parts.feed(sound[a:b]) for a, b in itertools.pairwise(edges)]
    whole = Resampler(16_000, is_live=is_live)
    assert b"".join([*pieces, parts.end()]) == whole.feed(sound) + whole.end()


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_live_stream_holds_back_20_ms_at_most(rate_hz: int) -> None:
    resampler = Resampler(rate_hz, is_live=True)
    out = 0
    for n in range(1, 101):
        out += len(resampler.feed(bytes(rate_hz // 100 * 2)))
        assert n * 480 - out <= 21 * 48


def test_channels_become_their_mean() -> None:
    frames = struct.pack("<6h", 100, 300, -32768, -32768, 32767, 0)
    resampler = Resampler(24_000, channels=2)
    assert struct.unpack("<3h", resampler.feed(frames)) == (200, -32768, 16384)


def test_floats_are_scaled_and_clipped_and_what_is_no_number_is_silence() -> None:
    sound = struct.pack("<5f", 0.5, -1.0, 1.5, math.nan, -math.inf)
    pcm = Resampler(24_000, encoding="float32").feed(sound)
    assert struct.unpack("<5h", pcm) == (16_384, -32_768, 32_767, 0, -32_768)


@pytest.mark.parametrize("rate_hz", [0, -1, 999, 400_000])
def test_rates_that_make_no_sense_are_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="sample rate"):
        Resampler(rate_hz)
    with pytest.raises(ValueError, match="sample rate"):
        Resampler(24_000, rate_hz)


def test_no_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        Resampler(24_000, channels=0)


def test_missing_packages_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"needs soxr: pip install 'rtclient\[audio\]'"):
        Resampler(48_000)
    assert Resampler(24_000).feed(b"ab") == b"ab"


def test_silence_of_no_length_ends_well() -> None:
    assert resample(b"", 48_000, 24_000) == b""
