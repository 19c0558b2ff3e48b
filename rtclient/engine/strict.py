"""What a client may send, as tables: every event, session field, item and response parameter.

The real service refuses a whole event for one bad field, and so does the engine: `fault_in` is
asked before anything is changed. Source: Realtime API reference (GA).
What the engine does not emulate is refused with `invalid_value` and a sentence that says so.
"""

from collections.abc import Mapping
from typing import Any

from rtclient.engine.shapes import (
    AnyObject,
    ByKind,
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
from rtclient.protocol.session import VOICES

MAX_APPEND_CHARS = 15 * 1024 * 1024
"""Longest base64 text of one `input_audio_buffer.append`."""
LOGPROBS = "item.input_audio_transcription.logprobs"

_NO_MCP = "the embedded engine does not run MCP tools. Use a tool of type 'function'."
NO_PROMPT = "the embedded engine has no stored prompts. Set 'instructions' instead."
_NO_CUSTOM_VOICE = "the embedded engine has no custom voices. Use one of the ten voice names."
_NO_ASSISTANT_AUDIO = (
    "assistant audio cannot be created by a client. Use a part of type 'output_text'."
)

_ID = Text(max_chars=512, min_chars=1)
_ANY_TEXT = Text()

_PCM = Shape({"type": _ANY_TEXT, "rate": Only((24000,))})
_G711 = Shape({"type": _ANY_TEXT})
FORMAT = Tagged({"audio/pcm": _PCM, "audio/pcmu": _G711, "audio/pcma": _G711})

_VAD_SWITCHES: dict[str, Spec] = {
    "type": _ANY_TEXT,
    "create_response": Maybe(Flag()),
    "interrupt_response": Maybe(Flag()),
}
SERVER_VAD: dict[str, Spec] = {
    **_VAD_SWITCHES,
    "threshold": Maybe(Number(0, 1)),
    "prefix_padding_ms": Maybe(Number(0, 5000, is_whole=True)),
    "silence_duration_ms": Maybe(Number(0, 30000, is_whole=True)),
}
SEMANTIC_VAD = Shape(
    {**_VAD_SWITCHES, "eagerness": Maybe(Text(one_of=("low", "medium", "high", "auto")))}
)
TURN_DETECTION = Tagged(
    {
        "server_vad": Shape(
            {**SERVER_VAD, "idle_timeout_ms": Maybe(Number(5000, 30000, is_whole=True))}
        ),
        "semantic_vad": SEMANTIC_VAD,
    }
)
TRANSCRIPTION = Shape(
    {
        "model": Maybe(Text(max_chars=256, min_chars=1)),
        "language": Maybe(Text(max_chars=64)),
        "languages": Maybe(Listing(Text(max_chars=64), 64)),
        "prompt": Maybe(_ANY_TEXT),
        "keywords": Maybe(Listing(Text(max_chars=512), 1000)),
        "delay": Maybe(Text(one_of=("minimal", "low", "medium", "high", "xhigh"))),
    }
)
NOISE_REDUCTION = Shape(
    {
        "type": Maybe(Text(one_of=("near_field", "far_field"))),
        "strength": Maybe(Number(0, 1)),
    }
)
VOICE = ByKind(Text(one_of=VOICES), Refused(_NO_CUSTOM_VOICE))
MAX_OUTPUT_TOKENS = ByKind(Text(one_of=("inf",)), Number(1, 4096, is_whole=True))
MODALITIES = Only((["audio"], ["text"]))
TOOL = Tagged(
    {
        "function": Shape(
            {
                "type": _ANY_TEXT,
                "name": Text(max_chars=64, min_chars=1),
                "description": Maybe(_ANY_TEXT),
                "parameters": Maybe(AnyObject()),
            },
            required=("name",),
        )
    },
    default="function",
    refused={"mcp": _NO_MCP},
)
TOOL_CHOICE = ByKind(
    Text(one_of=("none", "auto", "required")),
    Tagged(
        {"function": Shape({"type": _ANY_TEXT, "name": _ID}, required=("name",))},
        refused={"mcp": _NO_MCP},
    ),
)
TRUNCATION = ByKind(
    Text(one_of=("auto", "disabled")),
    Tagged(
        {
            "retention_ratio": Shape(
                {
                    "type": _ANY_TEXT,
                    "retention_ratio": Number(0, 1),
                    "token_limits": Maybe(
                        Shape({"post_instructions": Maybe(Number(0, 10**9, is_whole=True))})
                    ),
                },
                required=("retention_ratio",),
            )
        }
    ),
)
TRACING = ByKind(
    Text(one_of=("auto",)),
    Shape(
        {
            "group_id": Maybe(_ANY_TEXT),
            "workflow_name": Maybe(_ANY_TEXT),
            "metadata": Maybe(AnyObject()),
        }
    ),
)
REASONING = Shape({"effort": Maybe(Text(one_of=("minimal", "low", "medium", "high", "xhigh")))})

_AUDIO_INPUT = Shape(
    {
        "format": Maybe(FORMAT),
        "noise_reduction": Maybe(NOISE_REDUCTION),
        "transcription": Maybe(TRANSCRIPTION),
        "turn_detection": Maybe(TURN_DETECTION),
    }
)
_INCLUDE = Listing(Text(one_of=(LOGPROBS,)))

SESSION = Shape(
    {
        "type": _ANY_TEXT,
        "model": Maybe(Text(max_chars=256, min_chars=1)),
        "instructions": Maybe(_ANY_TEXT),
        "output_modalities": Maybe(MODALITIES),
        "audio": Maybe(
            Shape(
                {
                    "input": Maybe(_AUDIO_INPUT),
                    "output": Maybe(
                        Shape(
                            {
                                "format": Maybe(FORMAT),
                                "voice": Maybe(VOICE),
                                "speed": Maybe(Number(0.25, 1.5)),
                            }
                        )
                    ),
                }
            )
        ),
        "tools": Maybe(Listing(TOOL, 128)),
        "tool_choice": Maybe(TOOL_CHOICE),
        "max_output_tokens": Maybe(MAX_OUTPUT_TOKENS),
        "tracing": Maybe(TRACING),
        "truncation": Maybe(TRUNCATION),
        "prompt": Maybe(Refused(NO_PROMPT)),
        "include": Maybe(_INCLUDE),
        "reasoning": Maybe(REASONING),
        "parallel_tool_calls": Maybe(Flag()),
    }
)
TRANSCRIPTION_SESSION = Shape(
    {
        "type": _ANY_TEXT,
        "audio": Maybe(Shape({"input": Maybe(_AUDIO_INPUT)})),
        "include": Maybe(_INCLUDE),
    }
)
SESSIONS: Mapping[str, Spec] = {
    "realtime": SESSION,
    "transcription": TRANSCRIPTION_SESSION,
}
"""What the `session` of each kind of session may say."""

_ITEM: dict[str, Spec] = {
    "id": Maybe(_ID),
    "object": Maybe(Text(one_of=("realtime.item",))),
    "status": Maybe(Text(one_of=("completed", "incomplete", "in_progress"))),
    "type": _ANY_TEXT,
}
INPUT_TEXT = Shape({"type": _ANY_TEXT, "text": _ANY_TEXT}, required=("text",))
INPUT_AUDIO = Shape(
    {"type": _ANY_TEXT, "audio": Text(MAX_APPEND_CHARS), "transcript": Maybe(_ANY_TEXT)},
    required=("audio",),
)
_INPUT_IMAGE = Shape(
    {
        "type": _ANY_TEXT,
        "image_url": Text(min_chars=1),
        "detail": Maybe(Text(one_of=("auto", "low", "high"))),
    },
    required=("image_url",),
)


def message_of(parts: Tagged) -> Shape:
    """Return the shape of a message with these parts."""
    fields: dict[str, Spec] = {**_ITEM, "role": _ANY_TEXT, "content": Listing(parts)}
    return Shape(fields, required=("content",))


_MESSAGE = Tagged(
    {
        "user": message_of(
            Tagged(
                {
                    "input_text": INPUT_TEXT,
                    "input_audio": INPUT_AUDIO,
                    "input_image": _INPUT_IMAGE,
                }
            )
        ),
        "assistant": message_of(
            Tagged({"output_text": INPUT_TEXT}, refused={"output_audio": _NO_ASSISTANT_AUDIO})
        ),
        "system": message_of(Tagged({"input_text": INPUT_TEXT})),
    },
    tag="role",
)
CALL_ITEMS: Mapping[str, Spec] = {
    "function_call": Shape(
        {**_ITEM, "call_id": Maybe(_ID), "name": _ID, "arguments": _ANY_TEXT},
        required=("name", "arguments"),
    ),
    "function_call_output": Shape(
        {**_ITEM, "call_id": _ID, "output": _ANY_TEXT}, required=("call_id", "output")
    ),
}
_ITEM_TYPES: Mapping[str, Spec] = {"message": _MESSAGE, **CALL_ITEMS}
_MCP_ITEMS: Mapping[str, str] = dict.fromkeys(
    ("mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response"),
    "the embedded engine does not run MCP tools.",
)
ITEM = Tagged(_ITEM_TYPES, refused=_MCP_ITEMS)
REFERENCE = Shape({"type": _ANY_TEXT, "id": _ID}, required=("id",))
ITEM_OR_REFERENCE = Tagged({**_ITEM_TYPES, "item_reference": REFERENCE}, refused=_MCP_ITEMS)

RESPONSE = Shape(
    {
        "output_modalities": Maybe(MODALITIES),
        "audio": Maybe(
            Shape({"output": Maybe(Shape({"format": Maybe(FORMAT), "voice": Maybe(VOICE)}))})
        ),
        "instructions": Maybe(_ANY_TEXT),
        "tools": Maybe(Listing(TOOL, 128)),
        "tool_choice": Maybe(TOOL_CHOICE),
        "max_output_tokens": Maybe(MAX_OUTPUT_TOKENS),
        "conversation": Maybe(Text(one_of=("auto", "none"))),
        "metadata": Maybe(Texts()),
        "input": Maybe(Listing(ITEM_OR_REFERENCE)),
        "prompt": Maybe(Refused(NO_PROMPT)),
        "reasoning": Maybe(REASONING),
        "parallel_tool_calls": Maybe(Flag()),
    }
)

_EVENT: dict[str, Spec] = {"type": _ANY_TEXT, "event_id": Maybe(Text(max_chars=512))}


def event_of(*required: str, **fields: Spec) -> Shape:
    """Return the shape of a client event with these fields besides its type and id."""
    return Shape({**_EVENT, **fields}, required=required)


def denied_update(kind: str, other: str, param: str) -> Denied:
    """Refuse the update of the other kind of session: one never becomes the other."""
    text = f"Passing a {other} session update event to a {kind} session is not allowed."
    return Denied(Fault("invalid_parameter", text, param))


def _update(kind: str, other: str) -> Shape:
    denied = denied_update(kind, other, "session.type")
    return event_of("session", session=Tagged({kind: SESSIONS[kind], other: denied}))


COMMON_EVENTS: Mapping[str, Spec] = {
    "input_audio_buffer.append": event_of("audio", audio=Text(MAX_APPEND_CHARS)),
    "input_audio_buffer.commit": event_of(),
    "input_audio_buffer.clear": event_of(),
    "conversation.item.retrieve": event_of("item_id", item_id=_ID),
    "conversation.item.delete": event_of("item_id", item_id=_ID),
}
"""Events that every kind of session and both dialects have."""
CONVERSATION_EVENTS: Mapping[str, Spec] = {
    "conversation.item.truncate": event_of(
        "item_id",
        "content_index",
        "audio_end_ms",
        item_id=_ID,
        content_index=Number(0, 10**6, is_whole=True),
        audio_end_ms=Number(0, 10**10, is_whole=True),
    ),
    "response.cancel": event_of(response_id=Maybe(_ID)),
}
"""Events that conversations have in both dialects."""
EVENT = Tagged(
    {
        "session.update": _update("realtime", "transcription"),
        **COMMON_EVENTS,
        "conversation.item.create": event_of(
            "item", item=ITEM, previous_item_id=Maybe(Text(max_chars=512))
        ),
        "response.create": event_of(response=Maybe(RESPONSE)),
        **CONVERSATION_EVENTS,
    }
)
"""A whole client event."""
TRANSCRIPTION_EVENT = Tagged(
    {"session.update": _update("transcription", "realtime"), **COMMON_EVENTS},
)
"""A whole client event of a transcription session: it has no responses and no one to talk with."""
_EVENTS = {"realtime": EVENT, "transcription": TRANSCRIPTION_EVENT}


def fault_in(event: dict[str, Any], kind: str = "realtime") -> Fault | None:
    """Return the first fault of a decoded client event, or None when it may be acted upon.

    `kind`: of the session, `realtime` or `transcription`.
    """
    if "type" not in event:
        return Fault("invalid_event", "The 'type' field is missing.", "type")
    return _EVENTS[kind].check(event, "")


def tool_choice_fault(choice: Any, tools: Any, path: str) -> Fault | None:
    """Return a fault when a tool is forced that is not among the tools."""
    if not isinstance(choice, dict):
        return None
    if any(tool.get("name") == choice["name"] for tool in tools or ()):
        return None
    message = f"Tool choice '{choice['name']}' not found in 'tools' parameter."
    return Fault("invalid_value", message, path)
