"""The rules of the relay core, each as a play."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import FAULTS
from server.policy import Policy
from server.relay.actions import Notice, Plan
from server.relay.core import HOLD_BYTES, Phase, RelayCore
from tests.support.playbook import UNIX_NOW, Playbook

SESSION: dict[str, Any] = {
    "type": "realtime",
    "instructions": "Be kind.",
    "audio": {
        "input": {"transcription": {"model": "whisper-1"}},
        "output": {"voice": "alloy"},
    },
}
APPEND = '{"type":"input_audio_buffer.append","audio":"%s"}'


def greeted(**plan: Any) -> Playbook:
    """Return a play in which the server's update was sent and not answered."""
    play = Playbook(**{"session": SESSION} | plan)
    play.dialled()
    play.upstream("session.created", session={"id": "sess_1", "expires_at": UNIX_NOW + 1800})
    play.client_gets("session.created")
    play.upstream_gets("session.update", event_id="parley_1", session=plan.get("session", SESSION))
    return play


def opened(**plan: Any) -> Playbook:
    """Return a play in which everything is set up."""
    play = greeted(**plan)
    play.upstream("session.updated", session={"id": "sess_1"})
    play.client_gets("session.updated")
    assert play.core.phase is Phase.OPEN
    return play


# Passing on.


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"response.cancel"}',
        '{ "type" : "input_audio_buffer.commit" ,\n "x": 1.0e2, "y": "\\u00fc\\/" }',
        '{"event_id":"e","type":"an.event.of.the.future","a":[{"b":null}]}',
    ],
)
def test_a_valid_client_event_is_passed_on_as_the_same_text(text: str) -> None:
    play = opened()
    play.client(text)
    play.upstream_gets(text)
    play.nothing_more()


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"response.output_audio.delta", "delta":"AAAA"}',
        '{"type":"response.done","response":{"usage":null}}',
        '{ "event_id":"e", "type" : "an.event.of.the.future", "n": 1e400, "n": 2 }',
        '{"type":"error","event_id":"e","error":{"type":"server_error","message":"\\u00fc"}}',
    ],
)
def test_an_upstream_event_is_passed_on_as_the_same_text(text: str) -> None:
    play = opened()
    play.upstream(text)
    play.client_gets(text)
    play.nothing_more()


