"""What a session costs: the tokens it used times the prices of its model. Pure.

Rules of the file:
- a model that is not in the table has no price: None, never a guess;
- cached tokens are part of the input; they are taken out of it and counted at their own price;
- prices are list prices in US dollars. Azure asks the same for Global Standard deployments and
  about a tenth more for data zones and regions. Taxes and discounts are yours to add.

Source: the model pages and the pricing page of developers.openai.com, as of `AS_OF`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from rtclient.protocol.usage import SessionUsage

AS_OF: Final = date(2026, 11, 19)
"""When the prices were last looked up."""

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens of a speech model."""

    text_in: float
    audio_in: float
    image_in: float
    cached_text_in: float
    cached_audio_in: float
    cached_image_in: float
    text_out: float
    audio_out: float


@dataclass(frozen=True, slots=True)
class TranscriptionPrices:
    """What writing down the person's speech costs: by time, or by tokens. US dollars."""

    minute: float = 0.0
    tokens_in: float = 0.0
    """For a million."""
    tokens_out: float = 0.0
    """For a million."""


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars, by what they were spent on."""

    text_in: float = 0.0
    """Without what was cached, as the next two."""
    audio_in: float = 0.0
    image_in: float = 0.0
    cached_in: float = 0.0
    """Text, sound and images that the model had read before."""
    text_out: float = 0.0
    audio_out: float = 0.0
    """Also of sound that was made and never heard."""
    transcription: float = 0.0
    """Of the person's transcripts; 0 when the price of that model is unknown, see
    `is_complete`."""
    is_complete: bool = True
    """False when there were transcripts and nobody knows their price."""

    @property
    def usd(self) -> float:
        """All of it."""
        given = self.text_in + self.audio_in + self.image_in + self.cached_in
        return given + self.text_out + self.audio_out + self.transcription


_LARGE: Final = Prices(4.00, 32.00, 5.00, 0.40, 0.40, 0.50, 16.00, 64.00)
_LARGE_REASONING: Final = Prices(4.00, 32.00, 5.00, 0.40, 0.40, 0.50, 24.00, 64.00)
_SMALL: Final = Prices(0.60, 10.00, 0.80, 0.06, 0.30, 0.08, 2.40, 20.00)

PRICES: Final[Mapping[str, Prices]] = {
    "gpt-realtime": _LARGE,
    "gpt-realtime-1.5": _LARGE,
    "gpt-realtime-2": _LARGE_REASONING,
    "gpt-realtime-2.1": _LARGE_REASONING,
    "gpt-realtime-mini": _SMALL,
    "gpt-realtime-2.1-mini": _SMALL,
}
"""By model, without the date of a snapshot."""

TRANSCRIPTION_PRICES: Final[Mapping[str, TranscriptionPrices]] = {
    "whisper-1": TranscriptionPrices(minute=0.006),
    "gpt-transcribe": TranscriptionPrices(minute=0.0045),
    "gpt-live-transcribe": TranscriptionPrices(minute=0.017),
    "gpt-realtime-whisper": TranscriptionPrices(minute=0.017),
    "gpt-4o-transcribe": TranscriptionPrices(tokens_in=2.50, tokens_out=10.00),
    "gpt-4o-mini-transcribe": TranscriptionPrices(tokens_in=1.25, tokens_out=5.00),
}
"""By transcription model, without the date of a snapshot."""


def prices_of(model: str | None) -> Prices | None:
    """Return the prices of a model by its name in `session.model`; None when it is unknown."""
    return PRICES.get(_family(model))


def transcription_prices_of(model: str | None) -> TranscriptionPrices | None:
    """Return the prices of a transcription model; None when it is unknown."""
    return TRANSCRIPTION_PRICES.get(_family(model))


def cost_of(
    usage: SessionUsage, prices: Prices, transcription: TranscriptionPrices | None = None
) -> Cost:
    """Return what this usage costs.

    Args:
        usage: Totals of a session, or of a part of it.
        prices: Of the speech model; your own, or those of `prices_of`.
        transcription: Of the transcription model; None when they are unknown.
    """
    # What a service counts without saying what it is counts as text, the cheapest.
    named_in = usage.input_text_tokens + usage.input_audio_tokens + usage.input_image_tokens
    text = usage.input_text_tokens + max(0, usage.input_tokens - named_in)
    named_out = usage.output_text_tokens + usage.output_audio_tokens
    text_out = usage.output_text_tokens + max(0, usage.output_tokens - named_out)
    # The same for what was cached; a conversation begins with its instructions.
    named_cached = usage.cached_text_tokens + usage.cached_audio_tokens + usage.cached_image_tokens
    cached_text = usage.cached_text_tokens + max(0, usage.cached_tokens - named_cached)
    cached = (
        cached_text * prices.cached_text_in
        + usage.cached_audio_tokens * prices.cached_audio_in
        + usage.cached_image_tokens * prices.cached_image_in
    )
    fresh_audio = max(0, usage.input_audio_tokens - usage.cached_audio_tokens)
    fresh_image = max(0, usage.input_image_tokens - usage.cached_image_tokens)
    has_transcripts = bool(usage.transcription_tokens or usage.transcription_s)
    return Cost(
        text_in=max(0, text - cached_text) * prices.text_in / _MILLION,
        audio_in=fresh_audio * prices.audio_in / _MILLION,
        image_in=fresh_image * prices.image_in / _MILLION,
        cached_in=cached / _MILLION,
        text_out=text_out * prices.text_out / _MILLION,
        audio_out=usage.output_audio_tokens * prices.audio_out / _MILLION,
        transcription=_transcription(usage, transcription or TranscriptionPrices()),
        is_complete=transcription is not None or not has_transcripts,
    )


def _transcription(usage: SessionUsage, prices: TranscriptionPrices) -> float:
    tokens_in = usage.transcription_tokens - usage.transcription_output_tokens
    return (
        usage.transcription_s / 60 * prices.minute
        + tokens_in * prices.tokens_in / _MILLION
        + usage.transcription_output_tokens * prices.tokens_out / _MILLION
    )


def _family(model: str | None) -> str:
    """Return a model's name without the date of its snapshot."""
    return re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model or "")
