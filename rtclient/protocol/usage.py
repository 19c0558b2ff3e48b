"""What a session used: the tokens of its responses and transcriptions, added up.

Source: Realtime API, `usage` of response.done and of
conversation.item.input_audio_transcription.completed. Compatible services leave fields out; what is
absent counts as 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from rtclient.protocol.reading import count_of, mapping_of


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """Totals in tokens. What was cached is part of the input, not besides it."""

    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    cached_tokens: int = 0
    cached_text_tokens: int = 0
    cached_audio_tokens: int = 0
    cached_image_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    transcription_tokens: int = 0
    """Of the user's transcripts; they are no part of the totals above."""
    transcription_output_tokens: int = 0
    """Those of them that are the words; the others are the sound that was listened to."""
    transcription_s: float = 0.0
    """Seconds of sound, from services that count transcripts by time."""
    responses: int = 0
    """How many responses reported what they used."""

    def with_response(self, usage: Any) -> Self:
        """Return the totals after a response with this `usage`; null or {} adds nothing."""
        if not isinstance(usage, Mapping) or not usage:
            return self
        given = mapping_of(usage.get("input_token_details"))
        made = mapping_of(usage.get("output_token_details"))
        cached = mapping_of(given.get("cached_tokens_details"))
        return replace(
            self,
            total_tokens=self.total_tokens + count_of(usage, "total_tokens"),
            input_tokens=self.input_tokens + count_of(usage, "input_tokens"),
            output_tokens=self.output_tokens + count_of(usage, "output_tokens"),
            input_text_tokens=self.input_text_tokens + count_of(given, "text_tokens"),
            input_audio_tokens=self.input_audio_tokens + count_of(given, "audio_tokens"),
            input_image_tokens=self.input_image_tokens + count_of(given, "image_tokens"),
            cached_tokens=self.cached_tokens + count_of(given, "cached_tokens"),
            cached_text_tokens=self.cached_text_tokens + count_of(cached, "text_tokens"),
            cached_audio_tokens=self.cached_audio_tokens + count_of(cached, "audio_tokens"),
            cached_image_tokens=self.cached_image_tokens + count_of(cached, "image_tokens"),
            output_text_tokens=self.output_text_tokens + count_of(made, "text_tokens"),
            output_audio_tokens=self.output_audio_tokens + count_of(made, "audio_tokens"),
            responses=self.responses + 1,
        )

    def with_transcription(self, usage: Any) -> Self:
        """Return the totals after a transcription with this `usage`."""
        if not isinstance(usage, Mapping):
            return self
        if usage.get("type") == "duration":
            seconds = usage.get("seconds")
            more_s = seconds if isinstance(seconds, int | float) else 0.0
            return replace(self, transcription_s=self.transcription_s + more_s)
        return replace(
            self,
            transcription_tokens=self.transcription_tokens + count_of(usage, "total_tokens"),
            transcription_output_tokens=self.transcription_output_tokens
            + count_of(usage, "output_tokens"),
        )
