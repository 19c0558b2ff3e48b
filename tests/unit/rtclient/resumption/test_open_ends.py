"""What was begun for the program is ended for it, once."""

from rtclient.protocol.conversation import Conversation
from rtclient.resumption.open_ends import OpenEnds, response_cancelled


def added(item_id: str, **fields: object) -> dict[str, object]:
    return {"type": "conversation.item.added", "item": {"id": item_id, **fields}}


def test_an_added_item_is_done_once() -> None:
    ends = OpenEnds()
    ends.note(added("item_1", type="message"), transcribes=False)
    (done,) = ends.items_done(Conversation())
    assert done["item"] == {"id": "item_1", "type": "message", "status": "completed"}
    ends.note(done, transcribes=False)
    assert ends.items_done(Conversation()) == []


def test_what_the_model_was_making_is_incomplete() -> None:
    conversation, ends = Conversation(), OpenEnds()
    call = {"id": "item_1", "type": "function_call", "status": "in_progress", "arguments": ""}
    about = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0}
    for event in (
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {"type": "response.output_item.added", **about, "item": call},
        {"type": "conversation.item.added", "item": call},
        {"type": "response.function_call_arguments.delta", **about, "delta": '{"a"'},
    ):
        conversation.apply(event)
        ends.note(event, transcribes=False)
    (done,) = ends.items_done(conversation)
    assert (done["item"]["status"], done["item"]["arguments"]) == ("incomplete", '{"a"')


def test_a_due_transcript_fails_with_the_reason() -> None:
    ends = OpenEnds()
    committed = {"type": "input_audio_buffer.committed", "item_id": "item_1"}
    ends.note(committed, transcribes=False)
    assert not ends.has_transcripts
    ends.note(committed, transcribes=True)
    assert ends.has_transcripts
    (failed,) = ends.transcripts_failed("connection_lost")
    assert (failed["item_id"], failed["error"]["code"]) == ("item_1", "connection_lost")
    ends.note(failed, transcribes=True)
    assert not ends.has_transcripts


def test_a_deleted_turn_owes_nothing() -> None:
    ends = OpenEnds()
    ends.note(added("item_1"), transcribes=True)
    ends.note({"type": "input_audio_buffer.committed", "item_id": "item_1"}, transcribes=True)
    ends.note({"type": "conversation.item.deleted", "item_id": "item_1"}, transcribes=True)
    assert ends.items_done(Conversation()) == []
    assert ends.transcripts_failed("session_renewed") == []


def test_an_answer_that_broke_off_is_cancelled() -> None:
    response = response_cancelled("resp_1", "session_renewed")["response"]
    assert response["id"] == "resp_1"
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "session_renewed"}
