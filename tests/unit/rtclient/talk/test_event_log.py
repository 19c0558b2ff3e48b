import base64
import json

from rtclient.talk.event_log import log_line, short_line


def test_a_line_has_type_time_way_and_ids():
    event = {"type": "response.done", "event_id": "e", "response": {"id": "r", "status": "failed"}}
    assert json.loads(log_line(event, "received", 1.23456)) == {
        "t": 1.235,
        "way": "received",
        "type": "response.done",
        "event_id": "e",
        "response": {"id": "r", "status": "failed"},
    }


def test_sound_is_told_by_its_length_only():
    audio = base64.b64encode(bytes(4800)).decode()
    line = json.loads(log_line({"type": "input_audio_buffer.append", "audio": audio}, "sent", 0))
    assert line == {"t": 0, "way": "sent", "type": "input_audio_buffer.append", "audio_ms": 100}


def test_no_words_instructions_or_arguments_are_in_it():
    secret = "canary"
    for event in (
        {"type": "response.output_text.delta", "delta": secret},
        {"type": "session.update", "session": {"instructions": secret}},
        {"type": "response.create", "response": {"instructions": secret}},
        {"type": "conversation.item.created", "item": {"id": "i", "content": [{"text": secret}]}},
        {"type": "response.function_call_arguments.done", "arguments": secret, "name": secret},
        {"type": "error", "error": {"code": "c", "message": secret}},
        {"type": "x.transcription.completed", "transcript": secret, "item_id": {"text": secret}},
    ):
        assert secret not in log_line(event, "received", 0)
        assert secret not in short_line(event, "received", 0)


def test_the_line_for_people_shows_the_way():
    event = {"type": "input_audio_buffer.committed", "event_id": "e", "item_id": "i"}
    assert short_line(event, "received", 2.5) == "   2.500 ← input_audio_buffer.committed item_id=i"
    assert "→" in short_line(event, "sent", 0)
