"""Client events that are wrong whatever the session is like, and the error that answers each."""

from typing import Any

_REAL = {"type": "realtime"}
_MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
_CUT = {"content_index": 0, "audio_end_ms": 5}


def _update(**session: Any) -> dict[str, Any]:
    return {"session": {**_REAL, **session}}


FAULTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("unknown_parameter", "session.update", _update(color="red")),
    ("invalid_value", "session.update", _update(audio={"output": {"speed": 9}})),
    ("invalid_type", "session.update", _update(instructions=7)),
    ("missing_required_parameter", "session.update", {"session": {}}),
    ("invalid_value", "session.update", _update(tool_choice={"type": "function", "name": "no"})),
    ("missing_required_parameter", "input_audio_buffer.append", {}),
    ("invalid_value", "input_audio_buffer.append", {"audio": "not base64!"}),
    ("unknown_parameter", "input_audio_buffer.commit", {"now": True}),
    ("invalid_value", "conversation.item.create", {"item": {"type": "thought"}}),
    (
        "item_create_invalid_previous_item_id",
        "conversation.item.create",
        {"item": _MESSAGE, "previous_item_id": "nowhere"},
    ),
    (
        "invalid_tool_call_id",
        "conversation.item.create",
        {"item": {"type": "function_call_output", "call_id": "call_none", "output": "fine"}},
    ),
    ("item_retrieve_invalid_item_id", "conversation.item.retrieve", {"item_id": "nowhere"}),
    ("item_delete_invalid_item_id", "conversation.item.delete", {"item_id": "nowhere"}),
    (
        "item_truncate_invalid_item_id",
        "conversation.item.truncate",
        {"item_id": "nowhere", **_CUT},
    ),
    ("response_cancel_not_active", "response.cancel", {"response_id": "resp_none"}),
    ("invalid_value", "response.create", {"response": {"conversation": "other"}}),
    ("unknown_parameter", "response.create", {"response": {"temperature": 1}}),
    ("invalid_value", "response.please", {}),
    ("invalid_value", "output_audio_buffer.clear", {}),
)
"""Code of the error, type of the event, its fields."""