@given(st.text() | st.sampled_from(['{"type":"a","type":"b"}', "[" * 10000, '{"type":1}', "NaN"]))
def test_any_text_of_a_client_is_answered_and_the_session_lives(text: str) -> None:
    play = opened()
    play.does(play.core.on_client(text, play.now))
    error = play.client_gets("error")["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] in ("invalid_json", "invalid_event")
    play.nothing_more()
    assert play.core.phase is Phase.OPEN


def test_an_event_that_is_refused_names_the_clients_event() -> None:
    play = opened()
    play.client("session.update", event_id="mine", session={"prompt": {"id": "p"}})
    play.client_gets_error("not_allowed", param="session.prompt", event_id="mine")
    play.client("response.create", event_id=5, response={"tools": [{"type": "mcp"}]})
    play.client_gets_error("not_allowed", param="response.tools[0]", event_id=None)
    play.nothing_more()
    assert play.counts["client_events_refused"] == 2


def test_the_policy_is_the_plans() -> None:
    play = opened(policy=Policy("passthrough"))
    play.client("session.update", session={"prompt": {"id": "p"}})
    play.upstream_gets("session.update")


def test_binary_of_a_client_is_refused_and_the_session_lives() -> None:
    play = opened()
    play.client_binary(b"\x00\x01")
    play.client_gets_error("binary_not_supported")
    assert play.core.phase is Phase.OPEN


@pytest.mark.parametrize("text", ["", "oops", "[]", '{"no":"type"}', '{"a":1,"a":2,"type":"x"}'])
def test_bad_data_of_the_upstream_ends_the_session(text: str) -> None:
    play = opened()
    play.does(play.core.on_upstream(text, play.now))
    play.client_gets_error("upstream_bad_data")
    play.closes("client", 1011)
    play.closes("upstream", 1011)


def test_upstream_bytes_that_are_no_text_end_the_session() -> None:
    play = opened()
    play.does(play.core.on_upstream_bad_data())
    play.client_gets_error("upstream_bad_data")
    play.closes("client", 1011)
    play.closes("upstream", 1011)


def test_a_session_created_that_is_no_json_ends_the_session() -> None:
    play = Playbook(session=SESSION)
    play.dialled()
    play.upstream('{"type":"session.created","session":')
    play.client_gets_error("upstream_bad_data")
    play.closes("client", 1011)
    play.closes("upstream", 1011)


# The server's own update.


def test_client_events_are_held_in_order_until_the_update_is_confirmed() -> None:
    play = Playbook(session=SESSION)
    texts = [f'{{"type":"response.cancel","n":{n}}}' for n in range(4)]
    play.client(texts[0])
    play.dialled()
    play.client(texts[1])
    play.upstream("session.created", session={"id": "sess_1"})
    play.client_gets("session.created")
    play.upstream_gets("session.update", event_id="parley_1")
    play.client(texts[2])
    play.client(texts[3])
    play.upstream("conversation.created")
    play.client_gets("conversation.created")
    play.upstream("session.updated", session={})
    play.client_gets("session.updated")
    for text in texts:
        play.upstream_gets(text)
    play.client("response.create")
    play.upstream_gets("response.create")
    play.nothing_more()


def test_without_an_update_nothing_is_held_once_dialled() -> None:
    play = Playbook(session=None)
    play.client('{"type":"response.create"}')
    play.dialled()
    play.upstream_gets('{"type":"response.create"}')
    play.client("response.cancel")
    play.upstream_gets("response.cancel")
    play.upstream("session.created", session={})
    play.client_gets("session.created")
    play.nothing_more()


def test_reading_the_client_stops_when_enough_is_held() -> None:
    play = greeted()
    text = APPEND % ("A" * 16_000)
    for _ in range(HOLD_BYTES // len(text) + 1):
        assert play.core.wants_client
        play.client(text)
    assert not play.core.wants_client
    play.upstream("session.updated", session={})
    play.client_gets("session.updated")
    assert play.core.wants_client
    for _ in range(HOLD_BYTES // len(text) + 1):
        play.upstream_gets(text)


def test_a_refused_event_is_not_held() -> None:
    play = greeted()
    play.client("session.update", session={"tracing": "auto"})
    play.client_gets_error("not_allowed")
    play.upstream("session.updated", session={})
    play.client_gets("session.updated")
    play.nothing_more()


def test_rejected_parts_are_dropped_once_each_with_a_warning() -> None:
    play = greeted(transcription_advice="Set THIS.")
    play.client("response.create")
    play.upstream("error", error={"type": "invalid_request_error", "event_id": "parley_1"})
    notice = play.client_gets("parley.notice", level="warning", code="transcription_rejected")
    assert "Set THIS." in notice["message"]
    session = play.upstream_gets("session.update", event_id="parley_3")["session"]
    assert session["audio"] == {"input": {}, "output": {"voice": "alloy"}}
    play.upstream("error", error={"type": "invalid_request_error", "event_id": "parley_3"})
    play.client_gets("parley.notice", code="voice_rejected")
    session = play.upstream_gets("session.update", event_id="parley_5")["session"]
    assert session["audio"] == {"input": {}, "output": {}}
    play.upstream("session.updated", session={})
    play.client_gets("session.updated")
    play.upstream_gets("response.create")
    play.nothing_more()


def test_an_update_that_is_rejected_without_optional_parts_ends_the_session() -> None:
    play = greeted(session={"type": "realtime"})
    play.upstream("error", error={"type": "invalid_request_error", "event_id": "parley_1"})
    play.client_gets_error("session_defaults_rejected")
    play.closes("client", 1011)
    play.closes("upstream", 1011)


def test_a_refused_account_is_not_taken_for_a_refused_part() -> None:
    play = greeted()
    play.upstream("error", error={"type": "invalid_request_error", "code": "invalid_api_key"})
    play.client_gets_error("upstream_auth_failed")
    play.closes("client", 1008)
    play.closes("upstream", 1008)


def test_an_unknown_model_of_the_transcription_is_a_refused_part() -> None:
    play = greeted()
    param = "session.audio.input.transcription.model"
    error = {"type": "invalid_request_error", "code": "model_not_found", "param": param}
    play.upstream("error", error=error)
    play.client_gets("parley.notice", code="transcription_rejected")
    play.upstream_gets("session.update")
    play.nothing_more()


def test_another_error_during_the_set_up_is_passed_on() -> None:
    play = greeted()
    play.upstream("error", error={"type": "server_error", "message": "Oh."})
    play.client_gets("error")
    play.upstream("error", error={"type": "invalid_request_error", "event_id": "other"})
    play.client_gets("error")
    play.nothing_more()
    assert play.core.phase is Phase.CONFIGURING


@pytest.mark.parametrize("is_greeted", [False, True])
def test_an_upstream_that_does_not_answer_in_the_set_up_ends_the_session(is_greeted: bool) -> None:
    play = Playbook(session=SESSION)
    play.dialled()
    play.after(6)
    if is_greeted:  # what was done so far gives no more time: held events wait 10 s at most
        play.upstream("session.created", session={"id": "sess_1"})
        play.client_gets("session.created")
        play.upstream_gets("session.update")
    play.after(3.9)
    play.nothing_more()
    play.after(0.1)
    play.client_gets_error("upstream_timeout")
    play.closes("client", FAULTS["upstream_timeout"].close_code)
    play.closes("upstream", FAULTS["upstream_timeout"].close_code)


def test_an_error_before_session_created_becomes_a_fault() -> None:
    play = Playbook(session=SESSION)
    play.dialled()
    play.upstream(
        "error",
        error={"type": "invalid_request_error", "code": "invalid_api_key", "message": "sk-123"},
    )
    error = play.client_gets_error("upstream_auth_failed")
    assert "sk-123" not in error["message"]
    play.closes("client", FAULTS["upstream_auth_failed"].close_code, "upstream_auth_failed")
    play.closes("upstream", FAULTS["upstream_auth_failed"].close_code)


# The ends.


def test_a_dial_that_fails_is_told_and_closed() -> None:
    play = Playbook(session=SESSION)
    play.does(play.core.on_dial_failed(FAULTS["upstream_unreachable"]))
    error = play.client_gets_error("upstream_unreachable")
    assert FAULTS["upstream_unreachable"].advice in error["message"]
    play.closes("client", 1013)
    play.closes("upstream", 1013)


@pytest.mark.parametrize(
    ("code", "passed"), [(1000, 1000), (1001, 1001), (4001, 4001), (1005, 1011), (1006, 1011)]
)
def test_the_clients_close_is_passed_on(code: int, passed: int) -> None:
    play = opened()
    play.does(play.core.on_client_closed(code, "bye"))
    play.closes("upstream", passed, "bye")
    play.nothing_more()
    assert play.core.facts()["close_side"] == "client"
    assert play.core.facts()["close_code"] == code


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1013, 3000, 4000])
def test_the_upstreams_close_is_passed_on(code: int) -> None:
    play = opened()
    play.does(play.core.on_upstream_closed(code, "Your session hit the maximum duration."))
    play.closes("client", code, "Your session hit the maximum duration.")
    play.nothing_more()


@pytest.mark.parametrize("code", [1005, 1006, 1015, 0])
def test_an_upstream_that_vanishes_is_told_and_becomes_1011(code: int) -> None:
    play = opened()
    play.does(play.core.on_upstream_closed(code, ""))
    play.client_gets_error("upstream_closed")
    play.closes("client", 1011)
    play.closes("upstream", 1011)


def test_an_upstream_that_closes_before_session_created_is_told_with_its_code() -> None:
    play = Playbook(session=SESSION)
    play.dialled()
    play.does(play.core.on_upstream_closed(4000, "beta"))
    play.client_gets_error("upstream_closed")
    play.closes("client", 4000, "beta")
    play.closes("upstream", 4000)


@pytest.mark.parametrize(
    ("leg", "code"), [("client", "slow_client"), ("upstream", "slow_upstream")]
)
def test_a_leg_that_takes_nothing_ends_both(leg: Any, code: str) -> None:
    play = opened()
    play.does(play.core.on_stalled(leg))
    play.client_gets_error(code)
    play.closes("client", 1013, code)
    play.closes("upstream", 1013, code)


def test_a_bug_of_ours_ends_both() -> None:
    play = opened()
    play.does(play.core.on_bug())
    play.client_gets_error("internal_error")
    play.closes("client", 1011)
    play.closes("upstream", 1011)


def test_after_the_end_nothing_comes_of_anything() -> None:
    play = opened()
    play.does(play.core.on_client_closed(1000, ""))
    play.closes("upstream", 1000)
    play.client("response.create")
    play.client_binary(b"")
    play.upstream("session.updated", session={})
    play.dialled()
    play.does(play.core.on_upstream_closed(1000, ""))
    play.does(play.core.on_client_closed(1000, ""))
    play.does(play.core.on_upstream_bad_data())
    play.does(play.core.on_stalled("client"))
    play.does(play.core.on_bug())
    play.does(play.core.on_time(1e9))
    play.nothing_more()


# Time.


def test_the_page_is_told_before_the_upstreams_end() -> None:
    play = opened()
    play.after(1800 - 121)
    play.nothing_more()
    play.after(1)
    play.client_gets("parley.session_expiring", expires_at=int(UNIX_NOW) + 1800, seconds_left=120)
    play.after(90)
    play.client_gets("parley.session_expiring", seconds_left=30)
    play.after(300)
    play.nothing_more()


def test_a_client_without_extras_gets_no_events_of_ours() -> None:
    play = Playbook(has_extras=False, notices=(Notice("info", "x", "X"),))
    play.dialled()
    play.upstream("session.created", session={"expires_at": UNIX_NOW + 60})
    play.client_gets("session.created")
    play.after(3600)
    play.nothing_more()


def test_a_session_ends_at_its_limit() -> None:
    play = opened(session_limit_s=600)
    play.after(480)
    play.client_gets("parley.session_expiring", seconds_left=120)
    play.after(90)
    play.client_gets("parley.session_expiring", seconds_left=30)
    play.after(30)
    play.client_gets_error("session_limit_reached")
    play.closes("client", FAULTS["session_limit_reached"].close_code)
    play.closes("upstream", FAULTS["session_limit_reached"].close_code)


def test_an_idle_session_ends_though_silence_is_sent() -> None:
    play = opened(idle_limit_s=300)
    play.after(200)
    play.client(APPEND % "AAAA")
    play.upstream_gets("input_audio_buffer.append")
    play.after(99)
    play.nothing_more()
    play.after(1)
    play.client_gets_error("session_idle")
    play.closes("client", FAULTS["session_idle"].close_code)
    play.closes("upstream", FAULTS["session_idle"].close_code)


def test_speech_keeps_a_session_alive() -> None:
    play = opened(idle_limit_s=300)
    for _ in range(4):
        play.after(299)
        play.upstream("input_audio_buffer.speech_started")
        play.client_gets("input_audio_buffer.speech_started")
    play.after(300)
    play.client_gets_error("session_idle")
    play.closes("client", FAULTS["session_idle"].close_code)
    play.closes("upstream", FAULTS["session_idle"].close_code)


# Telling.


def test_notices_of_the_plan_come_first() -> None:
    play = Playbook(session=SESSION, notices=(Notice("info", "engine_starting", "Wait."),))
    play.client_gets("parley.notice", level="info", code="engine_starting", message="Wait.")
    play.nothing_more()


def test_what_this_side_has_to_tell_goes_to_pages_that_are_there() -> None:
    busy = Notice("warning", "engine_busy", "Wait.")
    for has_extras, count in ((True, 2), (False, 0)):
        core = RelayCore(Plan(has_extras=has_extras), now=0, unix_now=0, new_id=lambda _: "event_1")
        assert len(core.on_notice(busy)) == count
        core.on_client_closed(1000, "")
        assert core.on_notice(busy) == []


def test_a_transcription_that_fails_is_explained_once() -> None:
    failed = "conversation.item.input_audio_transcription.failed"
    play = opened(transcription_advice="Set THIS.")
    play.upstream(failed, item_id="item_1")
    play.client_gets(failed)
    notice = play.client_gets("parley.notice", level="warning", code="transcription_failed")
    assert notice["message"].endswith("Set THIS.")
    play.upstream(failed, item_id="item_2")
    play.client_gets(failed)
    play.nothing_more()
    play = opened()
    play.upstream(failed, item_id="item_1")
    play.client_gets(failed)
    play.nothing_more()


def test_a_secret_reaches_the_client_in_no_way() -> None:
    play = opened(secrets=("sk-canary-1",))
    play.upstream("error", error={"type": "server_error", "message": "key sk-canary-1"})
    assert play.client_gets("error")["error"]["message"] == "key [removed]"
    play.upstream("an.event.of.the.future", x=["sk-canary-1"])
    play.client_gets("an.event.of.the.future", x=["[removed]"])
    play.does(play.core.on_upstream_closed(1008, "bad key sk-canary-1"))
    play.closes("client", 1008, "bad key [removed]")


def test_the_session_is_counted() -> None:
    play = opened()
    play.client(APPEND % ("A" * 6400))
    play.upstream_gets("input_audio_buffer.append")
    play.upstream("input_audio_buffer.speech_stopped")
    play.client_gets("input_audio_buffer.speech_stopped")
    play.upstream("input_audio_buffer.committed")
    play.client_gets("input_audio_buffer.committed")
    play.upstream("response.created")
    play.client_gets("response.created")
    play.after(0.25)
    for _ in range(2):
        play.upstream("response.output_audio.delta", delta="A" * 3200)
        play.client_gets("response.output_audio.delta")
    play.client("conversation.item.create", item={"type": "message", "role": "user"})
    play.upstream_gets("conversation.item.create")
    play.client("response.create")
    play.upstream_gets("response.create")
    assert play.counts == {
        "turns": 2,
        "responses": 1,
        "audio_in_us": 100_000,
        "audio_out_us": 100_000,
    }
    facts = play.core.facts()
    assert facts["session_id"] == "sess_1"
    assert facts["first_audio_ms_p50"] == 250


def test_g711_is_counted_at_its_own_rate() -> None:
    play = greeted()
    side = {"format": {"type": "audio/pcmu"}}
    play.upstream("session.updated", session={"audio": {"input": side, "output": side}})
    play.client_gets("session.updated")
    play.client(APPEND % ("A" * 3200))
    play.upstream_gets("input_audio_buffer.append")
    assert play.counts["audio_in_us"] == 300_000


def test_odd_shapes_of_known_events_do_no_harm() -> None:
    play = Playbook(session=SESSION)
    play.dialled()
    play.upstream("session.created", session="odd")
    play.client_gets("session.created")
    play.upstream_gets("session.update")
    play.upstream("error", error="odd")
    play.client_gets("error")
    play.upstream("session.updated", session=[1])
    play.client_gets("session.updated")
    play.client("input_audio_buffer.append", audio=5)
    play.upstream_gets("input_audio_buffer.append")
    play.client("conversation.item.create", item=5)
    play.upstream_gets("conversation.item.create")
    play.upstream("response.output_audio.delta", delta=5)
    play.client_gets("response.output_audio.delta")
    play.upstream("session.created", session={})
    play.client_gets("session.created")
    play.nothing_more()


def test_everything_said_is_strict_json() -> None:
    play = opened(session_limit_s=10)
    play.does(play.core.on_client("\ud800", play.now))
    text = json.dumps(play.client_gets("error"))
    assert "\\ud800" not in text


def test_the_log_knows_what_the_client_calls_its_session() -> None:
    assert Playbook(client_session_id="sess_mine").core.facts()["client_session_id"] == "sess_mine"
    assert "client_session_id" not in Playbook().core.facts()
