"""One conversation over many connections: a keeper among peers, with a clock by hand."""

import pytest

from rtclient.errors import (
    AuthError,
    ConnectError,
    HandshakeRejected,
    LocalProtocolError,
    ReconnectExhausted,
)
from rtclient.resumption.actions import ClientState
from rtclient.resumption.policy import ReconnectPolicy
from tests.support.keeper_world import World

CONNECTED, RECONNECTING = ClientState.CONNECTED, ClientState.RECONNECTING


# The first connection


def test_the_first_event_makes_it_connected() -> None:
    world = World()
    world.connect()
    assert world.states == [ClientState.CONNECTING, CONNECTED]
    assert world.types() == ["session.created"]


def test_what_is_sent_while_it_connects_goes_out_in_order() -> None:
    world = World()
    world.start()
    world.say("a")
    world.send("response.create")
    world.settle()
    assert [event["type"] for event in world.peers[1].got] == [
        "conversation.item.create",
        "response.create",
    ]


def test_a_refused_connection_is_tried_again_later_each_time() -> None:
    world = World()
    world.start()
    for _ in range(3):
        world.refuse()
        assert world.wake_at is not None
        world.now = world.wake_at
        world.do(world.keeper.woke(world.now))
    assert [b - a for a, b in zip(world.dialled_at, world.dialled_at[1:], strict=False)] == [
        0.25,
        0.5,
        1.0,
    ]
    world.refuse()
    assert world.states[-1] is ClientState.FAILED
    assert isinstance(world.ends[0], ConnectError)


def test_a_refused_key_ends_it_at_once() -> None:
    world = World()
    world.start()
    world.refuse(AuthError(401))
    assert world.states[-1] is ClientState.FAILED
    assert world.dialled_at == [world.now]


def test_a_session_that_does_not_begin_counts_as_refused() -> None:
    world = World()
    world.start()
    world.accept().outbox.clear()
    world.pass_time(5.3)
    assert len(world.dialled_at) == 2
    assert world.states[-1] is CONNECTED


def test_a_connection_closed_before_it_began_is_tried_again() -> None:
    world = World()
    world.start()
    world.cut(world.accept(), code=1000)
    world.pass_time(0.3)
    assert world.states == [ClientState.CONNECTING, CONNECTED]


def test_a_connection_that_is_closed_for_a_reason_is_not() -> None:
    world = World()
    world.start()
    world.cut(world.accept(), code=1008)
    assert world.states[-1] is ClientState.FAILED
    assert "code 1008" in str(world.ends[0])


# Losses


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1011, 1012, 1013])
def test_a_loss_is_restored(code: int) -> None:
    world = World()
    peer = world.connect()
    world.send("session.update", session={"type": "realtime", "instructions": "Be kind."})
    world.say("a")
    world.say("b")
    world.send("response.create")
    world.settle()
    peer.answer("Good day.")
    world.settle()
    told = len(world.events)
    world.cut(code=code)
    assert world.states[-1] is RECONNECTING
    world.settle()

    assert world.states[-1] is CONNECTED
    assert world.live is not None
    answer_id = peer.items[-1]["id"]
    assert world.live.ids == ["a", "b", answer_id]
    assert world.live.items[-1]["content"] == [{"type": "output_text", "text": "Good day."}]
    assert world.live.session["instructions"] == "Be kind."
    assert len(world.events) == told, "the program sees nothing of the replay"
    (restoration,) = world.restorations
    assert (restoration.kind, restoration.is_restored, restoration.items) == (
        "reconnected",
        True,
        3,
    )


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 4000, 4001])
def test_other_closes_end_the_session(code: int) -> None:
    world = World()
    world.connect()
    world.cut(code=code)
    assert world.states[-1] is ClientState.FAILED
    assert f"code {code}" in str(world.ends[0])
    assert not world.dials


def test_a_normal_close_of_the_server_is_a_clean_end() -> None:
    world = World()
    world.connect()
    world.cut(code=1000)
    assert world.states[-1] is ClientState.CLOSED
    assert world.ends == [None]


def test_a_fatal_error_is_not_dialled_again() -> None:
    world = World()
    peer = world.connect()
    peer.say("error", error={"type": "invalid_request_error", "code": "insufficient_quota"})
    world.settle()
    world.cut(code=1006)
    assert world.states[-1] is ClientState.FAILED


