"""A session is made anew before it ends, and nobody notices."""

from collections.abc import Callable

import pytest

from rtclient.resumption.actions import ClientState
from tests.support.keeper_world import World

CONNECTED = ClientState.CONNECTED


def test_twelve_sessions_are_one_conversation() -> None:
    """Six hours at thirty minutes a session: a turn each five minutes, none is missing."""
    world = World(life_s=1800)
    world.connect()
    turns = 78
    for turn in range(turns):
        world.say(f"item_{turn}", f"turn {turn}")
        world.send("response.create")
        world.settle()
        assert world.live is not None
        world.live.answer(f"answer {turn}")
        world.settle()
        world.pass_time(300)
    assert len(world.restorations) >= 12
    assert {(r.kind, r.is_restored) for r in world.restorations} == {("renewed", True)}
    assert world.states == [ClientState.CONNECTING, CONNECTED]
    assert world.types().count("session.created") == 1
    assert world.types().count("response.done") == turns
    assert world.types().count("conversation.item.added") == 2 * turns
    assert world.live is not None
    assert world.live.ids[::2] == [f"item_{turn}" for turn in range(turns)]
    assert len(world.live.ids) == 2 * turns
    open_peers = [peer for peer in world.peers.values() if not peer.is_closed]
    assert open_peers == [world.live], "every other connection is closed"


def hear_speech(world: World) -> None:
    assert world.live is not None
    world.live.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=0)


def end_speech(world: World) -> None:
    assert world.live is not None
    world.live.say("input_audio_buffer.committed", item_id="t")


def begin_answer(world: World) -> None:
    assert world.live is not None
    world.live.say("response.created", response={"id": "r", "status": "in_progress"})


def ask(world: World) -> None:
    world.send("response.create")
    assert world.live is not None
    world.live.inbox.clear()


def write(world: World) -> None:
    world.say("a")
    assert world.live is not None
    world.live.inbox.clear()


@pytest.mark.parametrize("begin", [hear_speech, end_speech, begin_answer, ask, write, World.append])
def test_a_session_is_not_left_while_something_goes_on(begin: Callable[[World], None]) -> None:
    world = World(life_s=1800)
    peer = world.connect()
    begin(world)
    world.settle()
    world.pass_time(1780)
    assert world.live is peer
    assert len(world.dialled_at) == 1
    world.pass_time(10)
    assert world.live is not peer, "before the end it is left all the same"


def test_a_session_is_not_left_before_its_transcripts_are_there() -> None:
    world = World(life_s=1800)
    peer = world.connect()
    audio = {"input": {"transcription": {"model": "whisper-1"}}}
    world.send("session.update", session={"type": "realtime", "audio": audio})
    world.append()
    world.send("input_audio_buffer.commit")
    world.settle()
    world.pass_time(1700)
    assert world.live is peer
    place = {"item_id": peer.ids[0], "content_index": 0}
    peer.say("conversation.item.input_audio_transcription.completed", transcript="one", **place)
    world.settle()
    assert world.live is not peer
    assert world.restorations[0].is_restored


def test_a_renewal_waits_until_the_answer_is_over() -> None:
    world = World(life_s=1800)
    peer = world.connect()
    world.pass_time(1600)
    world.send("response.create")
    world.settle()
    world.pass_time(150)
    assert world.live is peer
    peer.answer("done")
    world.settle()
    assert world.live is not peer
    assert world.types()[-1] == "response.done"
    assert world.events[-1]["response"]["status"] == "completed"


def test_a_new_session_waits_ready_while_somebody_speaks() -> None:
    world = World(life_s=1800, turn_detection=True)
    peer = world.connect()
    world.now += 1690
    world.do(world.keeper.woke(world.now))
    candidate = world.accept()
    world.append()
    peer.say("input_audio_buffer.speech_started", item_id="t", audio_start_ms=0)
    while peer.work() or world.bring(peer):
        pass
    world.settle()
    world.pass_time(60)
    assert world.live is peer
    assert len(world.dialled_at) == 2, "the one that waits is not given up"
    peer.say("input_audio_buffer.speech_stopped", item_id="t", audio_end_ms=100)
    peer.hear("t")
    peer.response = "resp_t"
    peer.say("response.created", response={"id": "resp_t", "status": "in_progress"})
    world.settle()
    assert world.live is peer
    peer.answer("a good answer")
    world.settle()
    assert world.live is candidate
    assert candidate.ids == ["t", "answer_resp_t"]


