"""A conversation as JSON and as Markdown. Pure.

Rules of the file: what was said stands as it was heard; what has no value is left out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from rtclient.protocol.conversation import Conversation
from rtclient.protocol.items import Item
from rtclient.protocol.reading import value_at

FORMAT: Final = "rtclient.conversation/1"
"""The first field of the JSON: its form, and the version of it."""

_NAMES: Final = {"user": "User", "assistant": "Assistant", "system": "System"}


@dataclass(frozen=True, slots=True)
class Span:
    """When something was said, in seconds since the beginning."""

    start_s: float
    end_s: float | None = None
    """None: it was written, or it is still being said."""


def to_dict(
    conversation: Conversation,
    *,
    started_at: datetime | None = None,
    spans: Mapping[str, Span] | None = None,
    sound: str | None = None,
) -> dict[str, Any]:
    """Return the conversation as JSON has it.

    Args:
        conversation: The mirror of the session.
        started_at: When it began.
        spans: Item id → when it was said.
        sound: The name of the file with its sound.
    """
    spans = spans or {}
    voice = value_at(conversation.session, "audio", "output", "voice")
    about = {
        "id": conversation.session.get("id"),
        "model": conversation.session.get("model"),
        "voice": voice,
    }
    return {
        "format": FORMAT,
        **_given(
            {
                "started_at": started_at.isoformat(timespec="milliseconds") if started_at else None,
                "sound": sound,
                "session": _given(about),
            }
        ),
        "items": [_item(item, spans.get(item.id)) for item in _shown(conversation)],
        "usage": {name: value for name, value in asdict(conversation.usage).items() if value},
    }


def to_markdown(
    conversation: Conversation,
    *,
    started_at: datetime | None = None,
    spans: Mapping[str, Span] | None = None,
    sound: str | None = None,
) -> str:
    """Return the conversation as a page to read; the arguments are those of `to_dict`."""
    spans = spans or {}
    when = f" of {started_at:%Y-%m-%d, %H:%M} {started_at.tzname() or ''}" if started_at else ""
    lines = [f"# Conversation{when.rstrip()}", ""]
    about = [
        ("Model", conversation.session.get("model")),
        ("Voice", value_at(conversation.session, "audio", "output", "voice")),
        ("Sound", f"[{sound}]({sound}), the user left, the model right" if sound else None),
    ]
    lines += [f"- {name}: {value}" for name, value in about if value]
    for item in _shown(conversation):
        lines += ["", *_paragraph(item, spans.get(item.id))]
    if conversation.usage.total_tokens:
        usage = conversation.usage
        lines += [
            "",
            f"{usage.total_tokens} tokens in {usage.responses} responses: {usage.input_tokens} in"
            f" ({usage.cached_tokens} of them cached), {usage.output_tokens} out.",
        ]
    return "\n".join(lines) + "\n"


def _shown(conversation: Conversation) -> list[Item]:
    return [item for item in conversation.items if item.status != "pending"]


def _item(item: Item, span: Span | None) -> dict[str, Any]:
    transcription = item.transcription
    return {
        "id": item.id,
        "type": item.type,
        **_given(
            {
                "role": item.role,
                "status": item.status,
                "start_s": round(span.start_s, 3) if span else None,
                "end_s": round(span.end_s, 3) if span and span.end_s is not None else None,
                "text": item.heard if item.is_interrupted else item.text or item.transcript,
                "is_spoken": item.has_audio or None,
                "is_interrupted": item.is_interrupted or None,
                "unheard": _unheard(item),
                "audio_ms": item.audio_ms or None,
                "heard_ms": item.heard_ms,
                "transcription": transcription.state if transcription else None,
                "confidence": transcription.confidence if transcription else None,
                "name": item.name,
                "call_id": item.call_id,
                "arguments": item.arguments,
                "output": item.output,
            }
        ),
    }


def _unheard(item: Item) -> str:
    """Return the words that were made and cut off."""
    return item.transcript[len(item.heard) :].strip() if item.heard_ms is not None else ""


def _paragraph(item: Item, span: Span | None) -> list[str]:
    when = f" · {_clock(span.start_s)}" if span else ""
    if item.type == "function_call":
        return [f"**Function call**{when}", "", f"`{item.name}` {_plain(item.arguments or '')}"]
    if item.type == "function_call_output":
        return [f"**Function output**{when}", "", _plain(item.output or "")]
    cut = " · cut short" if item.is_interrupted else ""
    words = item.heard if item.is_interrupted else item.text or item.transcript
    if not words and item.transcription is not None:
        words = "(no transcript)"
    who = _NAMES.get(item.role or "", item.type)
    return [f"**{who}**{when}{cut}", "", _plain(words)]


def _plain(text: str) -> str:
    """Return words as a quotation, in which nothing is markup of ours or of HTML."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines() or [""])


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", {})}