def test_the_program_is_greeted_by_the_first_session_that_greets() -> None:
    world = World()
    world.start()
    peer = world.accept()
    peer.outbox.clear()
    peer.say("error", error={"type": "server_error"})
    world.bring(peer)
    world.cut(peer, code=1011)
    world.settle()
    world.cut()
    world.settle()
    assert world.types() == ["error", "session.created"]
    assert world.states[-1] is CONNECTED


def test_an_expired_session_is_made_again_whatever_its_close_says() -> None:
    world = World()
    peer = world.connect()
    peer.say("error", error={"type": "invalid_request_error", "code": "session_expired"})
    world.settle()
    world.cut(code=1000)
    world.settle()
    assert world.states[-1] is CONNECTED
    assert "error" not in world.types()
    world.cut(code=1000)
    assert world.states[-1] is ClientState.CLOSED, "the next one has not expired"


def test_without_attempts_a_loss_is_the_end() -> None:
    world = World(reconnect=ReconnectPolicy(max_attempts=0))
    world.connect()
    world.cut()
    assert world.states[-1] is ClientState.FAILED
    assert world.wake_at is None


def test_a_loss_that_nothing_mends_says_how_often_it_was_tried() -> None:
    world = World(reconnect=ReconnectPolicy(max_attempts=3, base_s=1.0))
    world.connect()
    world.cut()
    for _ in range(3):
        world.refuse(HandshakeRejected(503))
        world.now = world.wake_at or world.now
        world.do(world.keeper.woke(world.now))
    (error,) = world.ends
    assert isinstance(error, ReconnectExhausted)
    assert (error.attempts, error.elapsed_s) == (3, 3.0)
    assert isinstance(error.__cause__, HandshakeRejected)


def test_an_open_response_ends_for_the_program_once() -> None:
    world = World()
    peer = world.connect()
    world.send("response.create")
    world.settle()
    response_id = peer.response
    world.cut()
    world.settle()
    (done,) = [event for event in world.events if event["type"] == "response.done"]
    assert done["response"]["id"] == response_id
    assert done["response"]["status"] == "cancelled"
    assert world.sent_to(2, "response.create") == [], "an answer that was cut off is not repeated"
    assert world.restorations[0].lost == (f"{response_id}: the rest of an answer",)


def test_a_request_that_was_not_answered_is_sent_again() -> None:
    world = World()
    world.connect()
    world.say("a")
    world.send("response.create")
    world.cut()
    world.settle()
    assert world.live is not None
    assert world.live.ids == ["a"]
    assert world.types().count("conversation.item.added") == 1
    assert len(world.sent_to(2, "response.create")) == 1


def test_an_item_that_was_confirmed_is_not_sent_twice() -> None:
    world = World()
    peer = world.connect()
    world.say("a")
    peer.work()
    world.bring(peer)  # added; done is lost
    world.cut()
    world.settle()
    assert len(world.sent_to(2, "conversation.item.create")) == 1
    assert world.types() == [
        "session.created",
        "conversation.item.added",
        "conversation.item.done",
    ]


def test_what_was_sent_meanwhile_follows_the_conversation() -> None:
    world = World()
    world.connect()
    world.say("a")
    world.settle()
    world.cut()
    world.say("b")
    world.say("c")
    world.settle()
    assert world.live is not None
    assert world.live.ids == ["a", "b", "c"]


def test_items_without_an_id_get_one() -> None:
    world = World()
    world.connect()
    for _ in range(2):
        world.send("conversation.item.create", item={"type": "message", "role": "user"})
        world.cut()
        world.settle()
    assert world.live is not None
    assert len(set(world.live.ids)) == len(world.live.ids)


def test_what_waits_for_a_connection_has_a_bound() -> None:
    world = World()
    world.connect()
    world.cut()
    for number in range(1000):
        world.say(f"item_{number}")
    with pytest.raises(LocalProtocolError, match="wait for the state CONNECTED"):
        world.say("one_too_many")


def test_late_data_of_an_older_connection_is_dropped() -> None:
    world = World()
    old = world.connect()
    world.cut()
    world.settle()
    told = len(world.events)
    world.do(world.keeper.received(old.generation, {"type": "response.done"}, world.now))
    world.do(world.keeper.lost(old.generation, ConnectError("refused"), world.now))
    assert len(world.events) == told
    assert world.states[-1] is CONNECTED


