"""Events in, filled objects out: what a program awaits and iterates over, without a connection."""

import asyncio
import base64
import logging
from typing import Any

import pytest

from rtclient import items
from rtclient.errors import ConnectionLost, ServerError
from rtclient.items import RTFunctionCallItem, RTInputAudioItem, RTMessageItem, RTResponse
from rtclient.protocol.dialects import Dialect
from rtclient.routing import MAX_UNREAD_EVENTS, Router

Event = dict[str, Any]


class World:
    """A router, and what was sent through it."""

    def __init__(self, dialect: Dialect = "ga") -> None:
        self.sent: list[Event] = []
        self.router = Router(dialect, self._send)

    async def _send(self, event: Event) -> None:
        self.sent.append(event)

    def see(self, kind: str, **fields: Any) -> Any:
        return self.router.see({"type": kind, "event_id": "event_1", **fields})

    def session(self, transcription: Any) -> None:
        audio = {"input": {"transcription": transcription}}
        self.see("session.updated", session={"type": "realtime", "audio": audio})

    def response(self, response_id: str = "resp_1") -> RTResponse:
        response = {"id": response_id, "status": "in_progress", "output": []}
        found: RTResponse = self.see("response.created", response=response)
        return found

    def item(self, item: Event, *, place: str | None = "before", response: str = "resp_1") -> None:
        self.see("response.output_item.added", response_id=response, item=item)
        if place:
            self.see("conversation.item.added", item=item, previous_item_id=place)

    def of(self, kind: str, **fields: Any) -> None:
        about = {"response_id": "resp_1", "item_id": "item_1", "content_index": 0}
        self.see(kind, **{**about, **fields})

    def done(self, status: str = "completed", **fields: Any) -> None:
        self.see("response.done", response={"id": "resp_1", "status": status, **fields})


MESSAGE = {"id": "item_1", "type": "message", "role": "assistant", "status": "in_progress"}
CALL = {
    "id": "item_1",
    "type": "function_call",
    "name": "clock",
    "call_id": "call_1",
    "arguments": "",
    "status": "in_progress",
}


async def first(response: RTResponse) -> Any:
    return await anext(response)


async def test_a_spoken_answer_comes_in_parts_and_chunks() -> None:
    world = World()
    response = world.response()
    world.item(MESSAGE)
    world.of("response.content_part.added", part={"type": "audio", "transcript": ""})
    message = await first(response)
    assert isinstance(message, RTMessageItem)
    assert (message.id, message.response_id, message.previous_id) == ("item_1", "resp_1", "before")
    part = await anext(message)
    assert part.type == "audio"
    for sound, words in ((b"\1\2", "Good "), (b"\3\4", "day.")):
        world.of("response.output_audio_transcript.delta", delta=words)
        world.of("response.output_audio.delta", delta=base64.b64encode(sound).decode())
    assert part.transcript == "Good day."
    world.of("response.content_part.done", part={"type": "audio", "transcript": "Good day!"})
    assert b"".join([chunk async for chunk in part.audio_chunks()]) == b"\1\2\3\4"
    assert [words async for words in part.transcript_chunks()] == ["Good ", "day."]
    assert (await part).transcript == "Good day!"
    world.see(
        "response.output_item.done", response_id="resp_1", item={**MESSAGE, "status": "completed"}
    )
    assert [one async for one in message] == []
    assert (await message).status == "completed"
    assert response.status == "in_progress"
    world.done()
    assert (await response).status == "completed"
    assert [one async for one in response] == []


async def test_a_written_answer_comes_in_chunks() -> None:
    world = World()
    response = world.response()
    world.item(MESSAGE)
    world.of("response.content_part.added", part={"type": "text", "text": ""})
    world.of("response.output_text.delta", delta="Good ")
    world.of("response.output_text.delta", delta="day.")
    world.done()
    part = await anext(await first(response))
    assert part.type == "text"
    assert [words async for words in part.text_chunks()] == ["Good ", "day."]
    assert (await part).text == "Good day."


