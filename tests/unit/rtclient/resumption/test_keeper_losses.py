"""What a loss cuts in two: calls, speech, requests taken back, answers that are cut later."""

from typing import Any

import pytest

from tests.support.keeper_world import Peer, World


def begin_call(world: World, peer: Peer) -> dict[str, Any]:
    """Let the model begin a call, and return the item."""
    world.send("response.create")
    world.settle()
    assert peer.response is not None
    call = {"id": "call", "type": "function_call", "call_id": "c", "name": "weather"}
    shown = {**call, "arguments": "", "status": "in_progress"}
    peer.say("response.output_item.added", response_id=peer.response, item=shown)
    peer.say("conversation.item.added", item=shown)
    return call


def test_a_call_that_was_not_whole_is_not_put_back() -> None:
    world = World()
    peer = world.connect()
    begin_call(world, peer)
    place = {"response_id": peer.response, "item_id": "call"}
    peer.say("response.function_call_arguments.delta", delta='{"city": "Os', **place)
    world.settle()
    world.cut()
    (done,) = [event for event in world.events if event["type"] == "conversation.item.done"]
    assert done["item"]["status"] == "incomplete"
    world.settle()
    assert world.live is not None
    assert world.live.ids == []
    assert "call: a function call that was not complete" in world.restorations[0].lost


def test_a_call_that_was_whole_is_put_back_though_its_response_was_cut_off() -> None:
    world = World()
    peer = world.connect()
    call = begin_call(world, peer)
    whole = {**call, "arguments": '{"city": "Oslo"}', "status": "completed"}
    peer.say("response.output_item.done", response_id=peer.response, item=whole)
    world.settle()
    world.cut()
    (done,) = [event for event in world.events if event["type"] == "conversation.item.done"]
    assert done["item"] == whole
    world.settle()
    assert world.live is not None
    assert world.live.items == [{**call, "arguments": '{"city": "Oslo"}'}]


def test_a_request_that_was_not_answered_can_be_cancelled_without_a_connection() -> None:
    world = World()
    world.connect()
    world.send("response.create")
    world.cut()
    world.send("response.cancel")
    world.settle()
    assert world.live is not None
    kinds = [event["type"] for event in world.live.got]
    assert kinds == ["response.create", "response.cancel"]


def test_an_answer_that_is_due_can_be_cancelled_without_a_connection() -> None:
    world = World(turn_detection=True)
    peer = world.connect()
    world.append()
    peer.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=0)
    peer.say("input_audio_buffer.speech_stopped", item_id="t", audio_end_ms=100)
    peer.work()
    peer.hear("t")
    world.settle()
    world.cut()
    world.send("response.cancel")
    world.settle()
    assert world.live is not None
    assert world.live.ids == ["t"]
    assert world.sent_to(2, "response.create") == []
    assert world.sent_to(2, "response.cancel") == []


def test_words_that_are_cut_later_keep_their_place() -> None:
    world = World()
    peer = world.connect()
    world.say("a")
    world.send("response.create")
    world.settle()
    peer.answer("one two three four")
    world.settle()
    world.cut()
    world.say("b")
    world.settle()
    assert world.live is not None
    _, answer_id, _ = world.live.ids
    audio_ms = world.keeper.conversation.items[1].audio_ms
    world.send(
        "conversation.item.truncate",
        item_id=answer_id,
        content_index=0,
        audio_end_ms=audio_ms // 2,
    )
    world.settle()
    assert world.live.ids == ["a", answer_id, "b"]
    assert world.live.items[1]["content"][0]["text"] == "one two"


def test_the_begin_of_long_speech_is_told_as_lost() -> None:
    world = World(turn_detection=True)
    peer = world.connect()
    world.append(1)
    peer.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=0)
    world.settle()
    for _ in range(17):
        world.append(1)
    world.settle()
    world.cut()
    world.settle()
    assert world.restorations[0].lost == ("3.0 s of sound that was too much to keep",)
    world.cut()
    world.settle()
    assert world.restorations[1].is_restored


def test_speech_that_became_a_turn_is_not_lost() -> None:
    world = World(turn_detection=True)
    peer = world.connect()
    world.append(1)
    peer.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=0)
    world.settle()
    for _ in range(17):
        world.append(1)
    peer.say("input_audio_buffer.speech_stopped", item_id="t", audio_end_ms=18_000)
    peer.hear("t")
    world.settle()
    for _ in range(20):
        world.append(1)  # silence
    world.cut()
    world.settle()
    assert world.restorations[0].is_restored


def restored_answer(world: World) -> str:
    """Bring an answer over a loss, and return its id."""
    peer = world.connect()
    world.send("response.create")
    world.settle()
    peer.answer("one two three four")
    world.settle()
    world.cut()
    world.settle()
    return world.keeper.conversation.items[0].id


def cut_words(world: World, answer_id: str, end_ms: int) -> None:
    """Truncate an answer of which only the words are left."""
    place = {"item_id": answer_id, "content_index": 0}
    world.send("conversation.item.truncate", audio_end_ms=end_ms, **place)


def test_words_that_are_cut_stay_behind_what_was_put_before_them_since() -> None:
    world = World()
    answer_id = restored_answer(world)
    item = {"id": "first", "type": "message", "role": "user", "content": []}
    item["content"] = [{"type": "input_text", "text": "before all"}]
    world.send("conversation.item.create", previous_item_id="root", item=item)
    world.settle()
    cut_words(world, answer_id, 50)
    world.settle()
    assert world.live is not None
    assert world.live.ids == ["first", answer_id]


@pytest.mark.parametrize(("end_ms", "left"), [(50, 1), (1, 0)])
def test_words_that_are_cut_twice_at_once_are_no_other_item(end_ms: int, left: int) -> None:
    world = World()
    answer_id = restored_answer(world)
    told = world.types()
    cut_words(world, answer_id, 75)
    cut_words(world, answer_id, end_ms)
    world.settle()
    assert world.live is not None
    assert world.live.ids == [answer_id] * left
    assert world.types() == told + 2 * ["conversation.item.truncated"]


def test_an_answer_that_is_being_deleted_is_not_put_back_by_a_truncation() -> None:
    world = World()
    answer_id = restored_answer(world)
    world.send("conversation.item.delete", item_id=answer_id)
    cut_words(world, answer_id, 30)
    world.settle()
    assert world.live is not None
    assert world.live.ids == []
    assert world.types()[-1] == "conversation.item.deleted"


def test_words_that_are_cut_find_a_place_behind_an_item_that_is_being_deleted() -> None:
    world = World()
    world.connect()
    world.say("a")
    world.send("response.create")
    world.settle()
    assert world.live is not None
    world.live.answer("one two three four")
    world.settle()
    world.cut()
    world.settle()
    answer_id = world.keeper.conversation.items[1].id
    world.send("conversation.item.delete", item_id="a")
    cut_words(world, answer_id, 50)
    world.settle()
    assert world.live.ids == [answer_id]


def test_a_deletion_is_answered_though_other_words_are_cut_meanwhile() -> None:
    world = World()
    first = restored_answer(world)
    world.send("response.create")
    world.settle()
    assert world.live is not None
    world.live.answer("one two three four")
    world.settle()
    world.cut()
    world.settle()
    second = world.keeper.conversation.items[1].id
    world.send("conversation.item.delete", item_id=first)
    cut_words(world, first, 50)
    cut_words(world, second, 50)
    world.settle()
    assert world.live.ids == [second]
    assert world.types().count("conversation.item.deleted") == 1
