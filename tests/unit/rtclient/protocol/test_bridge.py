"""The bridge: what crosses between a preview peer and the GA inside."""

import copy
import json
from typing import Any

import pytest

from rtclient.protocol.bridge import (
    Crossing,
    GaClient,
    PreviewClient,
    PreviewUpstream,
    handshake_dialect,
)


def texts(*events: dict[str, Any]) -> tuple[str, ...]:
    return tuple(json.dumps(event) for event in events)


def events(crossing: Crossing) -> list[dict[str, Any]]:
    return [json.loads(text) for text in crossing.texts]


def to_client(event: dict[str, Any], client: PreviewClient | None = None) -> dict[str, Any]:
    (text,) = (client or PreviewClient()).to_outer(json.dumps(event)).texts
    result: dict[str, Any] = json.loads(text)
    return result


def from_client(event: dict[str, Any], client: PreviewClient | None = None) -> dict[str, Any]:
    (text,) = (client or PreviewClient()).to_inner(json.dumps(event)).texts
    result: dict[str, Any] = json.loads(text)
    return result


def message(role: str, *content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "item_1", "type": "message", "role": role, "content": list(content)} | more


GA_SESSION: dict[str, Any] = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime",
    "output_modalities": ["audio"],
    "instructions": "Be kind.",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": {"type": "server_vad", "threshold": 0.5, "idle_timeout_ms": None},
        },
        "output": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "voice": "alloy",
            "speed": 1.0,
        },
    },
}
PREVIEW_SESSION: dict[str, Any] = {
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime",
    "modalities": ["audio", "text"],
    "instructions": "Be kind.",
    "tools": [],
    "tool_choice": "auto",
    "max_response_output_tokens": "inf",
    "tracing": None,
    "input_audio_format": "pcm16",
    "input_audio_transcription": None,
    "input_audio_noise_reduction": None,
    "turn_detection": {"type": "server_vad", "threshold": 0.5},
    "output_audio_format": "pcm16",
    "voice": "alloy",
    "speed": 1.0,
    "temperature": 0.8,
}


# What a handshake shows ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "subprotocols", "header", "dialect"),
    [
        ("/v1/realtime", (), None, "ga"),
        ("/openai/v1/realtime", (), None, "ga"),
        ("/ws", (), None, "ga"),
        ("/openai/realtime", (), None, "preview"),
        ("/v1/realtime", (), "realtime=v1", "preview"),
        ("/v1/realtime", (), "assistants=v2, Realtime = v1", "preview"),
        ("/v1/realtime", (), "assistants=v2", "ga"),
        ("/v1/realtime", ("realtime", "openai-beta.realtime-v1"), None, "preview"),
        ("/v1/realtime", ("realtime", "openai-insecure-api-key.x"), None, "ga"),
    ],
)
def test_the_handshake_gives_the_first_guess(
    path: str, subprotocols: tuple[str, ...], header: str | None, dialect: str
) -> None:
    assert handshake_dialect(path, subprotocols, header) == dialect


# A preview client ---------------------------------------------------------------------------------


def test_a_client_sees_a_flat_session() -> None:
    event = {"type": "session.created", "event_id": "e", "session": GA_SESSION}
    crossing = PreviewClient().to_outer(json.dumps(event))
    assert events(crossing) == [event | {"session": PREVIEW_SESSION}]
    assert crossing.lost == ()


def test_a_clients_update_says_that_it_is_of_a_conversation() -> None:
    update = {"type": "session.update", "session": {"turn_detection": None, "voice": "ash"}}
    assert from_client(update)["session"] == {
        "type": "realtime",
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "ash"}},
    }


def test_a_temperature_is_lost_on_a_ga_upstream_and_shown_to_its_client() -> None:
    client = PreviewClient()
    update = {"type": "session.update", "session": {"temperature": 0.7}}
    assert client.to_inner(json.dumps(update)).lost == ("session.temperature",)
    updated = {"type": "session.updated", "event_id": "e", "session": GA_SESSION}
    assert to_client(updated, client)["session"]["temperature"] == 0.7


def test_a_temperature_reaches_a_preview_upstream() -> None:
    update = {"type": "session.update", "session": {"temperature": 0.7}}
    client, upstream = PreviewClient(upstream="preview"), PreviewUpstream()
    (inner,) = client.to_inner(json.dumps(update)).texts
    assert events(upstream.to_outer(inner)) == [update]


