"""One response, put together from the events of either dialect."""

from collections.abc import Iterable
from typing import Any

import pytest

from rtclient.errors import RemoteProtocolError, ResponseFailed, ServerError
from rtclient.oneshot.reply import Reply, ReplyPart
from rtclient.protocol.audio import to_base64

GA = {"text": "output_text", "transcript": "output_audio_transcript", "audio": "output_audio"}
PREVIEW = {"text": "text", "transcript": "audio_transcript", "audio": "audio"}
SOUND = b"\x01\x02" * 50


def created(response_id: str = "resp_1") -> dict[str, Any]:
    return {"type": "response.created", "response": {"id": response_id, "status": "in_progress"}}


def about(kind: str, response_id: str = "resp_1", item: str = "item_1", **more: Any) -> Any:
    place = {"response_id": response_id, "item_id": item, "output_index": 0, "content_index": 0}
    return {"type": f"response.{kind}", **place, **more}


def done(status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"type": "response.done", "response": {"id": "resp_1", "status": status, **more}}


def fed(events: Iterable[dict[str, Any]]) -> tuple[Reply, list[ReplyPart]]:
    reply = Reply("create_1")
    return reply, [part for event in events for part in reply.feed(event)]


def words(parts: Iterable[ReplyPart]) -> str:
    return "".join(part.text for part in parts)


@pytest.mark.parametrize("names", [GA, PREVIEW])
def test_speech_is_its_transcript_and_its_sound(names: dict[str, str]) -> None:
    reply, parts = fed(
        [
            created(),
            about(names["transcript"] + ".delta", delta="Hello "),
            about(names["audio"] + ".delta", delta=to_base64(SOUND)),
            about(names["transcript"] + ".delta", delta="you."),
            about(names["audio"] + ".done"),
            about(names["transcript"] + ".done", transcript="Hello you."),
            done(),
        ]
    )
    assert parts == [ReplyPart("Hello "), ReplyPart(audio=SOUND), ReplyPart("you.")]
    assert (reply.is_over, reply.error) == (True, None)


@pytest.mark.parametrize("names", [GA, PREVIEW])
def test_writing_is_its_text(names: dict[str, str]) -> None:
    reply, parts = fed(
        [
            created(),
            about(names["text"] + ".delta", delta="one"),
            about(names["text"] + ".done", text="one"),
            done(),
        ]
    )
    assert (words(parts), reply.is_over) == ("one", True)


@pytest.mark.parametrize("names", [GA, PREVIEW])
def test_deltas_that_never_came_are_taken_from_the_whole(names: dict[str, str]) -> None:
    _, parts = fed(
        [
            created(),
            about(names["text"] + ".delta", delta="one"),
            about(names["text"] + ".done", text="one, two"),
        ]
    )
    assert [part.text for part in parts] == ["one", ", two"]
    content = [{"type": "output_audio", "transcript": "all of it"}]
    _, parts = fed([created(), done(output=[{"id": "item_1", "content": content}])])
    assert words(parts) == "all of it"


def test_several_messages_stand_on_lines_of_their_own() -> None:
    _, parts = fed(
        [
            created(),
            about("output_text.delta", delta="first"),
            about("output_text.delta", item="item_2", delta="two"),
            about("output_text.delta", item="item_2", delta="fold"),
            done(),
        ]
    )
    assert words(parts) == "first\ntwofold"


def test_other_responses_are_passed_over() -> None:
    reply, parts = fed(
        [
            created(),
            created("resp_2"),
            about("output_text.delta", "resp_2", delta="not ours"),
            {"type": "response.done", "response": {"id": "resp_2", "status": "cancelled"}},
        ]
    )
    assert (parts, reply.is_over, reply.error) == ([], False, None)


def test_an_answer_of_a_function_call_has_no_text() -> None:
    call = {"id": "item_1", "type": "function_call", "name": "f", "arguments": "{}"}
    reply, parts = fed([created(), done(output=[call])])
    assert (parts, reply.error) == ([], None)


@pytest.mark.parametrize(
    ("status", "details", "code"),
    [
        (
            "failed",
            {"type": "failed", "error": {"code": "rate_limit_exceeded"}},
            "rate_limit_exceeded",
        ),
        ("failed", {"type": "failed", "error": {"type": "server_error"}}, "server_error"),
        ("incomplete", {"type": "incomplete", "reason": "max_output_tokens"}, "max_output_tokens"),
        ("cancelled", {"type": "cancelled", "reason": "client_cancelled"}, "client_cancelled"),
        ("failed", None, None),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(status: str, details: Any, code: str) -> None:
    reply, _ = fed([created(), done(status, status_details=details)])
    assert isinstance(reply.error, ResponseFailed)
    assert (reply.error.status, reply.error.code, reply.is_over) == (status, code, True)


def test_a_refusal_ends_the_wait_and_the_response_when_it_is_ours() -> None:
    error = {"type": "invalid_request_error", "code": "bad", "message": "No.", "event_id": "x"}
    reply, _ = fed([{"type": "error", "error": error}])
    assert isinstance(reply.error, ServerError)
    assert (str(reply.error), reply.error.code, reply.is_over) == ("No.", "bad", False)
    reply, _ = fed([{"type": "error", "error": error | {"event_id": "create_1"}}])
    assert reply.is_over
    reply, _ = fed([{"type": "response.error", "error": error}])
    assert (reply.is_over, str(reply.error)) == (True, "No.")


def test_the_first_error_is_the_one_that_counts() -> None:
    errors = [{"type": "error", "error": {"message": word}} for word in ("first", "second")]
    reply, _ = fed([*errors, done("failed")])
    assert str(reply.error) == "first"


def test_nothing_to_cancel_means_that_nothing_more_comes_to_who_cancelled() -> None:
    late = {"type": "error", "error": {"code": "response_cancel_not_active"}}
    reply, _ = fed([created(), late])
    assert (reply.is_over, reply.error) == (False, None)
    reply.is_cancelled = True
    assert list(reply.feed(late)) == []
    assert (reply.is_over, reply.error) == (True, None)


def test_broken_sound_is_told() -> None:
    with pytest.raises(RemoteProtocolError, match="base64"):
        fed([created(), about("output_audio.delta", delta="%%%")])
