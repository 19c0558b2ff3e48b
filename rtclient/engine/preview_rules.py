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
    Fault,
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
    CALL_ITEMS,
    COMMON_EVENTS,
    CONVERSATION_EVENTS,
    INPUT_AUDIO,
    INPUT_TEXT,
    LOGPROBS,
    MAX_OUTPUT_TOKENS,
    NO_PROMPT,
    REFERENCE,
    SEMANTIC_VAD,
    SERVER_VAD,
    TOOL,
    TOOL_CHOICE,
    TRACING,
    denied_update,
    event_of,
    message_of,
)

_NO_ASSISTANT_AUDIO = "assistant audio cannot be created by a client. Use a part of type 'text'."

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

_TURN_DETECTION = Tagged(
    {
        "server_vad": Shape(SERVER_VAD),
        "semantic_vad": SEMANTIC_VAD,
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
        "prompt": Maybe(Refused(NO_PROMPT)),
    }
)
_TRANSCRIPTION_SESSION = Shape({**_INPUT, "modalities": Maybe(_MODALITIES)})

_ITEMS: Mapping[str, Spec] = {
    "message": Tagged(
        {
            "user": message_of(Tagged({"input_text": INPUT_TEXT, "input_audio": INPUT_AUDIO})),
            "assistant": message_of(
                Tagged({"text": INPUT_TEXT}, refused={"audio": _NO_ASSISTANT_AUDIO})
            ),
            "system": message_of(Tagged({"input_text": INPUT_TEXT})),
        },
        tag="role",
    ),
    **CALL_ITEMS,
}

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
        "input": Maybe(Listing(Tagged({**_ITEMS, "item_reference": REFERENCE}))),
        "prompt": Maybe(Refused(NO_PROMPT)),
    }
)

_EVENTS: Mapping[str, Spec] = {
    "realtime": Tagged(
        {
            "session.update": event_of("session", session=_SESSION),
            "transcription_session.update": denied_update("realtime", "transcription", "type"),
            **COMMON_EVENTS,
            "conversation.item.create": event_of(
                "item", item=Tagged(_ITEMS), previous_item_id=Maybe(Text(max_chars=512))
            ),
            "response.create": event_of(response=Maybe(_RESPONSE)),
            **CONVERSATION_EVENTS,
        }
    ),
    "transcription": Tagged(
        {
            "transcription_session.update": event_of("session", session=_TRANSCRIPTION_SESSION),
            "session.update": denied_update("transcription", "realtime", "type"),
            **COMMON_EVENTS,
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