def test_a_restoration_that_is_cut_off_is_made_again() -> None:
    world = World()
    world.connect()
    for number in range(5):
        world.say(f"item_{number}")
    world.settle()
    world.cut()
    second = world.accept()
    world.bring(second)
    second.work()
    world.cut(second)
    world.pass_time(1)
    assert world.live is not None
    assert world.live.ids == [f"item_{number}" for number in range(5)]
    assert world.restorations[0].attempts == 2


def test_a_server_that_never_confirms_is_left() -> None:
    world = World()
    world.connect()
    world.say("a")
    world.settle()
    world.cut()
    silent = world.accept()
    world.bring(silent)
    silent.inbox.clear()
    world.pass_time(16)
    assert silent.is_closed
    assert world.live is not None
    assert world.live.generation == 3
    assert world.live.ids == ["a"]


def test_a_refused_item_is_reported() -> None:
    world = World()
    world.connect()
    world.say("a")
    world.settle()
    world.cut()
    peer = world.accept()
    world.bring(peer)
    (create,) = peer.inbox
    peer.inbox.clear()
    peer.say("error", error={"code": "invalid_value", "event_id": create["event_id"]})
    world.settle()
    assert world.restorations[0].lost == ("a: refused by the server",)
    assert "error" not in world.types()


# Speech


def test_a_turn_whose_answer_had_not_begun_is_asked_for() -> None:
    world = World(turn_detection=True)
    peer = world.connect()
    world.append()
    peer.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=0)
    peer.say("input_audio_buffer.speech_stopped", item_id="t", audio_end_ms=100)
    peer.work()
    peer.hear("t")
    world.settle()
    world.cut()
    world.settle()
    assert world.live is not None
    assert world.live.ids == ["t"]
    assert len(world.sent_to(2, "response.create")) == 1
    assert world.types()[-1] == "response.created"


def test_speech_that_was_under_way_is_heard_again() -> None:
    world = World(turn_detection=True)
    peer = world.connect()
    for letter in "ABC":
        world.append(letter=letter)
    peer.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=100)
    world.settle()
    world.cut()
    assert world.types()[-1] == "input_audio_buffer.cleared"
    world.append(letter="D")
    world.settle()
    assert [audio[0] for audio in world.peers[2].appended] == ["A", "B", "C", "D"]


def test_speech_that_had_just_ended_is_heard_again() -> None:
    world = World(turn_detection=True)
    peer = world.connect()
    world.append()
    peer.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=0)
    peer.say("input_audio_buffer.speech_stopped", item_id="t", audio_end_ms=100)
    world.settle()
    world.cut()
    world.settle()
    assert world.types()[-1] == "input_audio_buffer.cleared"
    assert len(world.peers[2].appended) == 1
    assert world.sent_to(2, "response.create") == [], "it is asked for by the turn itself"


def test_a_transcript_that_cannot_come_any_more_has_failed() -> None:
    world = World()
    peer = world.connect()
    audio = {"input": {"transcription": {"model": "whisper-1"}}}
    world.send("session.update", session={"type": "realtime", "audio": audio})
    for _ in range(2):
        world.append()
        world.send("input_audio_buffer.commit")
    world.settle()
    first, second = peer.ids
    place = {"item_id": first, "content_index": 0}
    peer.say("conversation.item.input_audio_transcription.completed", transcript="one", **place)
    world.settle()
    world.cut()
    world.settle()
    failed = world.events[-1]
    assert failed["type"] == "conversation.item.input_audio_transcription.failed"
    assert (failed["item_id"], failed["error"]["code"]) == (second, "connection_lost")
    assert world.live is not None
    kinds = [item["content"][0]["type"] for item in world.live.items]
    assert kinds == ["input_text", "input_audio"]
    world.cut()
    world.settle()
    assert world.types().count(failed["type"]) == 1


def test_without_speech_nothing_is_cleared() -> None:
    world = World(turn_detection=True)
    world.connect()
    world.append()
    world.settle()
    world.cut()
    world.settle()
    assert world.types() == ["session.created"]


