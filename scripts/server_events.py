"""Which test shows each server event of the engine; docs/engine.md has this as a table.

`tests/contract/test_server_events.py` holds it to the truth: no event without a row, no row whose
test does not exist or does not name the event, nothing marked as not emitted that is emitted.
"""

from collections.abc import Mapping

_SHOWN: Mapping[str, Mapping[str, str]] = {
    "tests/contract/test_engine.py": {
        "error": "test_items_are_deleted_and_errors_are_events",
        "session.created": "test_leaving_the_server_closes_with_1001",
        "session.updated": "test_a_spoken_turn_with_transcription",
        "conversation.item.added": "test_a_spoken_turn_with_transcription",
        "conversation.item.done": "test_a_spoken_turn_with_transcription",
        "conversation.item.retrieved": "test_barge_in_then_truncate_then_the_next_turn",
        "conversation.item.deleted": "test_items_are_deleted_and_errors_are_events",
        "conversation.item.truncated": "test_barge_in_then_truncate_then_the_next_turn",
        "conversation.item.input_audio_transcription.failed": "test_broken_senses_end_as_data",
        "input_audio_buffer.committed": "test_a_spoken_turn_with_transcription",
        "input_audio_buffer.cleared": "test_push_to_talk_and_cancel",
        "input_audio_buffer.speech_started": "test_a_spoken_turn_with_transcription",
        "input_audio_buffer.speech_stopped": "test_a_spoken_turn_with_transcription",
        "response.done": "test_an_out_of_band_response_runs_beside_another",
        "response.output_item.done": "test_barge_in_then_truncate_then_the_next_turn",
        "response.output_audio.delta": "test_push_to_talk_and_cancel",
        "response.output_audio_transcript.done": "test_a_tool_turn",
        "rate_limits.updated": "test_a_spoken_turn_with_transcription",
    },
    "tests/contract/test_kinds_of_session.py": {
        "input_audio_buffer.timeout_triggered": "test_who_stays_quiet_is_spoken_to",
    },
    "tests/unit/rtclient/engine/test_microphone.py": {
        "conversation.item.input_audio_transcription.delta": (
            "test_the_words_are_there_when_the_turn_ends"
        ),
    },
    "tests/contract/test_habits.py": {
        "conversation.item.input_audio_transcription.completed": (
            "test_agents_retrieve_each_turn_that_was_transcribed"
        ),
    },
    "tests/unit/rtclient/engine/test_ladder.py": {
        "response.created": "test_a_text_response",
        "response.output_item.added": "test_a_text_response",
        "response.content_part.added": "test_a_text_response",
        "response.content_part.done": "test_a_text_response",
        "response.output_text.delta": "test_a_text_response",
        "response.output_text.done": "test_a_text_response",
        "response.output_audio.done": "test_a_voice_that_fails_fails_the_response_with_closers",
        "response.output_audio_transcript.delta": (
            "test_the_audio_deltas_are_the_speech_and_the_transcript_its_words"
        ),
        "response.function_call_arguments.delta": "test_a_tool_call",
        "response.function_call_arguments.done": "test_a_tool_call",
    },
}
"""Test file → event → the test that shows it; the test names it."""

SHOWN: Mapping[str, str] = {
    event: f"{path}::{test}" for path, rows in _SHOWN.items() for event, test in rows.items()
}
"""Event → the test that shows it, as pytest names it."""

_MCP = "the engine runs no MCP tools; they are refused with `invalid_value`"
_PLAYBACK = "WebRTC and SIP only: over a WebSocket the server does not know what is played"
_REPLACED = "the preview dialect's; `conversation.item.added` and `.done` replace it"

NOT_EMITTED: Mapping[str, str] = {
    "conversation.created": "not sent over WebSocket by the GA service",
    "conversation.item.created": _REPLACED,
    "conversation.item.input_audio_transcription.segment": "the ears do not tell speakers apart",
    "input_audio_buffer.dtmf_event_received": "SIP only: a WebSocket carries no keypad tones",
    "output_audio_buffer.started": _PLAYBACK,
    "output_audio_buffer.stopped": _PLAYBACK,
    "output_audio_buffer.cleared": _PLAYBACK,
    "response.mcp_call_arguments.delta": _MCP,
    "response.mcp_call_arguments.done": _MCP,
    "response.mcp_call.in_progress": _MCP,
    "response.mcp_call.completed": _MCP,
    "response.mcp_call.failed": _MCP,
    "mcp_list_tools.in_progress": _MCP,
    "mcp_list_tools.completed": _MCP,
    "mcp_list_tools.failed": _MCP,
}
"""Event → why the engine never sends it."""


def table() -> str:
    """Return the table as Markdown: one row for each server event."""
    lines = ["| server event | shown by |", "|---|---|"]
    lines += [f"| `{event}` | {_test(name)} |" for event, name in sorted(SHOWN.items())]
    lines += ["", "| server event | not emitted, because |", "|---|---|"]
    lines += [f"| `{event}` | {why} |" for event, why in sorted(NOT_EMITTED.items())]
    return "\n".join(lines)


def _test(name: str) -> str:
    path, _, function = name.partition("::")
    return f"[`{function}`](../{path})"
