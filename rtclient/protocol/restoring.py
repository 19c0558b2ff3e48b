"""What puts a lost conversation into a new session, and what cannot be put back. Pure; GA names.

Rules of the file:
- items keep their ids, so that what the program knows stays true;
- an assistant's sound cannot be created by a client: its words are, as far as they were heard;
- what a user said goes back as its transcript, else as the sound when it is still kept, else as a
  sentence that says what is missing;
- of an answer that was cut off goes back what had come of it;
- speech that was not yet a turn is not an item: its sound is appended again by who keeps it.

Source: Realtime API reference, conversation.item.create and session.update.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rtclient.protocol.conversation import Conversation
from rtclient.protocol.items import Item, Part
from rtclient.protocol.reading import mapping_of, value_at

_READ_ONLY: Final = frozenset({"id", "object", "expires_at", "model", "type", "client_secret"})
"""Fields of the session that the server sets, or that the address has chosen."""

_NOT_HEARD: Final = "[not transcribed]"


@dataclass(frozen=True, slots=True)
class Plan:
    """The items of a session to be, in order, and what is missing in them."""

    items: tuple[Mapping[str, Any], ...]
    """Each is the `item` of a `conversation.item.create`."""
    lost: tuple[str, ...]
    """Sentences for people; they hold ids and lengths, no words of the conversation."""


def plan(conversation: Conversation, sounds: Mapping[str, str]) -> Plan:
    """Return what a new session needs to hold the conversation.

    Args:
        conversation: What is known of the session that is gone.
        sounds: Item id → base64 of what the user said, for those whose sound is kept.
    """
    wires: list[Mapping[str, Any]] = []
    lost: list[str] = []
    calls: set[str] = set()
    for item in conversation.items:
        if item.status == "pending" and item.id not in sounds:
            continue
        sources = [_source(conversation, item, i, sounds) for i in range(len(item.parts))]
        wire = _wire(item, sources, lost, calls)
        if wire is not None:
            wires.append(wire)
    return Plan(tuple(wires), tuple(lost))


def settings(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the `session` of the update that makes a new session as the old was.

    Only what differs is in it: services show fields that they do not take.

    Args:
        wanted: The effective session that is gone.
        found: The new session, as `session.created` shows it.

    Returns:
        None when nothing differs.
    """
    changed: dict[str, Any] = {
        key: _without_nulls(value)
        for key, value in wanted.items()
        if key not in _READ_ONLY and key != "audio" and value != found.get(key)
    }
    audio: dict[str, Any] = {}
    for side, fields in mapping_of(wanted.get("audio")).items():
        there = mapping_of(value_at(found, "audio", side))
        other = {
            key: _without_nulls(value)
            for key, value in mapping_of(fields).items()
            if value != there.get(key)
        }
        if other:
            audio[side] = other
    if audio:
        changed["audio"] = audio
    return {"type": wanted.get("type", "realtime"), **changed} if changed else None


def steps(
    there: Mapping[str, Mapping[str, Any]], wanted: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the events that make the items of a session those that are wanted.

    Args:
        there: Item id → item, in order, as this client has put them there.
        wanted: The items in their order; each has an `id`.
    """
    goal = {str(item["id"]): item for item in wanted}
    events: list[dict[str, Any]] = [
        {"type": "conversation.item.delete", "item_id": item_id}
        for item_id, item in there.items()
        if goal.get(item_id) != item
    ]
    stays = [item_id for item_id, item in there.items() if goal.get(item_id) == item]
    last = stays[-1] if stays else None
    previous: str | None = None
    is_behind_all = last is None
    for item_id, item in goal.items():
        if there.get(item_id) != item:
            event: dict[str, Any] = {"type": "conversation.item.create", "item": dict(item)}
            if not is_behind_all:
                event["previous_item_id"] = previous or "root"
            events.append(event)
        elif item_id == last:
            is_behind_all = True
        previous = item_id
    return events


Source = Mapping[str, Any] | None
"""A part that holds sound or an image, as a client creates it."""


def _source(
    conversation: Conversation, item: Item, index: int, sounds: Mapping[str, str]
) -> Source:
    if sound := sounds.get(item.id):
        return {"type": "input_audio", "audio": sound}
    return conversation.source(item.id, index)


def _wire(item: Item, sources: list[Source], lost: list[str], calls: set[str]) -> Any:
    base = {"id": item.id, "type": item.type}
    if item.type == "message":
        parts = (_part(item, *pair, lost) for pair in zip(item.parts, sources, strict=True))
        content = [part for part in parts if part is not None]
        if not content:
            return None
        return {**base, "role": item.role or "user", "content": content}
    if item.type == "function_call":
        if item.status != "completed" or not item.call_id or not item.name:
            lost.append(f"{item.id}: a function call that was not complete")
            return None
        calls.add(item.call_id)
        call = {"call_id": item.call_id, "name": item.name, "arguments": item.arguments or "{}"}
        return {**base, **call}
    if item.type == "function_call_output":
        if item.call_id not in calls:
            lost.append(f"{item.id}: the output of a call that is not there")
            return None
        return {**base, "call_id": item.call_id, "output": item.output or ""}
    lost.append(f"{item.id}: items of the type {item.type} cannot be created again")
    return None


def _part(item: Item, part: Part, source: Source, lost: list[str]) -> dict[str, Any] | None:
    if item.role == "assistant":
        return {"type": "output_text", "text": part.heard} if part.heard else None
    if part.type == "image":
        if source is not None:
            return dict(source)
        lost.append(f"{item.id}: an image that is not kept")
        return {"type": "input_text", "text": "[an image that is not there any more]"}
    if part.type == "text":
        return {"type": "input_text", "text": part.text} if part.text else None
    if part.transcript:
        return {"type": "input_text", "text": part.transcript}
    if source is not None:
        return dict(source)
    length = f"{part.audio_ms / 1000:.1f} s" if part.audio_ms else "some seconds"
    lost.append(f"{item.id}: {length} of sound without a transcript")
    return {"type": "input_text", "text": f"[{length} of speech] {_NOT_HEARD}"}


def _without_nulls(value: Any) -> Any:
    """Return a setting as a client writes it: services show nulls that they do not take."""
    if not isinstance(value, Mapping):
        return value
    return {key: inner for key, inner in value.items() if inner is not None}
