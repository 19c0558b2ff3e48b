"""Audio formats of the wire and the arithmetic of bytes, samples and milliseconds.

pcm16: little-endian signed 16-bit, mono, 24 000 Hz, no header. g711 (`audio/pcmu`, `audio/pcma`):
one byte a sample, mono, 8 000 Hz. Sample rates are never converted here.

Source: Realtime API, session.audio.input.format; ITU-T G.711.
"""

import base64
import binascii
import sys
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from rtclient.errors import RemoteProtocolError

FormatType = Literal["audio/pcm", "audio/pcmu", "audio/pcma"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One of the three formats; `PCM16`, `PCMU` and `PCMA` are all there are."""

    type: FormatType
    rate_hz: int
    sample_bytes: int

    @property
    def bytes_per_s(self) -> int:
        """Bytes of one second of sound."""
        return self.rate_hz * self.sample_bytes

    def to_wire(self) -> dict[str, Any]:
        """Return the format as the API spells it."""
        if self.type == "audio/pcm":
            return {"type": self.type, "rate": self.rate_hz}
        return {"type": self.type}


PCM16 = AudioFormat("audio/pcm", 24_000, 2)
PCMU = AudioFormat("audio/pcmu", 8_000, 1)
PCMA = AudioFormat("audio/pcma", 8_000, 1)
APPEND_BYTES: Final = 96_000
"""The most sound in one event: two seconds of PCM16."""
FORMATS: Mapping[str, AudioFormat] = {f.type: f for f in (PCM16, PCMU, PCMA)}


def parse_format(wire: Any, param: str = "session.audio.input.format") -> AudioFormat:
    """Return the format that `{"type": …, "rate": …}` names.

    Raises:
        RemoteProtocolError: `invalid_value` or `unknown_parameter`, with the field in `param`.
    """
    if not isinstance(wire, Mapping) or not isinstance(wire.get("type"), str):
        raise RemoteProtocolError(
            f"Invalid type for '{param}': expected an object with a type.",
            code="invalid_type",
            param=param,
        )
    found = FORMATS.get(wire["type"])
    if found is None:
        raise RemoteProtocolError(
            f"Invalid value for '{param}.type'. Supported values are: "
            + ", ".join(f"'{name}'" for name in FORMATS)
            + ".",
            code="invalid_value",
            param=f"{param}.type",
        )
    for key in wire:
        if key != "type" and not (key == "rate" and found is PCM16):
            raise RemoteProtocolError(
                f"Unknown parameter: '{param}.{key[:64]}'.",
                code="unknown_parameter",
                param=f"{param}.{key[:64]}",
            )
    rate = wire.get("rate", found.rate_hz)
    if isinstance(rate, bool) or rate != found.rate_hz:
        raise RemoteProtocolError(
            f"Invalid value for '{param}.rate': only {found.rate_hz} is supported.",
            code="invalid_value",
            param=f"{param}.rate",
        )
    return found


def bytes_to_ms(n_bytes: int, audio_format: AudioFormat = PCM16) -> int:
    """Return the whole milliseconds that `n_bytes` of sound last."""
    return n_bytes * 1000 // audio_format.bytes_per_s


def ms_to_bytes(ms: int, audio_format: AudioFormat = PCM16) -> int:
    """Return the bytes of `ms` milliseconds of sound, always whole samples."""
    return ms * audio_format.rate_hz // 1000 * audio_format.sample_bytes


def to_base64(data: bytes | bytearray | memoryview) -> str:
    """Return sound as the API carries it."""
    return base64.b64encode(data).decode("ascii")


def appended(sound: bytes | bytearray | memoryview) -> Iterator[dict[str, Any]]:
    """Give the events that send sound, in pieces far below what one event may hold."""
    data = memoryview(sound).tobytes()
    for start in range(0, len(data), APPEND_BYTES):
        piece = to_base64(data[start : start + APPEND_BYTES])
        yield {"type": "input_audio_buffer.append", "audio": piece}


def from_base64(text: Any, param: str = "audio") -> bytes:
    """Return the bytes of strict base64 text.

    Raises:
        RemoteProtocolError: `text` is no string or not base64.
    """
    if isinstance(text, str) and len(text) % 4 == 0:
        try:
            return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
        except (binascii.Error, UnicodeEncodeError):
            pass
    raise RemoteProtocolError(
        f"Invalid '{param}': expected base64-encoded audio bytes.",
        code="invalid_value",
        param=param,
    )


def encode_g711(pcm: bytes, audio_format: AudioFormat) -> bytes:
    """Return pcm (signed 16-bit little-endian, 8 000 Hz, whole samples) as `PCMU` or `PCMA`."""
    table = _encode_table(audio_format.type)
    return bytes([table[sample & 0xFFFF] for sample in _samples(pcm)])


def decode_g711(data: bytes, audio_format: AudioFormat) -> bytes:
    """Return `PCMU` or `PCMA` as pcm: signed 16-bit little-endian, 8 000 Hz."""
    table = _decode_table(audio_format.type)
    samples = array("h", [table[byte] for byte in data])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _samples(pcm: bytes) -> "array[int]":
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


@cache
def _decode_table(kind: FormatType) -> tuple[int, ...]:
    expand = _expand_ulaw if kind == "audio/pcmu" else _expand_alaw
    return tuple(expand(byte) for byte in range(256))


@cache
def _encode_table(kind: FormatType) -> bytes:
    """65 536 bytes, by the sample's unsigned 16-bit pattern; made once, in some 50 ms."""
    compress = _compress_ulaw if kind == "audio/pcmu" else _compress_alaw
    return bytes(compress(u - 0x10000 if u >= 0x8000 else u) for u in range(0x10000))


def _expand_ulaw(byte: int) -> int:
    byte = ~byte & 0xFF
    magnitude = ((((byte & 0x0F) << 3) + 0x84) << (byte >> 4 & 7)) - 0x84
    return -magnitude if byte & 0x80 else magnitude


def _compress_ulaw(sample: int) -> int:
    # 14-bit input: the two lowest bits never matter.
    value, sign = sample >> 2, 0x00
    if value < 0:
        value, sign = -value, 0x80
    value = min(value, 8159) + 33
    segment = max(value.bit_length() - 6, 0)
    if segment >= 8:
        return ~(sign | 0x7F) & 0xFF
    return ~(sign | segment << 4 | (value >> (segment + 1) & 0x0F)) & 0xFF


def _expand_alaw(byte: int) -> int:
    byte ^= 0x55
    segment, magnitude = byte >> 4 & 7, (byte & 0x0F) << 4
    magnitude += 0x08 if segment == 0 else 0x108
    if segment > 1:
        magnitude <<= segment - 1
    return magnitude if byte & 0x80 else -magnitude


def _compress_alaw(sample: int) -> int:
    # 13-bit input: the three lowest bits never matter.
    value, mask = sample >> 3, 0xD5
    if value < 0:
        value, mask = -value - 1, 0x55
    segment = max(value.bit_length() - 5, 0)
    if segment >= 8:
        return 0x7F ^ mask
    return (segment << 4 | (value >> max(segment, 1) & 0x0F)) ^ mask
