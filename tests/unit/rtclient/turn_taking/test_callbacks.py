"""What events of the server become for callbacks."""

import asyncio
from typing import Any

import pytest

from rtclient.protocol.conversation import Conversation
from rtclient.turn_taking import callbacks
from rtclient.turn_taking.callbacks import (
    AudioChunk,
    Callbacks,
    ErrorReport,
    SpeechEdge,
    Transcript,
)


class Scene:
    """A mirror and callbacks behind it; `told` has what one of them was told."""

    def __init__(self, name: str) -> None:
        self.conversation = Conversation()
        self.callbacks = Callbacks(self.conversation)
        self.told: list[Any] = []
        self.callbacks.add(name, self.told.append)

    def server(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        self.conversation.apply(event)
        self.callbacks.on_server_event(event)


PART = {"response_id": "resp_1", "item_id": "item_1", "content_index": 0}
SAID = "conversation.item.input_audio_transcription"


@pytest.mark.parametrize("kind", ["output_text", "output_audio_transcript"])
def test_words_of_the_model_grow_and_become_final(kind: str) -> None:
    scene = Scene("transcript")
    scene.server(f"response.{kind}.delta", **PART, delta="It ")
    scene.server(f"response.{kind}.delta", **PART, delta="is.")
    words = {"text": "It is!", "transcript": "It is!"}
    scene.server(f"response.{kind}.done", **PART, **words)
    assert scene.told == [
        Transcript("assistant", "It ", "It ", is_final=False, item_id="item_1"),
        Transcript("assistant", "It is.", "is.", is_final=False, item_id="item_1"),
        Transcript("assistant", "It is!", "", is_final=True, item_id="item_1"),
    ]


def test_words_of_the_person_come_under_their_item() -> None:
    scene = Scene("transcript")
    scene.server(f"{SAID}.delta", item_id="item_1", content_index=0, delta="Good")
    scene.server(f"{SAID}.completed", item_id="item_1", content_index=0, transcript="Good day.")
    assert scene.told == [
        Transcript("user", "Good", "Good", is_final=False, item_id="item_1"),
        Transcript("user", "Good day.", "", is_final=True, item_id="item_1"),
    ]


def test_sound_is_decoded_and_kept_out_of_reprs() -> None:
    scene = Scene("audio")
    scene.server("response.output_audio.delta", **PART, delta="AQIDBA==")
    (chunk,) = scene.told
    assert chunk == AudioChunk(b"\1\2\3\4", "item_1", 0, "resp_1")
    assert "\\x01" not in repr(chunk)


def test_edges_of_speech_have_their_place_in_the_sound() -> None:
    for name, field in (("speech_started", "audio_start_ms"), ("speech_stopped", "audio_end_ms")):
        scene = Scene(name)
        scene.server(f"input_audio_buffer.{name}", item_id="item_1", **{field: 40})
        assert scene.told == [SpeechEdge("item_1", 40)]


@pytest.mark.parametrize(
    ("error", "report"),
    [
        ({"message": "No.", "code": "c", "event_id": "e"}, ErrorReport("No.", "c", "e")),
        ({"code": "c"}, ErrorReport("the server gave no reason", "c")),
        ("bare words", ErrorReport("bare words")),
    ],
)
def test_errors_are_told_whatever_their_shape(error: Any, report: ErrorReport) -> None:
    scene = Scene("error")
    scene.server("error", error=error)
    assert scene.told == [report]


def test_usage_is_the_sum_so_far() -> None:
    scene = Scene("usage")
    for number in (1, 2):
        usage = {"total_tokens": 10, "input_tokens": 10}
        response = {"id": f"resp_{number}", "status": "completed", "usage": usage}
        scene.server("response.done", response=response)
    assert [usage.total_tokens for usage in scene.told] == [10, 20]


def test_nothing_is_told_to_those_who_want_something_else() -> None:
    scene = Scene("state")
    scene.server("response.output_audio.delta", **PART, delta="not even base64!")
    assert not scene.told


async def test_a_coroutine_that_does_not_keep_up_loses_the_oldest_and_is_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[Any] = []
    may_go_on = asyncio.Event()
    all_callbacks = Callbacks(Conversation())

    async def slow(event: dict[str, Any]) -> None:
        await may_go_on.wait()
        told.append(event["number"])

    all_callbacks.add("event", slow)
    for number in range(callbacks.MAX_UNREAD + 3):
        all_callbacks.on_server_event({"type": "x", "number": number})
    may_go_on.set()
    await all_callbacks.end()
    assert told == list(range(3, callbacks.MAX_UNREAD + 3))
    assert [record.message for record in caplog.records if "too slow" in record.message] != []
    assert len(caplog.records) == 1


async def test_a_coroutine_object_with_call_is_a_coroutine_function() -> None:
    class Sink:
        def __init__(self) -> None:
            self.told: list[Any] = []

        async def __call__(self, event: dict[str, Any]) -> None:
            self.told.append(event)

    sink, all_callbacks = Sink(), Callbacks(Conversation())
    all_callbacks.add("event", sink)
    all_callbacks.on_server_event({"type": "x"})
    await all_callbacks.end()
    assert sink.told == [{"type": "x"}]
