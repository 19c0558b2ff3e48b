"""The events of a response in the order of the real service, for scripted peers.

Shapes and order: protocol of the Realtime API (GA), as captured: `content_part` has the short type
names, items carry no `object`, `rate_limits.updated` comes last.
"""

import base64
from collections.abc import Iterator
from itertools import count
from typing import Any

Event = dict[str, Any]

SERVICE_DELTAS_MS = (100, 150, 250)
"""Lengths of the first audio deltas of the real service; all later ones are 250 ms."""


class Ids:
    """`event_1`, `item_1`, … in one numbering per session."""

    def __init__(self) -> None:
        self._counts: dict[str, Iterator[int]] = {}

    def new(self, prefix: str) -> str:
        """The next id of this prefix."""
        return f"{prefix}_{next(self._counts.setdefault(prefix, count(1)))}"


def split_audio(pcm: bytes) -> list[bytes]:
    """Cut PCM16 24 kHz into deltas as the service does: 100, 150, then 250 ms."""
    pieces: list[bytes] = []
    at = 0
    for n in count():
        ms = SERVICE_DELTAS_MS[min(n, len(SERVICE_DELTAS_MS) - 1)]
        if at >= len(pcm):
            return pieces
        pieces.append(pcm[at : at + ms * 48])
        at += ms * 48
    raise AssertionError("unreachable")


def usage(tokens_in: int = 10, tokens_out: int = 20) -> Event:
    """A usage object with every field of the real one."""
    return {
        "total_tokens": tokens_in + tokens_out,
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "input_token_details": {
            "text_tokens": tokens_in,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": tokens_out, "audio_tokens": 0},
    }


def response_opening(
    ids: Ids, response_id: str, item_id: str, *, after: str | None, spoken: bool
) -> list[Event]:
    """`response.created` … `response.content_part.added` of a reply with one message."""
    modality = "audio" if spoken else "text"
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress"}
    part = {"type": "audio", "transcript": ""} if spoken else {"type": "text", "text": ""}
    at = {"response_id": response_id, "output_index": 0}
    return [
        _event(ids, "response.created", response=_response(response_id, "in_progress", modality)),
        _event(ids, "response.output_item.added", **at, item={**item, "content": []}),
        _event(
            ids, "conversation.item.added", previous_item_id=after, item={**item, "content": []}
        ),
        _event(
            ids, "response.content_part.added", **at, item_id=item_id, content_index=0, part=part
        ),
    ]


def response_deltas(
    ids: Ids, response_id: str, item_id: str, text: str, pcm: bytes | None
) -> list[Event]:
    """Transcript and audio deltas interleaved (spoken), or one text delta (`pcm` is None)."""
    at = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    if pcm is None:
        return [_event(ids, "response.output_text.delta", **at, delta=text)]
    return [
        _event(ids, "response.output_audio_transcript.delta", **at, delta=text),
        *(
            _event(ids, "response.output_audio.delta", **at, delta=base64.b64encode(piece).decode())
            for piece in split_audio(pcm)
        ),
    ]


def response_closing(
    ids: Ids,
    response_id: str,
    item_id: str,
    text: str,
    *,
    after: str | None,
    spoken: bool,
    status: str = "completed",
    reason: str | None = None,
) -> list[Event]:
    """The `.done` events up to `response.done` and `rate_limits.updated`.

    `status`: `completed`, or `cancelled` with `reason` `turn_detected` or `client_cancelled`.
    """
    modality = "audio" if spoken else "text"
    at = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    if spoken:
        part = {"type": "audio", "transcript": text}
        content = {"type": "output_audio", "transcript": text}
        dones = [
            _event(ids, "response.output_audio.done", **at),
            _event(ids, "response.output_audio_transcript.done", **at, transcript=text),
        ]
    else:
        part = {"type": "text", "text": text}
        content = {"type": "output_text", "text": text}
        dones = [_event(ids, "response.output_text.done", **at, text=text)]
    item = {
        "id": item_id,
        "type": "message",
        "role": "assistant",
        "status": "completed" if status == "completed" else "incomplete",
        "content": [content],
    }
    details = None if status == "completed" else {"type": status, "reason": reason}
    done = {
        **_response(response_id, status, modality),
        "status_details": details,
        "output": [item],
        "usage": usage(),
    }
    return [
        *dones,
        _event(ids, "response.content_part.done", **at, part=part),
        _event(
            ids, "response.output_item.done", response_id=response_id, output_index=0, item=item
        ),
        _event(ids, "conversation.item.done", previous_item_id=after, item=item),
        _event(ids, "response.done", response=done),
        _event(
            ids,
            "rate_limits.updated",
            rate_limits=[
                {"name": "tokens", "limit": 40000, "remaining": 38490, "reset_seconds": 2.265}
            ],
        ),
    ]


def _response(response_id: str, status: str, modality: str) -> Event:
    return {
        "object": "realtime.response",
        "id": response_id,
        "status": status,
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "output_modalities": [modality],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}},
        "usage": None,
        "metadata": None,
    }


def _event(ids: Ids, kind: str, **fields: Any) -> Event:
    return {"type": kind, "event_id": ids.new("event"), **fields}
