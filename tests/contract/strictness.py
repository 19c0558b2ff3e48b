"""The strictness table: for every field of every client event what is valid and what is not.

`TABLE` has one section per object that a client may send, named by its path in `strict.EVENT`
(`.` a field, `[]` each element of an array, `<…>` the variant that a `type` or `role` chooses):

    section → field → (valid values, invalid values with the code of the answer)

An invalid value may name the place below the field at which the fault stands. Unknown fields need
no rows: each field is also sent misspelled. What depends on more than one field is in `ODDITIES`.
`test_strictness.py` makes events of it and judges the answers of a session.
"""

from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN = "unknown_parameter"
MISSING = "missing_required_parameter"
KIND = "invalid_type"
VALUE = "invalid_value"

Row = tuple[Sequence[Any], Sequence[tuple[Any, ...]]]
Section = Mapping[str, Row]

LOGPROBS = "item.input_audio_transcription.logprobs"
FUNCTION = {"type": "function", "name": "f"}
RETENTION = {"type": "retention_ratio", "retention_ratio": 0.5}
SILENCE = "AAAAAAAA"
"""Three samples of pcm16."""

MINIMAL: Mapping[str, Any] = {
    "realtime": {"type": "realtime"},
    "transcription": {"type": "transcription"},
    "audio/pcm": {"type": "audio/pcm"},
    "audio/pcmu": {"type": "audio/pcmu"},
    "audio/pcma": {"type": "audio/pcma"},
    "server_vad": {"type": "server_vad"},
    "semantic_vad": {"type": "semantic_vad"},
    "function": FUNCTION,
    "retention_ratio": RETENTION,
    "message": {"type": "message", "content": []},
    "user": {"role": "user"},
    "assistant": {"role": "assistant"},
    "system": {"role": "system"},
    "input_text": {"type": "input_text", "text": "x"},
    "output_text": {"type": "output_text", "text": "x"},
    "input_audio": {"type": "input_audio", "audio": SILENCE},
    "input_image": {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
    "function_call": {"type": "function_call", "name": "f", "arguments": "{}"},
    "function_call_output": {"type": "function_call_output", "call_id": "c", "output": "x"},
    "item_reference": {"type": "item_reference", "id": "a"},
}
"""Variant → the least that is valid of it."""

EVENTS: Mapping[str, Mapping[str, Any]] = {
    "session.update": {},
    "input_audio_buffer.append": {"audio": SILENCE},
    "input_audio_buffer.commit": {},
    "input_audio_buffer.clear": {},
    "conversation.item.create": {"item": MINIMAL["function_call"]},
    "conversation.item.retrieve": {"item_id": "a"},
    "conversation.item.delete": {"item_id": "a"},
    "conversation.item.truncate": {"item_id": "said", "content_index": 0, "audio_end_ms": 10},
    "response.create": {},
    "response.cancel": {},
}
"""Event → the least that is valid of it, besides its type and its session."""

ANSWERS: Mapping[str, str | None] = {
    "session.update": "session.updated",
    "input_audio_buffer.append": None,
    "input_audio_buffer.commit": "input_audio_buffer.committed",
    "input_audio_buffer.clear": "input_audio_buffer.cleared",
    "conversation.item.create": "conversation.item.added",
    "conversation.item.retrieve": "conversation.item.retrieved",
    "conversation.item.delete": "conversation.item.deleted",
    "conversation.item.truncate": "conversation.item.truncated",
    "response.create": "response.created",
    "response.cancel": "response.done",
}
"""Event → the first event of the answer when it is valid."""

# ---------------------------------------------------------------- what many places share

_TEXT: Row = (["", "x", None], [(5, KIND), (["x"], KIND)])
_MUST_TEXT: Row = (["", "x"], [(5, KIND), (None, KIND)])
_SWITCH: Row = ([True, False, None], [("yes", KIND), (1, KIND)])
_OBJECT: Row = ([{}, None], [(5, KIND), ([], KIND), ("x", KIND)])
_MODALITIES: Row = (
    [["audio"], ["text"], None],
    [(["audio", "text"], VALUE), ([], VALUE), ("audio", VALUE), (["video"], VALUE)],
)
_VOICE: Row = (
    ["alloy", "marin", None],
    [("nova", VALUE), ({"id": "voice_1"}, VALUE), (5, VALUE)],
)
_TOKENS: Row = (
    [1, 4096, "inf", None],
    [(0, VALUE), (4097, VALUE), ("all", VALUE), (1.5, KIND), (True, KIND)],
)
_TOOLS: Row = (
    [[], [FUNCTION], [{"name": "f"}], None],
    [({}, KIND), ([5], KIND, "[0]"), ([FUNCTION, {}], MISSING, "[1].name")],
)
_CHOICE: Row = (
    ["none", "auto", "required", FUNCTION, None],
    [
        ("always", VALUE),
        (5, KIND),
        ({"name": "f"}, MISSING, ".type"),
        ({"type": "mcp", "server_label": "x"}, VALUE, ".type"),
        ({"type": "function", "name": "g"}, VALUE),
    ],
)
_PROMPT: Row = ([None], [({"id": "pmpt_1"}, VALUE), ("x", VALUE)])
_FORMATS: Row = (
    [{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}, None],
    [("pcm16", KIND), ({}, MISSING, ".type"), ({"type": "g711_ulaw"}, VALUE, ".type")],
)


def _kind(name: str, *others: Any) -> Row:
    """The field that chooses the variant."""
    return ([name], [*((other, VALUE) for other in others), (5, KIND), (None, KIND)])


def _format(at: str) -> dict[str, Section]:
    rate: Row = ([24000], [(16000, VALUE), (24000.0, VALUE), ("24000", VALUE), (None, VALUE)])
    return {
        f"{at}<audio/pcm>": {"type": _kind("audio/pcm", "pcm16"), "rate": rate},
        f"{at}<audio/pcmu>": {"type": _kind("audio/pcmu", "audio/G711-ulaw")},
        f"{at}<audio/pcma>": {"type": _kind("audio/pcma", "audio/G711-alaw")},
    }


def _audio_input(at: str, *, has_responses: bool) -> dict[str, Section]:
    detection = [{"type": "server_vad"}, {"type": "semantic_vad"}, None]
    switches = {"create_response": _SWITCH, "interrupt_response": _SWITCH}
    return {
        at: {
            "format": _FORMATS,
            "noise_reduction": (
                [{"type": "near_field"}, {}, None],
                [("near_field", KIND), ({"type": "x"}, VALUE, ".type")],
            ),
            "transcription": (
                [{"model": "whisper-1"}, {}, None],
                [("whisper-1", KIND), ({"model": 5}, KIND, ".model")],
            ),
            "turn_detection": (
                detection,
                [
                    ("server_vad", KIND),
                    ({}, MISSING, ".type"),
                    ({"type": "none"}, VALUE, ".type"),
                ],
            ),
        },
        **_format(f"{at}.format"),
        f"{at}.noise_reduction": {
            "type": (["near_field", "far_field", None], [("x", VALUE), (5, KIND)]),
            "strength": ([0, 0.5, 1, None], [(1.1, VALUE), (-0.1, VALUE), ("x", KIND)]),
        },
        f"{at}.transcription": {
            "model": (
                ["whisper-1", "my-deployment", None],
                [("", VALUE), (5, KIND), ("m" * 257, VALUE)],
            ),
            "language": (["en", None], [(5, KIND), ("e" * 65, VALUE)]),
            "languages": ([["en", "de"], [], None], [("en", KIND), ([5], KIND, "[0]")]),
            "prompt": _TEXT,
            "keywords": ([["Parley"], None], [("x", KIND), ([5], KIND, "[0]")]),
            "delay": (["minimal", "xhigh", None], [("none", VALUE), (5, KIND)]),
        },
        f"{at}.turn_detection<server_vad>": {
            "type": _kind("server_vad", "none", "x"),
            "threshold": ([0, 0.5, 1, None], [(1.1, VALUE), (-0.1, VALUE), ("x", KIND)]),
            "prefix_padding_ms": (
                [0, 300, 5000, None],
                [(-1, VALUE), (5001, VALUE), (0.5, KIND), ("x", KIND)],
            ),
            "silence_duration_ms": (
                [0, 500, 30000, None],
                [(-1, VALUE), (30001, VALUE), (0.5, KIND), ("x", KIND)],
            ),
            "idle_timeout_ms": (
                [5000, 30000, None] if has_responses else [None],
                [(4999, VALUE), (30001, VALUE), (6000.5, KIND), ("x", KIND)],
            ),
            **switches,
        },
        f"{at}.turn_detection<semantic_vad>": {
            "type": _kind("semantic_vad", "none", "x"),
            "eagerness": (
                ["low", "medium", "high", "auto", None],
                [("x", VALUE), (5, KIND)],
            ),
            **switches,
        },
    }


def _tools(at: str) -> dict[str, Section]:
    return {
        f"{at}.tools[]<function>": {
            "type": (["function"], [("mcp", VALUE), ("x", VALUE), (5, KIND)]),
            "name": (["f", "f" * 64], [("", VALUE), ("f" * 65, VALUE), (5, KIND)]),
            "description": _TEXT,
            "parameters": (
                [{}, {"$schema": "x", "type": "object"}, None],
                [("{}", KIND), ([], KIND)],
            ),
        },
        f"{at}.tool_choice<function>": {
            "type": (["function"], [("mcp", VALUE), ("x", VALUE), (5, KIND)]),
            "name": (["f"], [("", VALUE), (5, KIND), (None, KIND)]),
        },
    }


_REASONING: Section = {"effort": (["minimal", "xhigh", None], [("max", VALUE), (5, KIND)])}
_IDS: Row = (["mine", "i" * 512, None], [("", VALUE), ("i" * 513, VALUE), (5, KIND)])
_MUST_ID: Row = (["a"], [("", VALUE), ("i" * 513, VALUE), (5, KIND), (None, KIND)])


def _item(name: str) -> Section:
    return {
        "id": _IDS,
        "object": (["realtime.item", None], [("item", VALUE), (5, KIND)]),
        "status": (["completed", "incomplete", "in_progress", None], [("x", VALUE), (5, KIND)]),
        "type": _kind(name, "mcp_call", "mcp_approval_response", "x"),
    }


def _parts(at: str, *names: str) -> dict[str, Section]:
    wrong = "output_text" if "input_text" in names else "input_text"
    rows: dict[str, Section] = {
        "input_text": {"type": _kind("input_text", wrong, "text"), "text": _MUST_TEXT},
        "output_text": {
            "type": _kind("output_text", wrong, "text", "output_audio"),
            "text": _MUST_TEXT,
        },
        "input_audio": {
            "type": _kind("input_audio", "audio"),
            "audio": ([SILENCE, ""], [("!", VALUE), ("AAA", VALUE), (5, KIND), (None, KIND)]),
            "transcript": _TEXT,
        },
        "input_image": {
            "type": _kind("input_image", "image_url"),
            "image_url": (["data:image/png;base64,AA=="], [("", VALUE), ({}, KIND), (None, KIND)]),
            "detail": (["auto", "low", "high", None], [("x", VALUE), (5, KIND)]),
        },
    }
    return {f"{at}<{name}>": rows[name] for name in names}


def _items(at: str) -> dict[str, Section]:
    content: Row = ([[]], [("x", KIND), (["x"], KIND, "[0]"), ([{}], MISSING, "[0].type")])
    sections: dict[str, Section] = {}
    for role, parts in (
        ("user", ("input_text", "input_audio", "input_image")),
        ("assistant", ("output_text",)),
        ("system", ("input_text",)),
    ):
        message = f"{at}<message><{role}>"
        role_row = _kind(role, "tool", "developer")
        sections[message] = {**_item("message"), "role": role_row, "content": content}
        sections |= _parts(f"{message}.content[]", *parts)
    sections[f"{at}<function_call>"] = {
        **_item("function_call"),
        "call_id": _IDS,
        "name": (["f"], [("", VALUE), (5, KIND), (None, KIND)]),
        "arguments": (["", "{}"], [({}, KIND), (None, KIND)]),
    }
    sections[f"{at}<function_call_output>"] = {
        **_item("function_call_output"),
        "call_id": (["c"], [("", VALUE), (5, KIND), (None, KIND)]),
        "output": (["", "sunny"], [({}, KIND), (None, KIND)]),
    }
    return sections


_METADATA: Row = (
    [{}, {"a": "b"}, {f"k{n}": "v" * 512 for n in range(16)}, None],
    [
        ([], KIND),
        ({"a": 1}, KIND, ".a"),
        ({"a": "v" * 513}, VALUE, ".a"),
        ({"k" * 65: "v"}, VALUE),
        ({f"k{n}": "" for n in range(17)}, VALUE),
    ],
)


def _event(name: str, **fields: Row) -> dict[str, Section]:
    kind: Row = ([name], [("nonsense", VALUE), ("transcription_session.update", VALUE)])
    event_id: Row = (["mine", "", None], [(5, KIND), ("e" * 513, VALUE)])
    return {name: {"type": kind, "event_id": event_id, **fields}}


_AUDIO: Row = ([SILENCE, ""], [("!", VALUE), ("AAA", VALUE), (5, KIND), (None, KIND)])
_COMMON: Mapping[str, Section] = {
    **_event("input_audio_buffer.append", audio=_AUDIO),
    **_event("input_audio_buffer.commit"),
    **_event("input_audio_buffer.clear"),
    **_event("conversation.item.retrieve", item_id=_MUST_ID),
    **_event("conversation.item.delete", item_id=_MUST_ID),
}
_INCLUDE: Row = ([[LOGPROBS], [], None], [(["x"], VALUE, "[0]"), ("x", KIND)])

# ---------------------------------------------------------------- the table

_SESSION = "session.update.session<realtime>"
_RESPONSE = "response.create.response"
REALTIME: Mapping[str, Section] = {
    **_event(
        "session.update",
        session=([{"type": "realtime"}], [({}, MISSING, ".type"), (None, KIND), ([], KIND)]),
    ),
    _SESSION: {
        "type": (
            ["realtime"],
            [("transcription", "invalid_parameter"), ("x", VALUE), (None, KIND)],
        ),
        "model": (["gpt-realtime", None], [("", VALUE), (5, KIND), ("m" * 257, VALUE)]),
        "instructions": _TEXT,
        "output_modalities": _MODALITIES,
        "audio": _OBJECT,
        "tools": _TOOLS,
        "tool_choice": _CHOICE,
        "max_output_tokens": _TOKENS,
        "tracing": (["auto", {"workflow_name": "w"}, None], [("on", VALUE), (5, KIND)]),
        "truncation": (["auto", "disabled", RETENTION, None], [("never", VALUE), (5, KIND)]),
        "prompt": _PROMPT,
        "include": _INCLUDE,
        "reasoning": ([{"effort": "low"}, {}, None], [("low", KIND), ([], KIND)]),
        "parallel_tool_calls": _SWITCH,
    },
    f"{_SESSION}.audio": {"input": _OBJECT, "output": _OBJECT},
    **_audio_input(f"{_SESSION}.audio.input", has_responses=True),
    f"{_SESSION}.audio.output": {
        "format": _FORMATS,
        "voice": _VOICE,
        "speed": ([0.25, 1, 1.5, None], [(0.2, VALUE), (1.6, VALUE), ("fast", KIND)]),
    },
    **_format(f"{_SESSION}.audio.output.format"),
    **_tools(_SESSION),
    f"{_SESSION}.tracing": {
        "group_id": _TEXT,
        "workflow_name": _TEXT,
        "metadata": ([{}, {"a": [1]}, None], [("x", KIND), ([], KIND)]),
    },
    f"{_SESSION}.truncation<retention_ratio>": {
        "type": _kind("retention_ratio", "x"),
        "retention_ratio": ([0, 0.8, 1], [(2, VALUE), (-1, VALUE), ("x", KIND), (None, KIND)]),
        "token_limits": ([{}, {"post_instructions": 5000}, None], [(5, KIND)]),
    },
    f"{_SESSION}.truncation<retention_ratio>.token_limits": {
        "post_instructions": ([0, 5000, None], [(-1, VALUE), (0.5, KIND), ("x", KIND)]),
    },
    f"{_SESSION}.reasoning": _REASONING,
    **_COMMON,
    **_event(
        "conversation.item.create",
        item=(
            [MINIMAL["function_call"]],
            [
                ({}, MISSING, ".type"),
                ({"type": "x"}, VALUE, ".type"),
                ({"type": "item_reference", "id": "a"}, VALUE, ".type"),
                (None, KIND),
                ([], KIND),
            ],
        ),
        previous_item_id=(
            ["root", "a", None],
            [
                (5, KIND),
                ("i" * 513, VALUE),
                ("nobody", "item_create_invalid_previous_item_id"),
            ],
        ),
    ),
    **_items("conversation.item.create.item"),
    **_event(
        "conversation.item.truncate",
        item_id=(["said"], [("", VALUE), (5, KIND), (None, KIND)]),
        content_index=([0], [(-1, VALUE), (1, VALUE), (0.5, KIND), (None, KIND)]),
        audio_end_ms=([1, 20], [(-1, VALUE), (10**6, VALUE), (1.5, KIND), (None, KIND)]),
    ),
    **_event("response.create", response=_OBJECT),
    _RESPONSE: {
        "output_modalities": _MODALITIES,
        "audio": ([{}, {"output": {}}, None], [(5, KIND), ({"input": {}}, UNKNOWN, ".input")]),
        "instructions": _TEXT,
        "tools": ([[FUNCTION], None], _TOOLS[1]),
        "tool_choice": _CHOICE,
        "max_output_tokens": _TOKENS,
        "conversation": (["auto", "none", None], [("x", VALUE), (5, KIND)]),
        "metadata": _METADATA,
        "input": (
            [[], [{"type": "item_reference", "id": "a"}], None],
            [
                ({}, KIND),
                ([5], KIND, "[0]"),
                ([{"type": "item_reference"}], MISSING, "[0].id"),
                ([{"type": "item_reference", "id": "nobody"}], VALUE, "[0].id"),
            ],
        ),
        "prompt": _PROMPT,
        "reasoning": ([{"effort": "low"}, {}, None], [("low", KIND), ([], KIND)]),
        "parallel_tool_calls": _SWITCH,
    },
    f"{_RESPONSE}.audio": {"output": _OBJECT},
    f"{_RESPONSE}.audio.output": {"format": _FORMATS, "voice": _VOICE},
    **_format(f"{_RESPONSE}.audio.output.format"),
    **_tools(_RESPONSE),
    f"{_RESPONSE}.reasoning": _REASONING,
    **_items(f"{_RESPONSE}.input[]"),
    f"{_RESPONSE}.input[]<item_reference>": {
        "type": _kind("item_reference", "x", "mcp_call"),
        "id": (["a"], [("", VALUE), ("nobody", VALUE), (5, KIND), (None, KIND)]),
    },
    **_event("response.cancel", response_id=(["resp_1", None], [("", VALUE), (5, KIND)])),
}
"""The events of a conversation."""

_QUIET = "session.update.session<transcription>"
TRANSCRIPTION: Mapping[str, Section] = {
    **_event(
        "session.update",
        session=([{"type": "transcription"}], [({}, MISSING, ".type"), (None, KIND)]),
    ),
    _QUIET: {
        "type": (
            ["transcription"],
            [("realtime", "invalid_parameter"), ("x", VALUE), (None, KIND)],
        ),
        "audio": _OBJECT,
        "include": _INCLUDE,
    },
    f"{_QUIET}.audio": {"input": _OBJECT},
    **_audio_input(f"{_QUIET}.audio.input", has_responses=False),
    **_COMMON,
}
"""The events of a transcription session."""

TABLE: Mapping[str, Mapping[str, Section]] = {
    "realtime": REALTIME,
    "transcription": TRANSCRIPTION,
}
"""Kind of session → its sections."""


def _session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


ODDITIES: Sequence[tuple[dict[str, Any], str, str | None]] = (
    # What depends on the state, or comes from the preview shape: event, code, param.
    ({"event_id": "x"}, "invalid_event", "type"),
    ({"type": "output_audio_buffer.clear"}, VALUE, "type"),
    ({"type": "input_audio_buffer.dtmf"}, VALUE, "type"),
    ({"type": "session.close"}, VALUE, "type"),
    (_session(voice="alloy"), UNKNOWN, "session.voice"),
    (_session(modalities=["text"]), UNKNOWN, "session.modalities"),
    (_session(temperature=0.8), UNKNOWN, "session.temperature"),
    (_session(turn_detection=None), UNKNOWN, "session.turn_detection"),
    (_session(input_audio_format="pcm16"), UNKNOWN, "session.input_audio_format"),
    (_session(output_audio_format="pcm16"), UNKNOWN, "session.output_audio_format"),
    (_session(input_audio_transcription={}), UNKNOWN, "session.input_audio_transcription"),
    (_session(input_audio_noise_reduction={}), UNKNOWN, "session.input_audio_noise_reduction"),
    (_session(max_response_output_tokens=5), UNKNOWN, "session.max_response_output_tokens"),
    (_session(id="sess_1"), UNKNOWN, "session.id"),
    (_session(object="realtime.session"), UNKNOWN, "session.object"),
    (_session(expires_at=1), UNKNOWN, "session.expires_at"),
    (_session(client_secret=None), UNKNOWN, "session.client_secret"),
    ({"type": "session.update", "session": {"modalities": []}}, MISSING, "session.type"),
    (
        _session(
            audio={
                "input": {"transcription": {"model": "gpt-realtime-whisper", "prompt": "x"}},
            }
        ),
        VALUE,
        "session.audio.input.transcription.prompt",
    ),
    (_session(tools=[], tool_choice=FUNCTION), VALUE, "session.tool_choice"),
    ({"type": "response.create", "response": {"voice": "alloy"}}, UNKNOWN, "response.voice"),
    (
        {"type": "response.create", "response": {"modalities": ["text"]}},
        UNKNOWN,
        "response.modalities",
    ),
    (
        {"type": "response.create", "response": {"temperature": 1}},
        UNKNOWN,
        "response.temperature",
    ),
    (
        {"type": "response.create", "response": {"audio": {"output": {"speed": 1}}}},
        UNKNOWN,
        "response.audio.output.speed",
    ),
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
    ({"type": "response.cancel"}, "response_cancel_not_active", None),
    ({"type": "response.cancel", "response_id": "nobody"}, "response_cancel_not_active", None),
    (
        {"type": "conversation.item.retrieve", "item_id": "nobody"},
        "item_retrieve_invalid_item_id",
        "item_id",
    ),
    (
        {"type": "conversation.item.delete", "item_id": "nobody"},
        "item_delete_invalid_item_id",
        "item_id",
    ),
    (
        {
            "type": "conversation.item.truncate",
            "item_id": "nobody",
            "content_index": 0,
            "audio_end_ms": 1,
        },
        "item_truncate_invalid_item_id",
        "item_id",
    ),
    (
        {
            "type": "conversation.item.truncate",
            "item_id": "a",
            "content_index": 0,
            "audio_end_ms": 1,
        },
        "unsupported_content_type",
        "item_id",
    ),
    (
        {"type": "conversation.item.create", "item": {**MINIMAL["function_call"], "id": "a"}},
        "item_create_duplicate_item_id",
        "item.id",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {**MINIMAL["function_call_output"], "call_id": "nobody"},
        },
        "invalid_tool_call_id",
        None,
    ),
)
