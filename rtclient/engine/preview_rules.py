"""What a preview client may send, as tables: the older dialect, as strictly as the service was.

What both dialects spell alike is taken from `strict`; the rest is written from the documentation of
the preview, and not from the tables of the translation: a fault there is to show here.

Source: the beta types of the `openai` package, 1.66 to 1.99; reports of what Azure's preview
refuses (`session.type`, `output_modalities`, `["audio"]` alone).
"""

from collections.abc import Mapping
from typing import Any

from rtclient.engine.shapes import (
    AnyObject,
    Denied,
    Fault,
    Flag,
    Listing,
    Maybe,
    Number,
    Only,
    Refused,
    Shape,
    Spec,
    Tagged,
    Text,
    Texts,
)
from rtclient.engine.strict import (
    LOGPROBS,
    MAX_APPEND_CHARS,
    MAX_OUTPUT_TOKENS,
    TOOL,
    TOOL_CHOICE,
    TRACING,
)

_NO_PROMPT = "the embedded engine has no stored prompts. Set 'instructions' instead."
_NO_ASSISTANT_AUDIO = "assistant audio cannot be created by a client. Use a part of type 'text'."

_ID = Text(max_chars=512, min_chars=1)
_ANY_TEXT = Text()

_MODALITIES = Only((["text"], ["audio", "text"], ["text", "audio"]))
"""Never `["audio"]` alone: who speaks also writes."""
_FORMAT = Text(one_of=("pcm16", "g711_ulaw", "g711_alaw"))
_VOICE = Text(one_of=("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"))
_TEMPERATURE = Number(0.6, 1.2)
_TRANSCRIPTION = Shape(
    {
        "model": Maybe(Text(max_chars=256, min_chars=1)),
        "language": Maybe(Text(max_chars=64)),
        "prompt": Maybe(_ANY_TEXT),
    }
)
_NOISE_REDUCTION = Shape({"type": Maybe(Text(one_of=("near_field", "far_field")))})

_VAD_SWITCHES: dict[str, Spec] = {
    "type": _ANY_TEXT,
    "create_response": Maybe(Flag()),
    "interrupt_response": Maybe(Flag()),
}
_TURN_DETECTION = Tagged(
    {
        "server_vad": Shape(
            {
                **_VAD_SWITCHES,
                "threshold": Maybe(Number(0, 1)),
                "prefix_padding_ms": Maybe(Number(0, 5000, is_whole=True)),
                "silence_duration_ms": Maybe(Number(0, 30000, is_whole=True)),
            }
        ),
        "semantic_vad": Shape(
            {
                **_VAD_SWITCHES,
                "eagerness": Maybe(Text(one_of=("low", "medium", "high", "auto"))),
            }
        ),
        # What Microsoft's own preview client sends instead of null.
        "none": Shape({"type": _ANY_TEXT}),
    }
)

_INPUT: dict[str, Spec] = {
    "input_audio_format": Maybe(_FORMAT),
    "input_audio_transcription": Maybe(_TRANSCRIPTION),
    "input_audio_noise_reduction": Maybe(_NOISE_REDUCTION),
    "turn_detection": Maybe(_TURN_DETECTION),
    "include": Maybe(Listing(Text(one_of=(LOGPROBS,)))),
    "client_secret": Maybe(AnyObject()),
}
_SESSION = Shape(
    {
        **_INPUT,
        "modalities": Maybe(_MODALITIES),
        "model": Maybe(Text(max_chars=256, min_chars=1)),
        "instructions": Maybe(_ANY_TEXT),
        "voice": Maybe(_VOICE),
        "output_audio_format": Maybe(_FORMAT),
        "tools": Maybe(Listing(TOOL, 128)),
        "tool_choice": Maybe(TOOL_CHOICE),
        "temperature": Maybe(_TEMPERATURE),
        "max_response_output_tokens": Maybe(MAX_OUTPUT_TOKENS),
        "speed": Maybe(Number(0.25, 1.5)),
        "tracing": Maybe(TRACING),
        "prompt": Maybe(Refused(_NO_PROMPT)),
    }
)
_TRANSCRIPTION_SESSION = Shape({**_INPUT, "modalities": Maybe(_MODALITIES)})

_ITEM: dict[str, Spec] = {
    "id": Maybe(_ID),
    "object": Maybe(Text(one_of=("realtime.item",))),
    "status": Maybe(Text(one_of=("completed", "incomplete", "in_progress"))),
    "type": _ANY_TEXT,
}
_PART_OF_TEXT = Shape({"type": _ANY_TEXT, "text": _ANY_TEXT}, required=("text",))
_PART_OF_AUDIO = Shape(
    {"type": _ANY_TEXT, "audio": Text(MAX_APPEND_CHARS), "transcript": Maybe(_ANY_TEXT)},
    required=("audio",),
)


