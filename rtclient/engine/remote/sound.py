"""The body of a speech server's answer as pcm16 at 24 kHz, chunk by chunk.

`response_format: pcm` is raw signed 16-bit little-endian mono at a rate that only the server knows
(`LOCAL_TTS_RATE`). A server that sends WAV all the same says its rate itself.

Rules of the file: no clocks or sockets; bytes of any number in, whole samples out.
"""

import re
import struct
from typing import Any, Final

import numpy as np
import soxr

OUTPUT_HZ: Final = 24_000
_MAX_HEADER_BYTES: Final = 4096
_OTHER_FORMATS: Final = (b"ID3", b"OggS", b"fLaC")
_TEXT: Final = re.compile(rb"[{<][\t-\r -~]{3}")
"""JSON or HTML. Its first byte alone may begin a sample; four such bytes begin with a bang only."""
_OTHER_TYPES: Final = ("audio/mpeg", "audio/ogg", "audio/opus", "audio/flac", "audio/aac")
_UNKNOWN_LENGTHS: Final = (0, 0xFFFFFFFF, 0x7FFFFFFF)


class BadSound(ValueError):
    """What came is no PCM of 16 bits, mono or stereo, and no WAV of it."""


class Sound:
    """One answer."""

    def __init__(self, rate_hz: int, content_type: str = "", volume: float = 1.0) -> None:
        """`rate_hz`: of raw PCM; `volume`: a factor on the samples, 0.25 to 2.0."""
        if content_type in _OTHER_TYPES:
            raise BadSound
        self._rate_hz, self._channels, self._volume = rate_hz, 1, volume
        self._left: int | None = None
        """Bytes of sound that are still to come; None: until the end."""
        self._is_begun = False
        self._rest = b""
        self._resampler: Any = None

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes; return the pcm16 that is ready. Raises `BadSound`."""
        self._rest += chunk
        if not self._is_begun and not self._begin():
            return b""
        if self._left is not None:
            self._rest = self._rest[: self._left]
        size = 2 * self._channels
        whole = len(self._rest) // size * size
        data, self._rest = self._rest[:whole], self._rest[whole:]
        if self._left is not None:
            self._left -= len(data)
        return self._converted(data)

    def end(self) -> bytes:
        """Return the last pcm16: the body is whole. Raises `BadSound`."""
        if not self._is_begun and self._rest and not self._begin(is_whole=True):
            raise BadSound
        return self.feed(b"") + self._converted(b"", is_last=True)

    def _begin(self, *, is_whole: bool = False) -> bool:
        """Look at the first bytes; False: more are needed."""
        if len(self._rest) < 4 and not is_whole:
            return False
        if self._rest.startswith(_OTHER_FORMATS) or _TEXT.match(self._rest):
            raise BadSound
        if self._rest.startswith(b"RIFF") and not self._read_header():
            if len(self._rest) > _MAX_HEADER_BYTES:
                raise BadSound
            return False
        if self._rate_hz != OUTPUT_HZ:
            self._resampler = soxr.ResampleStream(self._rate_hz, OUTPUT_HZ, 1, "float32", "LQ")
        self._is_begun = True
        return True

    def _read_header(self) -> bool:
        """Take the header of a WAV off; False: it is not whole yet."""
        at = 12
        while len(self._rest) >= at + 8:
            name, length = struct.unpack_from("<4sI", self._rest, at)
            at += 8
            if name == b"data":
                self._rest = self._rest[at:]
                self._left = None if length in _UNKNOWN_LENGTHS else length
                return True
            if name == b"fmt " and len(self._rest) >= at + 16:
                kind, self._channels, self._rate_hz, _, _, bits = struct.unpack_from(
                    "<HHIIHH", self._rest, at
                )
                is_known = kind in (1, 0xFFFE) and bits == 16 and self._channels in (1, 2)
                if not is_known or not 8_000 <= self._rate_hz <= 192_000:
                    raise BadSound
            at += length + length % 2
        return False

    def _converted(self, data: bytes, *, is_last: bool = False) -> bytes:
        if self._resampler is None and self._channels == 1 and self._volume == 1.0:
            return data
        samples = np.frombuffer(data, "<i2").astype(np.float32)
        if self._channels == 2:
            samples = samples.reshape(-1, 2).mean(axis=1)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=is_last)
        samples = np.clip(np.rint(samples * self._volume), -32768, 32767)
        return bytes(samples.astype("<i2").tobytes())
