"""A conversation as JSON and as a page to read."""

import json
from datetime import UTC, datetime
from typing import Any

from rtclient.protocol.conversation import Conversation
from rtclient.recording.exporting import FORMAT, Span, to_dict, to_markdown

STARTED = datetime(2026, 11, 21, 14, 3, 9, tzinfo=UTC)


def item(item_id: str, **fields: Any) -> dict[str, Any]:
    wire = {"id": item_id, "type": "message", "status": "completed", **fields}
    return {"type": "conversation.item.done", "previous_item_id": None, "item": wire}


def conversation() -> Conversation:
    found = Conversation()
    session = {"id": "sess_1", "model": "gpt-realtime", "audio": {"output": {"voice": "cedar"}}}
    text = [{"type": "input_text", "text": "What is\n<b>2 & 2</b>?"}]
    speech = [{"type": "output_audio", "transcript": "It is four and nothing else."}]
    for event in (
        {"type": "session.created", "session": session},
        item("u", role="user", content=text),
        item("f", type="function_call", name="add", call_id="c", arguments='{"a": 2}'),
        item("o", type="function_call_output", call_id="c", output="4"),
        item("a", role="assistant", content=speech),
        {
            "type": "response.output_audio.delta",
            "response_id": "r",
            "item_id": "a",
            "content_index": 0,
            "delta": "AAAA" * 16_000,
        },
        {
            "type": "conversation.item.truncated",
            "item_id": "a",
            "content_index": 0,
            "audio_end_ms": 500,
        },
        {
            "type": "response.done",
            "response": {
                "id": "r",
                "status": "completed",
                "usage": {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10},
            },
        },
    ):
        found.apply(event)
    return found


SPANS = {"u": Span(0.0), "a": Span(61.5, 62.0)}


def test_json_has_what_was_said_and_when() -> None:
    found = to_dict(conversation(), started_at=STARTED, spans=SPANS, sound="conversation.wav")
    assert json.loads(json.dumps(found)) == found
    assert found["format"] == FORMAT
    assert found["started_at"] == "2026-11-21T14:03:09.000+00:00"
    assert found["sound"] == "conversation.wav"
    assert found["session"] == {"id": "sess_1", "model": "gpt-realtime", "voice": "cedar"}
    assert found["usage"] == {
        "total_tokens": 30,
        "input_tokens": 20,
        "output_tokens": 10,
        "responses": 1,
    }
    user, call, output, answer = found["items"]
    assert user == {
        "id": "u",
        "type": "message",
        "role": "user",
        "status": "completed",
        "start_s": 0.0,
        "text": "What is\n<b>2 & 2</b>?",
    }
    assert (call["name"], call["arguments"], output["output"]) == ("add", '{"a": 2}', "4")
    assert (answer["start_s"], answer["end_s"]) == (61.5, 62.0)
    assert (answer["audio_ms"], answer["heard_ms"]) == (1000, 500)


def test_an_answer_that_was_cut_off_stands_as_it_was_heard() -> None:
    answer = to_dict(conversation())["items"][-1]
    assert answer["is_interrupted"]
    assert f"{answer['text']} {answer['unheard']}" == "It is four and nothing else."
    assert "nothing else" in answer["unheard"]


def test_the_page_reads_as_the_conversation_went() -> None:
    page = to_markdown(conversation(), started_at=STARTED, spans=SPANS, sound="conversation.wav")
    assert page.startswith("# Conversation of 2026-11-21, 14:03 UTC\n")
    assert "- Sound: [conversation.wav](conversation.wav), the user left, the model right\n" in page
    assert "**User** · 0:00\n\n> What is\n> &lt;b>2 &amp; 2&lt;/b>?\n" in page
    assert '**Function call**\n\n`add` > {"a": 2}\n' in page
    assert "**Assistant** · 1:01 · cut short\n\n> It is" in page
    assert "nothing else" not in page
    assert "30 tokens in 1 responses" in page


def test_an_empty_conversation_is_no_trouble() -> None:
    assert to_dict(Conversation())["items"] == []
    assert to_markdown(Conversation()) == "# Conversation\n\n"


def test_speech_without_a_transcript_is_told_and_unfinished_speech_is_left_out() -> None:
    found = Conversation()
    found.apply({"type": "input_audio_buffer.speech_started", "item_id": "x", "audio_start_ms": 0})
    assert to_dict(found)["items"] == []
    sound = [{"type": "input_audio", "transcript": None}]
    found.apply(item("y", role="user", content=sound))
    assert "> (no transcript)" in to_markdown(found)