def test_an_answer_that_was_cut_off_is_shown_as_incomplete() -> None:
    world = World()
    peer = world.connect()
    world.send("response.create")
    world.settle()
    peer.answer("one two three")
    while peer.outbox[0]["type"] != "response.output_audio.delta":
        world.bring(peer)
    world.cut()
    world.settle()
    done = [event for event in world.events if event["type"] == "conversation.item.done"]
    assert [event["item"]["status"] for event in done] == ["incomplete"]
    assert world.live is not None
    assert world.live.items[0]["content"] == [{"type": "output_text", "text": "one two three"}]


def test_an_item_that_was_not_finished_is_shown_as_completed() -> None:
    world = World()
    peer = world.connect()
    world.say("a")
    peer.work()
    world.bring(peer)
    world.cut()
    assert world.events[-1]["type"] == "conversation.item.done"
    assert world.events[-1]["item"]["status"] == "completed"


def test_a_turn_that_was_heard_is_not_heard_again() -> None:
    world = World(turn_detection=True)
    peer = world.connect()
    for letter in "ABC":
        world.append(letter=letter)
    world.settle()
    peer.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=0)
    peer.say("input_audio_buffer.speech_stopped", item_id="t", audio_end_ms=200)
    peer.hear("t")
    world.settle()
    world.cut()
    world.settle()
    assert [audio[0] for audio in world.peers[2].appended] == ["C"]
    (create,) = world.sent_to(2, "conversation.item.create")
    assert create["item"]["content"][0]["type"] == "input_audio"


def test_a_commit_that_was_not_answered_comes_with_its_sound() -> None:
    world = World()
    world.connect()
    world.append()
    world.append()
    world.send("input_audio_buffer.commit")
    world.cut()
    world.settle()
    assert [event["type"] for event in world.peers[2].got] == [
        "input_audio_buffer.append",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
    ]
    assert world.types().count("input_audio_buffer.committed") == 1


def test_an_answer_is_cut_also_while_nothing_is_connected() -> None:
    world = World()
    peer = world.connect()
    world.send("response.create")
    world.settle()
    peer.answer("one two three four")
    world.settle()
    answer_id = peer.items[0]["id"]
    world.cut()
    world.send("conversation.item.truncate", item_id=answer_id, content_index=0, audio_end_ms=50)
    assert world.types()[-1] == "conversation.item.truncated"
    world.settle()
    assert world.live is not None
    assert world.live.items[0]["content"] == [{"type": "output_text", "text": "one two"}]
    assert len(world.peers[2].got) == 1


def test_a_cut_that_was_not_confirmed_is_made_by_its_words() -> None:
    world = World()
    peer = world.connect()
    world.send("response.create")
    world.settle()
    peer.answer("one two three four")
    world.settle()
    answer_id = peer.items[0]["id"]
    world.send("conversation.item.truncate", item_id=answer_id, content_index=0, audio_end_ms=50)
    world.cut()
    world.settle()
    assert world.types().count("conversation.item.truncated") == 1
    assert world.sent_to(2, "conversation.item.truncate") == []
    assert world.live is not None
    assert world.live.items[0]["content"] == [{"type": "output_text", "text": "one two"}]


def test_an_answer_that_lost_its_sound_is_cut_by_its_words() -> None:
    world = World()
    peer = world.connect()
    world.say("a")
    world.send("response.create")
    world.settle()
    peer.answer("one two three four")
    world.settle()
    world.say("b")
    world.settle()
    answer_id = peer.items[1]["id"]
    world.cut()
    world.settle()
    world.send("conversation.item.truncate", item_id=answer_id, content_index=0, audio_end_ms=50)
    world.settle()
    assert world.types()[-1] == "conversation.item.truncated"
    assert "error" not in world.types()
    assert world.live is not None
    assert world.live.ids == ["a", answer_id, "b"]
    assert world.live.items[1]["content"] == [{"type": "output_text", "text": "one two"}]
    assert "conversation.item.deleted" not in world.types()


# The end


def test_close_closes_everything_and_nothing_wakes_it() -> None:
    world = World()
    world.connect()
    world.do(world.keeper.close(world.now))
    assert world.states[-2:] == [ClientState.CLOSING, ClientState.CLOSED]
    assert world.ends == [None]
    assert world.wake_at is None
    assert all(peer.is_closed for peer in world.peers.values())
    world.do(world.keeper.close(world.now))
    assert world.ends == [None]


def test_close_while_it_connects_ends_the_dial() -> None:
    world = World()
    world.start()
    world.do(world.keeper.close(world.now))
    assert world.dials == []
    assert world.ends == [None]