async def test_a_call_can_be_awaited_or_iterated_over_or_both() -> None:
    world = World()
    response = world.response()
    world.item(CALL)
    world.of("response.function_call_arguments.delta", delta='{"zone"')
    world.of("response.function_call_arguments.delta", delta=':"UTC"}')
    call = await first(response)
    assert isinstance(call, RTFunctionCallItem)
    assert (call.function_name, call.call_id) == ("clock", "call_1")
    world.of("response.function_call_arguments.done", arguments='{"zone": "UTC"}')
    item = {**CALL, "arguments": '{"zone": "UTC"}', "status": "completed"}
    world.see("response.output_item.done", response_id="resp_1", item=item)
    assert (await call).arguments == '{"zone": "UTC"}'
    assert [piece async for piece in call] == ['{"zone"', ':"UTC"}']
    assert (await call) is call


async def test_an_item_waits_for_its_place_in_the_conversation() -> None:
    world = World()
    response = world.response()
    world.item(MESSAGE, place=None)
    waiting = asyncio.ensure_future(first(response))
    await asyncio.wait([waiting], timeout=0)
    assert not waiting.done()
    world.see("conversation.item.added", item=MESSAGE, previous_item_id="before")
    assert (await waiting).previous_id == "before"


async def test_an_item_beside_the_conversation_has_no_place() -> None:
    world = World()
    response = world.response()
    world.item(MESSAGE, place=None)
    world.of("response.content_part.added", part={"type": "text", "text": ""})
    message = await first(response)
    assert message.previous_id is None
    assert (await anext(message)).type == "text"


async def test_a_response_that_ends_early_ends_all_in_it() -> None:
    world = World()
    response = world.response()
    world.item(MESSAGE)
    world.of("response.content_part.added", part={"type": "audio", "transcript": ""})
    world.of("response.output_audio_transcript.delta", delta="Go")
    message = await first(response)
    part = await anext(message)
    details = {"type": "cancelled", "reason": "turn_detected"}
    world.done("cancelled", status_details=details, output=[])
    assert [words async for words in part.transcript_chunks()] == ["Go"]
    assert [chunk async for chunk in part.audio_chunks()] == []
    assert [one async for one in message] == []
    assert response.status == "cancelled"
    assert response.status_details is not None
    assert response.status_details.type == "cancelled"
    assert response.status_details.reason == "turn_detected"
    assert response.output == []


async def test_cancelling_waits_for_the_end_and_lets_go_of_the_rest() -> None:
    world = World()
    response = world.response()
    world.item(MESSAGE)
    cancelling = asyncio.ensure_future(response.cancel())
    await asyncio.wait([cancelling], timeout=0)
    assert world.sent == [{"type": "response.cancel", "response_id": "resp_1"}]
    assert not cancelling.done()
    world.done("cancelled")
    await cancelling
    assert [one async for one in response] == []
    await response.cancel()
    assert len(world.sent) == 1


async def test_two_responses_at_once_stay_apart() -> None:
    world = World()
    one, two = world.response("resp_1"), world.response("resp_2")
    world.item({**MESSAGE, "id": "item_2"}, response="resp_2")
    world.item(MESSAGE)
    assert (await first(one)).id == "item_1"
    assert (await first(two)).id == "item_2"
    world.done()
    assert (one.status, two.status) == ("completed", "in_progress")


@pytest.mark.parametrize(("dialect", "kind"), [("ga", "output_text"), ("preview", "text")])
async def test_items_have_the_words_of_the_program(dialect: Dialect, kind: str) -> None:
    world = World(dialect)
    response = world.response()
    content = [{"type": "output_text", "text": "Hi"}]
    world.done(output=[{**MESSAGE, "content": content}])
    (item,) = response.output
    assert item.type == "message"
    assert item.content[0].type == kind