def test_a_voice_that_preview_lacks_is_shown_as_one_that_old_clients_know() -> None:
    output = GA_SESSION["audio"]["output"] | {"voice": "marin"}
    session = GA_SESSION | {"audio": GA_SESSION["audio"] | {"output": output}}
    created = json.dumps({"type": "session.created", "event_id": "e", "session": session})
    client = PreviewClient()
    crossing = client.to_outer(created)
    assert events(crossing)[0]["session"]["voice"] == "alloy"
    assert "session.voice" in crossing.lost
    client.to_inner(json.dumps({"type": "session.update", "session": {"voice": "marin"}}))
    assert events(client.to_outer(created))[0]["session"]["voice"] == "marin"


def test_an_item_is_created_once_for_a_client() -> None:
    client = PreviewClient()
    item = message("assistant", {"type": "output_audio"}, status="in_progress")
    added = {"type": "conversation.item.added", "event_id": "e", "item": item}
    created = to_client(added, client)
    assert created["type"] == "conversation.item.created"
    assert created["previous_item_id"] is None
    assert created["item"]["object"] == "realtime.item"
    assert created["item"]["content"] == [{"type": "audio", "transcript": None}]
    assert client.to_outer(json.dumps(added | {"type": "conversation.item.done"})) == Crossing(())


@pytest.mark.parametrize("name", ["timeout_triggered", "dtmf_event_received"])
def test_events_that_preview_lacks_are_named_and_not_sent(name: str) -> None:
    event_type = f"input_audio_buffer.{name}"
    crossing = PreviewClient().to_outer(json.dumps({"type": event_type, "event_id": "e"}))
    assert crossing == Crossing((), (event_type,))


def test_a_response_has_the_keys_that_old_models_require() -> None:
    said = message("assistant", {"type": "output_text", "text": "x"}, status="completed")
    response = {
        "id": "resp_1",
        "status": "completed",
        "output": [said],
        "output_modalities": ["audio"],
        "audio": {"output": {"voice": "alloy", "format": {"type": "audio/pcm", "rate": 24000}}},
        "max_output_tokens": "inf",
        "usage": {"total_tokens": 3, "input_token_details": {"text_tokens": 1}},
    }
    done = to_client({"type": "response.done", "event_id": "e", "response": response})["response"]
    assert done["object"] == "realtime.response"
    assert done["status_details"] is None
    assert done["modalities"] == ["audio", "text"]
    assert done["voice"] == "alloy"
    assert done["output_audio_format"] == "pcm16"
    assert done["max_output_tokens"] == "inf"
    assert done["temperature"] == 0.8
    assert done["output"][0]["content"] == [{"type": "text", "text": "x"}]
    assert done["usage"] == {
        "total_tokens": 3,
        "input_tokens": 0,
        "output_tokens": 0,
        "input_token_details": {"cached_tokens": 0, "text_tokens": 1, "audio_tokens": 0},
        "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
    }
    assert "audio" not in done
    assert "output_modalities" not in done


def test_a_call_is_named_when_its_arguments_are_done() -> None:
    item = {"id": "item_1", "type": "function_call", "name": "look", "call_id": "c"}
    added = json.dumps({"type": "response.output_item.added", "event_id": "e", "item": item})
    done = {"type": "response.function_call_arguments.done", "event_id": "e", "item_id": "item_1"}
    client, upstream = PreviewClient(), PreviewUpstream()
    client.to_outer(added)
    assert to_client(done, client)["name"] == "look"
    upstream.to_inner(added)
    assert events(upstream.to_inner(json.dumps(done)))[0]["name"] == "look"


def test_a_transcription_session_has_events_of_its_own_in_preview() -> None:
    update = {"type": "transcription_session.update", "session": {"input_audio_format": "pcm16"}}
    ga = from_client(update)
    pcm = {"type": "audio/pcm", "rate": 24000}
    session = {"type": "transcription", "audio": {"input": {"format": pcm}}}
    assert ga == {"type": "session.update", "session": session}
    assert events(PreviewUpstream().to_outer(json.dumps(ga))) == [update]
    for name in ("created", "updated"):
        told = {"type": f"session.{name}", "event_id": "e", "session": session}
        flat = to_client(told)
        assert flat["type"] == f"transcription_session.{name}"
        assert "voice" not in flat["session"]
        (back,) = events(PreviewUpstream().to_inner(json.dumps(flat)))
        assert back["type"] == f"session.{name}"
        assert back["session"]["type"] == "transcription"


