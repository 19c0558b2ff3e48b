"""Sound at any rate, of one or more channels, as pcm16; in one go or as it comes.

The one place of the SDK that resamples; its packages (soxr, numpy) are the extra `audio`.
pcm16: little-endian signed 16-bit, mono, no header; 24 000 Hz wherever the API is concerned.
"""

from typing import Any, Final, Literal

from rtclient.extras import MissingExtraError
from rtclient.protocol.audio import PCM16

RATES_HZ: Final = range(1_000, 384_001)
"""Sample rates that make sense."""
CHANNELS: Final = range(1, 65)
"""Numbers of channels that make sense."""

Encoding = Literal["int16", "float32"]
"""How a sample lies in memory: little-endian signed 16-bit, or 32-bit float within -1…1."""


class Resampler:
    """A stream of sound in, pcm16 out. Not safe to use from two threads at once.

    Nothing is imported and nothing changed when the stream is pcm16 at the right rate already.
    """

    def __init__(
        self,
        from_hz: int,
        to_hz: int = PCM16.rate_hz,
        *,
        channels: int = 1,
        encoding: Encoding = "int16",
        is_live: bool = False,
    ) -> None:
        """Begin a stream.

        Args:
            from_hz: Frames per second that go in.
            to_hz: Samples per second that come out.
            channels: Interleaved channels that go in; what comes out is their mean.
            encoding: Of the samples that go in.
            is_live: For conversations: at most 20 ms are held back instead of 40 ms, and the
                highest third of the band is weaker.

        Raises:
            ValueError: A rate or the number of channels makes no sense.
            MissingExtraError: The packages for it are not installed.
        """
        if from_hz not in RATES_HZ or to_hz not in RATES_HZ:
            raise ValueError(
                f"A sample rate must lie between {RATES_HZ.start} and {RATES_HZ[-1]} Hz."
            )
        if channels not in CHANNELS:
            raise ValueError(f"The number of channels must lie between 1 and {CHANNELS[-1]}.")
        self._channels = channels
        self._encoding: Encoding = encoding
        self._frame_bytes = channels * (2 if encoding == "int16" else 4)
        self._rest = b""
        self._stream: Any = None
        self._is_plain = from_hz == to_hz and channels == 1 and encoding == "int16"
        if self._is_plain:
            return
        try:
            import numpy  # noqa: F401 - late: an extra; said now, not at the first sound
            import soxr
        except ModuleNotFoundError as exc:
            raise MissingExtraError(exc.name or "soxr", "Converting sound") from None
        if from_hz != to_hz:
            quality = "LQ" if is_live else "HQ"
            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, "float32", quality)

    def feed(self, sound: bytes) -> bytes:
        """Take the next bytes, of any number; return the pcm16 that is ready."""
        return self._convert(sound, is_last=False)

    def end(self) -> bytes:
        """Return the last pcm16. Nothing can be fed after that; part of a frame is left out."""
        return self._convert(b"", is_last=True)

    def _convert(self, sound: bytes, *, is_last: bool) -> bytes:
        sound = self._rest + sound
        whole = len(sound) - len(sound) % self._frame_bytes
        sound, self._rest = sound[:whole], sound[whole:]
        if self._is_plain or (not sound and not is_last):
            return sound
        import numpy as np

        if self._encoding == "int16":
            samples = np.frombuffer(sound, "<i2").astype(np.float32)
        else:
            # What is no number would stay in the filter for good.
            samples = np.nan_to_num(np.frombuffer(sound, "<f4"), posinf=1.0, neginf=-1.0) * 32768
        if self._channels > 1:
            samples = samples.reshape(-1, self._channels).mean(axis=1)
        if self._stream is not None:
            samples = self._stream.resample_chunk(samples.astype(np.float32), last=is_last)
        return bytes(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes())


def resample(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """Return pcm16 of `from_hz` at `to_hz`. Raises as `Resampler` does."""
    resampler = Resampler(from_hz, to_hz)
    return resampler.feed(pcm) + resampler.end()