def test_a_renewal_is_made_at_the_last_moment_whatever_goes_on() -> None:
    world = World(life_s=1800)
    peer = world.connect()
    world.send("response.create")
    world.settle()
    world.pass_time(1784)
    assert world.live is peer
    world.pass_time(2)
    assert world.live is not peer
    assert world.events[-1]["response"]["status_details"]["reason"] == "session_renewed"


def test_an_answer_that_goes_on_and_on_is_left_at_the_last_moment() -> None:
    world = World(life_s=1800)
    peer = world.connect()
    world.say("a")
    world.send("response.create")
    world.settle()
    place = {"response_id": peer.response, "item_id": "answer", "content_index": 0}
    item = {"id": "answer", "type": "message", "role": "assistant", "content": []}
    peer.say("response.output_item.added", response_id=peer.response, item=item)
    peer.say("conversation.item.added", item={**item, "status": "in_progress"})
    while peer.work() or world.bring(peer):
        pass
    world.now += 1786
    world.do(world.keeper.woke(world.now))
    candidate = world.accept()
    for number in range(20):
        peer.say("response.output_audio_transcript.delta", delta=f"word{number} ", **place)
        world.bring(peer)
        if world.live is candidate:
            break
        candidate.work()
        world.bring(candidate)
    deltas = [e["delta"] for e in world.events if e["type"].endswith("transcript.delta")]
    assert world.events[-1]["response"]["status_details"]["reason"] == "session_renewed"
    told = len(world.events)
    world.settle()
    assert world.live is candidate
    assert candidate.ids == ["a", "answer"]
    assert candidate.items[1]["content"][0]["text"] == "".join(deltas)
    assert len(world.events) == told, "the program sees nothing of the replay"


def test_what_happens_during_a_renewal_is_in_the_new_session() -> None:
    world = World(life_s=1800)
    peer = world.connect()
    world.say("a")
    world.settle()
    world.now += 1690
    world.do(world.keeper.woke(world.now))
    candidate = world.accept()
    world.say("b")
    world.bring(candidate)
    while peer.work() or world.bring(peer):
        pass
    world.settle()
    assert world.live is candidate
    assert candidate.ids == ["a", "b"]
    assert world.types().count("conversation.item.added") == 2


def test_silence_is_not_heard_again_but_its_end_is() -> None:
    world = World(life_s=1800, turn_detection=True)
    world.connect()
    for _ in range(100):
        world.append(0.1)
    world.settle()
    world.pass_time(1700)
    assert 20 <= len(world.sent_to(2, "input_audio_buffer.append")) <= 21


def test_a_renewal_that_fails_leaves_the_session_alone() -> None:
    world = World(life_s=1800)
    peer = world.connect()
    world.now += 1690
    world.do(world.keeper.woke(world.now))
    world.refuse()
    assert world.live is peer
    assert world.states[-1] is CONNECTED
    world.pass_time(10)
    assert world.restorations[0].kind == "renewed"


def test_a_loss_during_a_renewal_goes_on_with_the_new_connection() -> None:
    world = World(life_s=1800)
    world.connect()
    world.say("a")
    world.settle()
    world.now += 1690
    world.do(world.keeper.woke(world.now))
    world.cut()
    assert len(world.dials) == 1
    world.settle()
    assert world.restorations[0].kind == "reconnected"
    assert world.live is not None
    assert world.live.ids == ["a"]


@pytest.mark.parametrize("life_s", [-3600.0, 0.0, 5.0])
def test_an_end_that_only_another_clock_can_mean_is_not_believed(life_s: float) -> None:
    world = World(life_s=life_s)
    world.connect()
    world.pass_time(1600)
    assert world.restorations == []


def test_a_short_cap_is_renewed_in_its_second_half() -> None:
    world = World(life_s=30)
    world.connect()
    world.pass_time(14)
    assert world.restorations == []
    world.pass_time(2)
    assert len(world.restorations) == 1
