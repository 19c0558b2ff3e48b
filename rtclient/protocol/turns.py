"""The arithmetic of late truth: what was heard, and how the conversation is cut to it.

The server sends audio several times faster than it sounds, so what it sent is not what was heard.
After an interruption the conversation must keep only what the person heard.

Rules of the file:
- positions are samples at 24 000 Hz counted where the sound is made, never wall time;
- `public/js/turns.js` is its twin, in the same order of operations; both are tested on
  tests/fixtures/turns.jsonl.

Source: Realtime API, conversation.item.truncate and conversation.item.delete. An `audio_end_ms`
beyond the audio is an error there, and so is cutting at 0: such an item is deleted.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Final

RATE_HZ: Final = 24_000
SAMPLES_PER_MS: Final = 24


@dataclass(frozen=True, slots=True)
class Playback:
    """What the loudspeaker had sounded of one audio part when it was stopped."""

    item_id: str
    content_index: int
    played_samples: int
    """Samples at 24 000 Hz of this part handed to the audio device, ≥ 0."""
    received_samples: int
    """Samples at 24 000 Hz of this part that came from the server, ≥ 0."""
    output_latency_s: float | None = None
    """Seconds between handing over a sample and hearing it; None, not finite or < 0 count as 0."""
    is_complete: bool = False
    """Whether the server has said that this part's audio is all sent."""
    is_known: bool = True
    """Whether the item is in the conversation (that of an out-of-band response is not)."""
    is_truncated: bool = False
    """Whether a truncate or delete was already sent for this item."""


@dataclass(frozen=True, slots=True)
class Truncation:
    """How much was heard and the client event that tells it, if one is needed."""

    heard_ms: int
    event: dict[str, Any] | None


def heard_ms(played_samples: int, output_latency_s: float | None, received_ms: int) -> int:
    """Return how many milliseconds of an audio part were heard, 0 … `received_ms`."""
    latency_s = output_latency_s or 0.0
    if not math.isfinite(latency_s) or latency_s < 0:
        latency_s = 0.0
    ms = math.floor((played_samples - latency_s * RATE_HZ) / SAMPLES_PER_MS)
    return max(0, min(ms, received_ms))


def heard_chars(transcript: str, heard_ms: int, total_ms: int) -> int:
    """Return how many characters of a transcript were heard, cut back to a word boundary.

    The API gives no word times, so the words count as spread evenly over the sound. `total_ms` is
    the length of the sound that the transcript belongs to; 0 when unknown.
    """
    if total_ms <= 0 or heard_ms <= 0:
        return 0
    if heard_ms >= total_ms:
        return len(transcript)
    end = math.floor(len(transcript) * heard_ms / total_ms + 0.5)
    if end >= len(transcript):
        return len(transcript)
    before = transcript[:end]
    if transcript[end].isspace() or before[-1:].isspace():
        return len(before.rstrip())
    head = re.sub(r"\S+\Z", "", before)
    # A script without spaces (Chinese, Thai) has no word boundary to go back to.
    return len(head.rstrip()) or (0 if re.search(r"\s", transcript) else end)


def truncation(playback: Playback) -> Truncation:
    """Return the `conversation.item.truncate` or `.delete` that cuts the item to what was heard.

    There is no event when the item was cut before, is not in the conversation, has no audio, or
    sounded to its end.
    """
    received_ms = playback.received_samples // SAMPLES_PER_MS
    is_whole = playback.is_complete and playback.played_samples >= playback.received_samples
    heard = (
        received_ms
        if is_whole
        else heard_ms(playback.played_samples, playback.output_latency_s, received_ms)
    )
    if playback.is_truncated or not playback.is_known or is_whole or not playback.received_samples:
        return Truncation(heard, None)
    if heard == 0:
        return Truncation(heard, {"type": "conversation.item.delete", "item_id": playback.item_id})
    return Truncation(
        heard,
        {
            "type": "conversation.item.truncate",
            "item_id": playback.item_id,
            "content_index": playback.content_index,
            "audio_end_ms": heard,
        },
    )
