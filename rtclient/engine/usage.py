"""Tokens, as `response.done` counts them (Realtime API reference, response.done).

User audio costs 1 token per 100 ms, assistant audio 1 per 50 ms, text 1 per 4 characters. What a
response has in common with the beginning of the one before counts as cached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtclient.engine.senses import Used
from rtclient.engine.shapes import Fault

USER_MS_PER_TOKEN = 100
ASSISTANT_MS_PER_TOKEN = 50
CHARS_PER_TOKEN = 4
TOKENS_PER_MINUTE = 40_000
"""The limit of one session, in tokens that were not cached, unless it is told another."""


def text_tokens(text: str) -> int:
    """Return the tokens of a text."""
    return -(-len(text) // CHARS_PER_TOKEN)


def audio_tokens(length_ms: float, ms_per_token: int) -> int:
    """Return the tokens of audio."""
    return -(-int(length_ms) // ms_per_token)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one piece of a prompt costs; `key` is equal when the piece has not changed."""

    key: str
    text: int = 0
    audio: int = 0
    image: int = 0

    @property
    def tokens(self) -> int:
        """Tokens of all kinds."""
        return self.text + self.audio + self.image


def usage(
    prompt: Sequence[Cost], previous: Sequence[Cost], output_text: int, output_audio: int
) -> dict[str, Any]:
    """Return the `usage` of a response.

    Args:
        prompt: the pieces of this response's prompt, in order.
        previous: those of the response before.
        output_text: tokens of text made.
        output_audio: tokens of audio made.
    """
    same = 0
    for ours, theirs in zip(prompt, previous, strict=False):
        if ours != theirs:
            break
        same += 1
    cached = prompt[:same]
    text, audio, image = (
        sum(c.text for c in prompt),
        sum(c.audio for c in prompt),
        sum(c.image for c in prompt),
    )
    cached_text, cached_audio, cached_image = (
        sum(c.text for c in cached),
        sum(c.audio for c in cached),
        sum(c.image for c in cached),
    )
    return {
        "total_tokens": text + audio + image + output_text + output_audio,
        "input_tokens": text + audio + image,
        "output_tokens": output_text + output_audio,
        "input_token_details": {
            "text_tokens": text,
            "audio_tokens": audio,
            "image_tokens": image,
            "cached_tokens": cached_text + cached_audio + cached_image,
            "cached_tokens_details": {
                "text_tokens": cached_text,
                "audio_tokens": cached_audio,
                "image_tokens": cached_image,
            },
        },
        "output_token_details": {"text_tokens": output_text, "audio_tokens": output_audio},
    }


def as_counted(counted: Mapping[str, Any], used: Used) -> dict[str, Any]:
    """Return a `usage` with the tokens that a language model counted itself.

    It counts images among its text tokens; the sound, which it never had, is counted here.
    """
    asked, made = counted["input_token_details"], counted["output_token_details"]
    cached = {
        **asked["cached_tokens_details"],
        "text_tokens": used.cached_tokens,
        "image_tokens": 0,
    }
    inputs = used.input_tokens + asked["audio_tokens"]
    outputs = used.output_tokens + made["audio_tokens"]
    return {
        "total_tokens": inputs + outputs,
        "input_tokens": inputs,
        "output_tokens": outputs,
        "input_token_details": {
            **asked,
            "text_tokens": used.input_tokens,
            "image_tokens": 0,
            "cached_tokens": sum(cached.values()),
            "cached_tokens_details": cached,
        },
        "output_token_details": {**made, "text_tokens": used.output_tokens},
    }


class RateLimit:
    """A bucket of tokens that refills within a minute.

    A response may take more than is left; the next one then waits until that is paid back.
    """

    def __init__(self, per_minute: int = TOKENS_PER_MINUTE) -> None:
        """Begin full; `per_minute`: 1 or more."""
        self._limit = per_minute
        self._per_s = per_minute / 60
        self._used = 0.0
        self._at: float | None = None

    def wait_s(self, now: float) -> float:
        """Return how long a response must wait; 0.0: it may begin."""
        self._refill(now)
        return max(0.0, self._used + 1 - self._limit) / self._per_s

    def fault(self, wait_s: float) -> Fault:
        """Return what a response that may not begin is told."""
        text = (
            f"Rate limit reached on tokens per min (TPM): Limit {self._limit}, "
            f"Used {int(self._used)}. Please try again in {wait_s:.3f}s."
        )
        return Fault("rate_limit_exceeded", text, type="tokens")

    def spend(self, tokens: int, now: float) -> list[dict[str, Any]]:
        """Use tokens; return the list of `rate_limits.updated`."""
        self._refill(now)
        self._used += tokens
        return [
            {
                "name": "tokens",
                "limit": self._limit,
                "remaining": max(0, int(self._limit - self._used)),
                "reset_seconds": round(self._used / self._per_s, 3),
            }
        ]

    def _refill(self, now: float) -> None:
        if self._at is not None:
            self._used = max(0.0, self._used - (now - self._at) * self._per_s)
        self._at = now
