"""Formats, milliseconds, base64 and g711."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.audio import (
    APPEND_BYTES,
    FORMATS,
    PCM16,
    PCMA,
    PCMU,
    AudioFormat,
    appended,
    bytes_to_ms,
    decode_g711,
    encode_g711,
    from_base64,
    ms_to_bytes,
    parse_format,
    to_base64,
)

EVERY_SAMPLE = struct.pack("<65536h", *range(-32768, 32768))
EVERY_BYTE = bytes(range(256))


@pytest.mark.parametrize("audio_format", FORMATS.values(), ids=FORMATS.keys())
def test_a_format_survives_the_wire(audio_format: AudioFormat) -> None:
    assert parse_format(audio_format.to_wire()) is audio_format


def test_the_rate_may_be_left_out() -> None:
    assert parse_format({"type": "audio/pcm"}) is PCM16


@pytest.mark.parametrize(
    ("wire", "code", "param"),
    [
        (None, "invalid_type", "f"),
        ("pcm16", "invalid_type", "f"),
        ({"rate": 24000}, "invalid_type", "f"),
        ({"type": "audio/opus"}, "invalid_value", "f.type"),
        ({"type": "audio/pcm", "rate": 16000}, "invalid_value", "f.rate"),
        ({"type": "audio/pcm", "rate": True}, "invalid_value", "f.rate"),
        ({"type": "audio/pcmu", "rate": 8000}, "unknown_parameter", "f.rate"),
        ({"type": "audio/pcm", "bits": 16}, "unknown_parameter", "f.bits"),
    ],
)
def test_any_other_format_is_refused_by_field(wire: object, code: str, param: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_format(wire, "f")
    assert (caught.value.code, caught.value.param) == (code, param)


def test_milliseconds_and_bytes() -> None:
    assert bytes_to_ms(48_000) == 1000
    assert bytes_to_ms(47) == 0
    assert ms_to_bytes(20) == 960
    assert ms_to_bytes(20, PCMU) == 160
    assert bytes_to_ms(160, PCMA) == 20


@given(st.integers(0, 10**7))
def test_whole_milliseconds_survive(ms: int) -> None:
    for audio_format in FORMATS.values():
        assert bytes_to_ms(ms_to_bytes(ms, audio_format), audio_format) == ms


@given(st.binary(max_size=50))
def test_base64_survives(data: bytes) -> None:
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize(
    "text", [None, 1, "A", "AAA", "AA=A", "A A=", "AAA\n", "ÄÄÄÄ", "====", "_-_-"]
)
def test_what_is_not_strict_base64_is_refused(text: object) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        from_base64(text)
    assert caught.value.code == "invalid_value"


@pytest.mark.parametrize(
    ("audio_format", "encoded", "decoded"),
    [
        (
            PCMU,
            "81d633c9e6972a18c74a58720b96cb8ca0bdd096d4060b646dd708c3b846019a",
            "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827",
        ),
        (
            PCMA,
            "38488f6fd710f4686360edc4d38639f96c491595ef93f8eb8d62d5e07ca6ce7b",
            "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174",
        ),
    ],
    ids=["ulaw", "alaw"],
)
def test_g711_is_bit_exact(audio_format: AudioFormat, encoded: str, decoded: str) -> None:
    """The digests were made with the `audioop` module of Python 3.11 (gone in 3.13)."""
    assert hashlib.sha256(encode_g711(EVERY_SAMPLE, audio_format)).hexdigest() == encoded
    assert hashlib.sha256(decode_g711(EVERY_BYTE, audio_format)).hexdigest() == decoded


def test_g711_decodes_what_it_encodes() -> None:
    for audio_format in (PCMU, PCMA):
        pcm = decode_g711(EVERY_BYTE, audio_format)
        assert decode_g711(encode_g711(pcm, audio_format), audio_format) == pcm


@pytest.mark.parametrize("size", [0, 1, APPEND_BYTES, APPEND_BYTES + 1, 3 * APPEND_BYTES])
def test_sound_of_any_length_is_sent_whole_and_in_pieces(size: int) -> None:
    sound = bytes(at % 251 for at in range(size))
    pieces = [from_base64(event["audio"]) for event in appended(sound)]
    assert b"".join(pieces) == sound
    assert len(pieces) == -(-size // APPEND_BYTES)
    assert all(len(piece) % 2 == 0 for piece in pieces[:-1])


def test_sound_is_counted_in_bytes_whatever_holds_it() -> None:
    samples = memoryview(bytes(range(8))).cast("h")
    assert [from_base64(event["audio"]) for event in appended(samples)] == [bytes(range(8))]