def _message(parts: Tagged) -> Shape:
    fields: dict[str, Spec] = {**_ITEM, "role": _ANY_TEXT, "content": Listing(parts)}
    return Shape(fields, required=("content",))


_ITEM_TYPES: dict[str, Spec] = {
    "message": Tagged(
        {
            "user": _message(Tagged({"input_text": _PART_OF_TEXT, "input_audio": _PART_OF_AUDIO})),
            "assistant": _message(
                Tagged({"text": _PART_OF_TEXT}, refused={"audio": _NO_ASSISTANT_AUDIO})
            ),
            "system": _message(Tagged({"input_text": _PART_OF_TEXT})),
        },
        tag="role",
    ),
    "function_call": Shape(
        {**_ITEM, "call_id": Maybe(_ID), "name": _ID, "arguments": _ANY_TEXT},
        required=("name", "arguments"),
    ),
    "function_call_output": Shape(
        {**_ITEM, "call_id": _ID, "output": _ANY_TEXT}, required=("call_id", "output")
    ),
}
_REFERENCE = Shape({"type": _ANY_TEXT, "id": _ID}, required=("id",))

_RESPONSE = Shape(
    {
        "modalities": Maybe(_MODALITIES),
        "instructions": Maybe(_ANY_TEXT),
        "voice": Maybe(_VOICE),
        "output_audio_format": Maybe(_FORMAT),
        "tools": Maybe(Listing(TOOL, 128)),
        "tool_choice": Maybe(TOOL_CHOICE),
        "temperature": Maybe(_TEMPERATURE),
        # One in the types of the client, the other in the reference: both were taken.
        "max_response_output_tokens": Maybe(MAX_OUTPUT_TOKENS),
        "max_output_tokens": Maybe(MAX_OUTPUT_TOKENS),
        "conversation": Maybe(Text(one_of=("auto", "none"))),
        "metadata": Maybe(Texts()),
        "input": Maybe(Listing(Tagged({**_ITEM_TYPES, "item_reference": _REFERENCE}))),
        "prompt": Maybe(Refused(_NO_PROMPT)),
    }
)

_EVENT: dict[str, Spec] = {"type": _ANY_TEXT, "event_id": Maybe(Text(max_chars=512))}


def _event(*required: str, **fields: Spec) -> Shape:
    return Shape({**_EVENT, **fields}, required=required)


def _not_for(kind: str, other: str) -> Denied:
    """Refuse the update of the other kind of session; one never becomes the other."""
    text = f"Passing a {other} session update event to a {kind} session is not allowed."
    return Denied(Fault("invalid_parameter", text, "type"))


_COMMON: dict[str, Spec] = {
    "input_audio_buffer.append": _event("audio", audio=Text(MAX_APPEND_CHARS)),
    "input_audio_buffer.commit": _event(),
    "input_audio_buffer.clear": _event(),
    "conversation.item.retrieve": _event("item_id", item_id=_ID),
    "conversation.item.delete": _event("item_id", item_id=_ID),
}
_EVENTS: Mapping[str, Spec] = {
    "realtime": Tagged(
        {
            "session.update": _event("session", session=_SESSION),
            "transcription_session.update": _not_for("realtime", "transcription"),
            **_COMMON,
            "conversation.item.create": _event(
                "item", item=Tagged(_ITEM_TYPES), previous_item_id=Maybe(Text(max_chars=512))
            ),
            "conversation.item.truncate": _event(
                "item_id",
                "content_index",
                "audio_end_ms",
                item_id=_ID,
                content_index=Number(0, 10**6, is_whole=True),
                audio_end_ms=Number(0, 10**10, is_whole=True),
            ),
            "response.create": _event(response=Maybe(_RESPONSE)),
            "response.cancel": _event(response_id=Maybe(_ID)),
        }
    ),
    "transcription": Tagged(
        {
            "transcription_session.update": _event("session", session=_TRANSCRIPTION_SESSION),
            "session.update": _not_for("transcription", "realtime"),
            **_COMMON,
        }
    ),
}


def preview_fault_in(event: Mapping[str, Any], kind: str = "realtime") -> Fault | None:
    """Return the first fault of a decoded client event, or None when it may be acted upon.

    `kind`: of the session, `realtime` or `transcription`.
    """
    if "type" not in event:
        return Fault("invalid_event", "The 'type' field is missing.", "type")
    return _EVENTS[kind].check(event, "")
