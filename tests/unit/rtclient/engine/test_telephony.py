"""G.711 at 8 kHz to pcm16 at 24 kHz and back."""

import math
from array import array

import pytest

from rtclient.engine.pcm import pcm_of, samples_of
from rtclient.engine.telephony import FromWire, ToWire
from rtclient.protocol.audio import PCM16, PCMA, PCMU, AudioFormat


def sine(hz: float, length_s: float = 0.5) -> bytes:
    count = int(24000 * length_s)
    return pcm_of(
        array("h", [round(8000 * math.sin(2 * math.pi * hz * n / 24000)) for n in range(count)])
    )


def level(pcm: bytes) -> float:
    samples = samples_of(pcm)[2400:]
    return math.sqrt(sum(s * s for s in samples) / len(samples))


@pytest.mark.parametrize("form", [PCMU, PCMA])
def test_speech_survives_the_round_trip(form: AudioFormat) -> None:
    pcm = sine(1000)
    wire = ToWire(form).feed(pcm)
    assert len(wire) == len(pcm) // 6
    back = FromWire(form).feed(wire)
    assert len(back) == len(pcm)
    assert level(back) == pytest.approx(level(pcm), rel=0.05)


def test_what_8_khz_cannot_carry_is_filtered_and_not_mirrored() -> None:
    wire = ToWire(PCMU).feed(sine(6000))
    assert level(FromWire(PCMU).feed(wire)) < 0.03 * level(sine(6000))


def test_pieces_of_any_length_give_the_same_bytes() -> None:
    pcm = sine(500, 0.1)
    whole, pieces = ToWire(PCMU), ToWire(PCMU)
    parts = b"".join(pieces.feed(pcm[at : at + 74]) for at in range(0, len(pcm), 74))
    assert parts == whole.feed(pcm)
    back, back_pieces = FromWire(PCMU), FromWire(PCMU)
    assert b"".join(back_pieces.feed(parts[at : at + 7]) for at in range(0, len(parts), 7)) == (
        back.feed(parts)
    )


def test_half_a_sample_waits_for_the_other_half() -> None:
    stream = FromWire(PCM16)
    assert stream.feed(b"\x01") == b""
    assert stream.feed(b"\x02\x03") == b"\x01\x02"
    assert stream.feed(b"\x04") == b"\x03\x04"
    assert ToWire(PCM16).feed(b"\x01\x02") == b"\x01\x02"