async def test_a_turn_is_complete_with_its_transcript() -> None:
    world = World()
    world.session({"model": "whisper-1"})
    turn = world.see("input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=300)
    assert isinstance(turn, RTInputAudioItem)
    world.see("input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=900)
    assert world.see("input_audio_buffer.committed", item_id="item_1") is turn
    world.see("conversation.item.added", item={"id": "item_1"}, previous_item_id=None)
    waiting = asyncio.ensure_future(turn._wait())
    await asyncio.wait([waiting], timeout=0)
    assert not waiting.done()
    world.see(
        "conversation.item.input_audio_transcription.completed", item_id="item_1", transcript="Hi"
    )
    assert await waiting is turn
    assert (turn.audio_start_ms, turn.audio_end_ms, turn.transcript) == (300, 900, "Hi")


async def test_without_transcription_a_turn_is_complete_with_its_item() -> None:
    world = World()
    world.session(None)
    turn = world.see("input_audio_buffer.committed", item_id="item_1")
    world.see("conversation.item.added", item={"id": "item_1"}, previous_item_id=None)
    assert (await turn).transcript is None


async def test_a_turn_whose_transcription_fails_says_so() -> None:
    world = World()
    world.session({"model": "whisper-1"})
    turn = world.see("input_audio_buffer.committed", item_id="item_1")
    error = {"type": "server_error", "code": "no_deployment", "message": "No such deployment."}
    world.see("conversation.item.input_audio_transcription.failed", item_id="item_1", error=error)
    with pytest.raises(ServerError, match=r"No such deployment\.") as caught:
        await turn
    assert caught.value.code == "no_deployment"


async def test_a_turn_that_is_thrown_away_keeps_nobody_waiting() -> None:
    world = World()
    world.session({"model": "whisper-1"})
    turn = world.see("input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=0)
    world.see("input_audio_buffer.cleared")
    assert (await turn).transcript is None


async def test_a_turn_of_a_connection_that_is_gone_keeps_nobody_waiting() -> None:
    world = World()
    world.session({"model": "whisper-1"})
    turn = world.see("input_audio_buffer.committed", item_id="item_1")
    world.router.restored()
    assert (await turn).transcript is None


async def test_the_end_of_the_connection_ends_everything() -> None:
    world = World()
    world.session({"model": "whisper-1"})
    turn = world.see("input_audio_buffer.committed", item_id="item_0")
    response = world.response()
    world.item(MESSAGE)
    world.of("response.content_part.added", part={"type": "audio", "transcript": ""})
    message = await first(response)
    part = await anext(message)
    world.router.end(ConnectionLost(1006))
    for waiting in (turn, response, message, part):
        with pytest.raises(ConnectionLost):
            await waiting
    for reading in (response, message, part.audio_chunks(), world.router.events):
        with pytest.raises(ConnectionLost):
            await anext(reading)


async def test_a_wanted_end_just_ends_what_is_read() -> None:
    world = World()
    response = world.response()
    world.router.end(None)
    assert [one async for one in response] == []
    assert [one async for one in world.router.events] == []


async def test_sound_that_nobody_reads_is_bounded_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    response = world.response()
    world.item(MESSAGE)
    world.of("response.content_part.added", part={"type": "audio", "transcript": ""})
    chunk = bytes(items.MAX_UNREAD_BYTES // 2 - 1)
    delta = base64.b64encode(chunk).decode()
    with caplog.at_level(logging.WARNING, "rtclient"):
        for _ in range(4):
            world.of("response.output_audio.delta", delta=delta)
    world.done()
    part = await anext(await first(response))
    assert len([chunk async for chunk in part.audio_chunks()]) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_events_that_nobody_reads_are_bounded() -> None:
    world = World()
    for number in range(MAX_UNREAD_EVENTS + 5):
        world.router.events.put(world.response(f"resp_{number}"))
    world.router.end(None)
    read = [event.id async for event in world.router.events]
    assert len(read) == MAX_UNREAD_EVENTS
    assert read[-1] == f"resp_{MAX_UNREAD_EVENTS + 4}"


async def test_what_belongs_to_nothing_known_changes_nothing() -> None:
    world = World()
    world.of("response.output_audio.delta", delta="AAAA")
    world.done()
    world.see("conversation.item.added", item={"id": "item_9"}, previous_item_id=None)
    world.see("input_audio_buffer.speech_stopped", item_id="item_9", audio_end_ms=1)
    response = world.response()
    world.of("response.output_text.delta", delta="Hi")
    world.see("parley.new")
    assert response.status == "in_progress"


async def test_a_turn_that_is_removed_is_complete_without_its_transcript() -> None:
    world = World()
    world.session({"model": "whisper-1"})
    turn = world.see("input_audio_buffer.committed", item_id="turn_1")
    world.see("conversation.item.deleted", item_id="turn_1")
    assert (await turn).transcript is None