def test_an_error_names_the_clients_own_field() -> None:
    error = {"type": "invalid_request_error", "message": "Bad 'session.audio.output.voice'."}
    told = to_client({"type": "error", "event_id": "e", "error": error})
    assert told["error"]["message"] == "Bad 'session.voice'."


@pytest.mark.parametrize("spelling", ["max_output_tokens", "max_response_output_tokens"])
def test_an_error_spells_the_limit_of_a_response_as_the_client_does(spelling: str) -> None:
    client = PreviewClient()
    create = from_client({"type": "response.create", "response": {spelling: 0}}, client)
    assert create["response"] == {"max_output_tokens": 0}
    error = {"type": "invalid_request_error", "param": "response.max_output_tokens"}
    told = to_client({"type": "error", "event_id": "e", "error": error}, client)
    assert told["error"]["param"] == f"response.{spelling}"


@pytest.mark.parametrize(
    "name", ["session.update", "response.create", "conversation.item.create", "session.created"]
)
def test_nothing_is_put_in_where_the_peer_said_nothing(name: str) -> None:
    text = json.dumps({"type": name, "event_id": "e"})
    for cross in (PreviewClient().to_inner, PreviewClient().to_outer, PreviewUpstream().to_outer):
        assert cross(text) == Crossing((text,))


# A GA client of a preview upstream ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"), [("session.updated", "session"), ("response.done", "response")]
)
def test_a_ga_client_is_not_shown_what_only_preview_has(name: str, key: str) -> None:
    event = {"type": name, "event_id": "e", key: {"id": "x", "temperature": 0.8}}
    crossing = GaClient().to_outer(json.dumps(event))
    assert events(crossing) == [event | {key: {"id": "x"}}]
    assert crossing.lost == (), "nobody asked for it"


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "session.updated", "session": {"id": "x"}}',
        '{"type": "session.updated", "session": 5}',
        '{"type": "response.output_audio.delta", "temperature": 1}',
    ],
)
def test_a_ga_client_gets_all_else_as_it_is(text: str) -> None:
    assert GaClient().to_outer(text) == Crossing((text,))


# A preview upstream -------------------------------------------------------------------------------


def test_an_item_of_a_person_is_done_as_soon_as_it_is_added() -> None:
    item = message("user", {"type": "input_text", "text": "x"}, status="completed")
    created = {"type": "conversation.item.created", "event_id": "e", "item": item}
    added, done = events(PreviewUpstream().to_inner(json.dumps(created)))
    assert added == created | {"type": "conversation.item.added"}
    assert done == added | {"type": "conversation.item.done", "event_id": "e_done"}


def response_item(status: str) -> dict[str, Any]:
    return message("assistant", {"type": "audio", "transcript": "x"}, status=status)


def test_an_item_of_a_response_is_done_behind_its_last_event() -> None:
    upstream = PreviewUpstream()
    created = {"type": "conversation.item.created", "event_id": "e", "previous_item_id": "item_0"}
    created["item"] = response_item("in_progress")  # type: ignore[assignment]
    (added,) = events(upstream.to_inner(json.dumps(created)))
    assert added["type"] == "conversation.item.added"
    out = {"type": "response.output_item.done", "event_id": "f", "item": response_item("completed")}
    first, done = events(upstream.to_inner(json.dumps(out)))
    assert first["type"] == "response.output_item.done"
    assert done["type"] == "conversation.item.done"
    assert done["event_id"] == "f_done"
    assert done["previous_item_id"] == "item_0"
    assert done["item"]["status"] == "completed"
    assert done["item"]["content"] == [{"type": "output_audio", "transcript": "x"}]
    assert len(upstream.to_inner(json.dumps(out)).texts) == 1, "once per item"


def test_an_item_that_was_cut_off_is_done_before_its_response() -> None:
    upstream = PreviewUpstream()
    created = {"type": "conversation.item.created", "event_id": "e"}
    created["item"] = response_item("in_progress")  # type: ignore[assignment]
    upstream.to_inner(json.dumps(created))
    response = {"id": "resp_1", "output": [response_item("incomplete")]}
    end = {"type": "response.done", "event_id": "f", "response": response}
    done, response_done = events(upstream.to_inner(json.dumps(end)))
    assert done["type"] == "conversation.item.done"
    assert done["item"]["status"] == "incomplete"
    assert response_done["type"] == "response.done"


