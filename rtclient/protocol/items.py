"""Views of the conversation's items, and how the server's own view of an item changes one. Pure.

Rules of the file:
- views are frozen: what you hold never changes, a newer one replaces it;
- an empty text from the server never wipes what the deltas brought: the service clears its own
  transcript when an item is truncated, and sends items without their sound;
- a transcript is kept whole after a truncation; `Part.heard` is the piece that was heard.

Source: Realtime API reference, conversation items (GA).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from rtclient.protocol.reading import MAX_PARTS, mapping_of, text_of
from rtclient.protocol.turns import heard_chars

PartType = Literal["text", "audio", "image"]

_PART_TYPES: dict[str, PartType] = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "audio": "audio",
    "input_audio": "audio",
    "output_audio": "audio",
    "input_image": "image",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One content part of a message."""

    type: PartType
    text: str = ""
    """Written words; "" for audio and images."""
    transcript: str = ""
    """Spoken words, all of them; it grows while they are spoken."""
    audio_ms: int = 0
    """Length of the sound, as far as it is known; ≥ 0."""
    heard_ms: int | None = None
    """How much of the sound the conversation keeps after a truncation; None: all of it."""

    @property
    def heard(self) -> str:
        """The part's words that were heard or read: cut at a word after a truncation.

        The API gives no word times, so the words count as spread evenly over the sound.
        """
        if self.type != "audio" or self.heard_ms is None:
            return self.transcript or self.text
        return self.transcript[: heard_chars(self.transcript, self.heard_ms, self.audio_ms)]


@dataclass(frozen=True, slots=True)
class Transcription:
    """What became of the transcript of something the user said."""

    state: Literal["pending", "done", "failed"] = "pending"
    confidence: float | None = None
    """Mean probability of the words, 0 to 1; None without log probabilities."""
    error: Mapping[str, Any] | None = None
    """Why it failed, as the server says it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the conversation, as it is now."""

    id: str
    type: str = "message"
    """`message`, `function_call`, `function_call_output`, or one of MCP."""
    role: str | None = None
    """`user`, `assistant` or `system`; None for anything but messages."""
    status: str = "in_progress"
    """`pending` (speech that is not yet committed), `in_progress`, `completed`, `incomplete`."""
    parts: tuple[Part, ...] = ()
    """By content_index."""
    response_id: str | None = None
    """The response that made it."""
    is_out_of_band: bool = False
    """Made by a response outside the conversation."""
    is_interrupted: bool = False
    """Cut short: truncated, or its response was cancelled."""
    transcription: Transcription | None = None
    """Of what the user said; None for everything else."""
    call_id: str | None = None
    """Of a function call and of its output."""
    name: str | None = None
    """Of the function that is called."""
    arguments: str | None = None
    """Of the call: JSON text, which grows while it is made."""
    output: str | None = None
    """Of an answered call, and of its output."""

    @property
    def text(self) -> str:
        """The written words of all parts, a line each."""
        return "\n".join(part.text for part in self.parts if part.text)

    @property
    def transcript(self) -> str:
        """The spoken words of all parts, a line each."""
        return "\n".join(part.transcript for part in self.parts if part.transcript)

    @property
    def heard(self) -> str:
        """The words of all parts that were heard or read, a line each."""
        return "\n".join(heard for part in self.parts if (heard := part.heard))

    @property
    def has_audio(self) -> bool:
        """Whether something of it is spoken."""
        return any(part.type == "audio" for part in self.parts)

    @property
    def audio_ms(self) -> int:
        """Length of its sound, as far as it is known; ≥ 0."""
        return sum(part.audio_ms for part in self.parts)

    @property
    def heard_ms(self) -> int | None:
        """How much of its sound the conversation keeps after a truncation; None: all of it."""
        cut = [part for part in self.parts if part.heard_ms is not None]
        if not cut:
            return None
        return sum(part.audio_ms if part.heard_ms is None else part.heard_ms for part in self.parts)


def with_part(item: Item, index: int, kind: PartType, **fields: Any) -> Item:
    """Return the item with these fields of one part changed; the part is made when absent."""
    parts = list(item.parts)
    while len(parts) <= index:
        parts.append(Part(kind))
    parts[index] = replace(parts[index], type=kind, **fields)
    return replace(item, parts=tuple(parts))


def part_at(item: Item, index: int) -> Part | None:
    """Return the part at a content_index ≥ 0, None when there is none."""
    return item.parts[index] if index < len(item.parts) else None


def merged(item: Item, wire: Mapping[str, Any]) -> Item:
    """Return the item after the server showed its own view of it."""
    kind = text_of(wire, "type") or item.type
    role = text_of(wire, "role") or item.role
    content, output = wire.get("content"), wire.get("output")
    is_heard = role == "user" and _has_sound(content)
    default = "completed" if item.status == "pending" else item.status
    return replace(
        item,
        type=kind,
        role=role,
        status=text_of(wire, "status") or default,
        parts=_merged_parts(item.parts, content),
        transcription=item.transcription or (Transcription() if is_heard else None),
        call_id=text_of(wire, "call_id") or item.call_id,
        name=text_of(wire, "name") or item.name,
        arguments=text_of(wire, "arguments") or item.arguments,
        output=output if isinstance(output, str) else item.output,
    )


def _merged_parts(old: tuple[Part, ...], content: object) -> tuple[Part, ...]:
    if not isinstance(content, list):
        return old
    parts = list(old)
    for index, wire in enumerate(content[:MAX_PARTS]):
        kind, view = part_type(wire), mapping_of(wire)
        part = parts[index] if index < len(parts) else Part(kind)
        parts[index : index + 1] = [
            replace(
                part,
                type=kind,
                text=text_of(view, "text") or part.text,
                transcript=text_of(view, "transcript") or part.transcript,
            )
        ]
    return tuple(parts)


def part_type(wire: object) -> PartType:
    """Return what a `part` of the wire is; unknown ones count as text."""
    return _PART_TYPES.get(text_of(mapping_of(wire), "type"), "text")


def _has_sound(content: object) -> bool:
    return isinstance(content, list) and any(part_type(part) == "audio" for part in content)
