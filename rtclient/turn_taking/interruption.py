"""What a program tells the server when the person interrupts. Pure.

The arithmetic is that of `rtclient.protocol.turns`.

Source: Realtime API, conversation.item.truncate and conversation.item.delete.
"""

from typing import Any

from rtclient.protocol.conversation import Conversation
from rtclient.protocol.turns import SAMPLES_PER_MS, Playback, truncation


def cut(
    conversation: Conversation, played_ms: int, item_id: str | None = None
) -> dict[str, Any] | None:
    """Return the event that cuts a message to what was heard of it; None when none is needed.

    Args:
        conversation: The mirror of the session.
        played_ms: Milliseconds of the message that were played; beyond its end means all of it.
        item_id: Of the message; None is the newest spoken one.
    """
    spoken = [item for item in conversation.items if item.role == "assistant" and item.has_audio]
    item = conversation.item(item_id) if item_id is not None else spoken[-1] if spoken else None
    if item is None:
        return None
    for index, part in enumerate(item.parts):
        if part.type != "audio":
            continue
        if played_ms <= part.audio_ms or part is item.parts[-1]:
            playback = Playback(
                item_id=item.id,
                content_index=index,
                played_samples=max(0, played_ms) * SAMPLES_PER_MS,
                received_samples=part.audio_ms * SAMPLES_PER_MS,
                is_complete=item.status == "completed",
                is_known=not item.is_out_of_band,
                is_truncated=part.heard_ms is not None,
            )
            return truncation(playback).event
        played_ms -= part.audio_ms
    return None