def test_an_upstreams_session_becomes_ga() -> None:
    event = {"type": "session.updated", "event_id": "e", "session": PREVIEW_SESSION}
    (updated,) = events(PreviewUpstream().to_inner(json.dumps(event)))
    ga = copy.deepcopy(GA_SESSION) | {"temperature": 0.8}
    del ga["truncation"]
    ga["audio"]["input"]["turn_detection"].pop("idle_timeout_ms")
    assert updated["session"] == ga


# Text ---------------------------------------------------------------------------------------------


RENAMED = [
    ("response.output_audio.delta", "response.audio.delta"),
    ("response.output_text.done", "response.text.done"),
    ("response.output_audio_transcript.delta", "response.audio_transcript.delta"),
]


@pytest.mark.parametrize(("ga", "preview"), RENAMED)
@pytest.mark.parametrize(
    "form",
    [
        '{"type":"%s","event_id":"e","delta":"AAAA"}',
        '{"type":"%s","event_id":"%s","delta":"\\"type\\":\\"%s\\"","%s":"%s"}',
        '{"event_id":"%s","type":"%s","delta":"\\u0041"}',
        ' {\n "type" : "%s", "delta": "1e2" , "n": 1e2}\r\n',
        '{"event_id":"\\"type\\":\\"%s\\"","type":"%s"}',
        '{"delta":"%s","type":"%s"}',
    ],
)
def test_a_delta_keeps_every_byte_but_its_name(form: str, ga: str, preview: str) -> None:
    """Whatever stands around it, and where else the name stands."""
    outer = form.replace("%s", ga)
    expected = form.replace('"type":"%s"', f'"type":"{preview}"')
    expected = expected.replace('"type" : "%s"', f'"type" : "{preview}"').replace("%s", ga)
    (text,) = PreviewClient().to_outer(outer).texts
    if text != expected:  # only where the type is not near the start, the event is written anew
        assert form.startswith(('{"delta"', '{"event_id":"\\"'))
        assert json.loads(text) == json.loads(expected)
    (back,) = PreviewUpstream().to_inner(text).texts
    assert json.loads(back) == json.loads(outer)


@pytest.mark.parametrize(("ga", "preview"), RENAMED)
def test_a_name_with_an_escape_is_read_for_what_it_is(ga: str, preview: str) -> None:
    text = json.dumps({"type": ga, "delta": "AAAA"}).replace(".", "\\u002e")
    (left,) = PreviewClient().to_outer(text).texts
    assert json.loads(left) == {"type": preview, "delta": "AAAA"}


def test_a_change_cannot_be_hidden_behind_an_escape() -> None:
    text = '{"type":"session\\u002eupdate","session":{"voice":"ash"}}'
    (left,) = PreviewClient().to_inner(text).texts
    assert json.loads(left)["session"] == {
        "type": "realtime",
        "audio": {"output": {"voice": "ash"}},
    }
    long = "".join(f"\\u{ord(letter):04x}" for letter in "response.output_text.delta")
    (left,) = PreviewClient().to_outer(f'{{"type":"{long}"}}').texts
    assert json.loads(left) == {"type": "response.text.delta"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        '{"type":"session.update"',
        '{"type":"session.update","type":"session.update","session":{"voice":"ash"}}',
        "[]",
        '{"type": "response.cancel" }',
        '{\n "type": "conversation.item.create",\n "item": {"role": "user"}\n}',
        '{"type":"parley.notice","level":"info"}',
        '{"type":"some.future.event","x":1E2}',
    ],
)
def test_what_needs_no_change_keeps_its_bytes(text: str) -> None:
    for cross in (PreviewClient().to_inner, PreviewUpstream().to_inner, PreviewUpstream().to_outer):
        assert cross(text) == Crossing((text,))


def test_what_is_remembered_is_bounded() -> None:
    upstream, client = PreviewUpstream(), PreviewClient()
    for number in range(3000):
        item = response_item("in_progress") | {"id": f"item_{number}"}
        created = {"type": "conversation.item.created", "event_id": "e", "item": item}
        upstream.to_inner(json.dumps(created))
        call = {"id": f"item_{number}", "type": "function_call", "name": "look"}
        added = {"type": "response.output_item.added", "event_id": "e", "item": call}
        upstream.to_inner(json.dumps(added))
        client.to_outer(json.dumps(added))
    kept = [upstream._unfinished, upstream._call_names, client._call_names]
    assert max(map(len, kept)) <= 1000
