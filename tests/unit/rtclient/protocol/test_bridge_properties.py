"""The bridge for any values: there and back is the same, nothing raises, every event crosses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.protocol.bridge import Crossing, PreviewClient, PreviewUpstream
from rtclient.protocol.codec import decode, encode
from rtclient.protocol.dialects import (
    item_to_ga,
    item_to_preview,
    response_to_ga,
    response_to_preview,
    session_to_ga,
    session_to_preview,
)
from rtclient.protocol.events import CLIENT_EVENTS, SERVER_EVENTS

# What the preview dialect had, by the beta types of the `openai` package and the reference.
PREVIEW_CLIENT = CLIENT_EVENTS | {"transcription_session.update"}
GA_NAMES_ONLY = {
    "conversation.item.added",
    "conversation.item.done",
    "input_audio_buffer.timeout_triggered",
    "input_audio_buffer.dtmf_event_received",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
}
PREVIEW_SERVER = (SERVER_EVENTS - GA_NAMES_ONLY) | {
    "transcription_session.created",
    "transcription_session.updated",
    "conversation.item.created",
    "response.text.delta",
    "response.text.done",
    "response.audio.delta",
    "response.audio.done",
    "response.audio_transcript.delta",
    "response.audio_transcript.done",
}

words = st.text(max_size=8)
numbers = st.integers(-9, 9) | st.sampled_from([0.5, 0.8, 1.1])
anything = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def fields(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=strategies)


def nonempty(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return fields(**strategies).filter(bool)


# The mapped subset: what both dialects can say ------------------------------------------------

detections = st.none() | fields(
    type=st.sampled_from(["server_vad", "semantic_vad"]),
    threshold=numbers,
    silence_duration_ms=numbers,
    create_response=st.booleans(),
)
transcriptions = st.none() | fields(model=words, language=words, prompt=words)
shared = {
    "model": words,
    "instructions": words,
    "tools": st.lists(fields(type=st.just("function"), name=words), max_size=2),
    "tool_choice": st.sampled_from(["auto", "none"]) | fields(type=words, name=words),
    "tracing": st.none() | st.just("auto"),
    "include": st.none() | st.lists(words, max_size=1),
    "prompt": st.none() | fields(id=words),
    "some_day": anything,
}
ga_formats = st.sampled_from(
    [{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}]
)
formats = st.sampled_from(["pcm16", "g711_ulaw", "g711_alaw"])
modalities = st.sampled_from([["audio", "text"], ["text"]])
ga_modalities = st.sampled_from([["audio"], ["text"]])
tokens = st.just("inf") | numbers

flat_sessions = fields(
    modalities=modalities,
    voice=words,
    speed=numbers,
    input_audio_format=formats,
    output_audio_format=formats,
    input_audio_transcription=transcriptions,
    input_audio_noise_reduction=st.none() | fields(type=words),
    turn_detection=detections,
    max_response_output_tokens=tokens,
    **shared,
)
ga_audio = nonempty(
    input=nonempty(
        format=ga_formats,
        transcription=transcriptions,
        noise_reduction=st.none() | fields(type=words),
        turn_detection=detections,
        some_day=anything,
    ),
    output=nonempty(format=ga_formats, voice=words, speed=numbers, some_day=anything),
)
ga_sessions = fields(
    output_modalities=ga_modalities, max_output_tokens=tokens, audio=ga_audio, **shared
).map(lambda session: {"type": "realtime"} | session)


def items(text: str, audio: str) -> st.SearchStrategy[dict[str, Any]]:
    """Items whose assistant's parts are called so."""
    parts = fields(text=words, transcript=st.none() | words)
    said = st.builds(
        lambda part, kind: part | {"type": kind}, parts, st.sampled_from([text, audio])
    )
    heard = st.builds(lambda part: part | {"type": "input_text"}, parts)
    content = {"type": st.just("message"), "id": words, "status": st.just("completed")}
    return (
        st.fixed_dictionaries(
            content | {"role": st.just("assistant"), "content": st.lists(said, max_size=2)}
        )
        | st.fixed_dictionaries(
            content
            | {"role": st.sampled_from(["user", "system"]), "content": st.lists(heard, max_size=2)}
        )
        | fields(type=st.just("function_call"), id=words, name=words, arguments=words)
        | fields(type=st.just("item_reference"), id=words)
    )


flat_items, ga_items = items("text", "audio"), items("output_text", "output_audio")
response_shared = {
    "instructions": words,
    "max_output_tokens": tokens,
    "metadata": st.none() | fields(a=words),
    "conversation": st.sampled_from(["auto", "none"]),
    "some_day": anything,
}
flat_responses = fields(
    modalities=modalities,
    voice=words,
    output_audio_format=formats,
    input=st.lists(flat_items, max_size=2),
    output=st.lists(flat_items, max_size=2),
    **response_shared,
)
ga_responses = fields(
    output_modalities=ga_modalities,
    audio=nonempty(output=nonempty(voice=words, format=ga_formats)),
    input=st.lists(ga_items, max_size=2),
    output=st.lists(ga_items, max_size=2),
    **response_shared,
)


@given(flat_sessions)
def test_a_flat_session_comes_back_as_it_was(session: dict[str, Any]) -> None:
    lost: list[str] = []
    before = encode(session)
    assert session_to_preview(session_to_ga(session, lost), lost) == session
    assert (lost, encode(session)) == ([], before)


@given(ga_sessions)
def test_a_ga_session_comes_back_as_it_was(session: dict[str, Any]) -> None:
    lost: list[str] = []
    before = encode(session)
    assert session_to_ga(session_to_preview(session, lost), lost) == session
    assert (lost, encode(session)) == ([], before)


@given(flat_responses)
def test_a_flat_response_comes_back_as_it_was(response: dict[str, Any]) -> None:
    lost: list[str] = []
    assert response_to_preview(response_to_ga(response, lost), lost) == response
    assert lost == []


@given(ga_responses)
def test_a_ga_response_comes_back_as_it_was(response: dict[str, Any]) -> None:
    lost: list[str] = []
    assert response_to_ga(response_to_preview(response, lost), lost) == response
    assert lost == []


@given(flat_items, ga_items)
def test_an_item_comes_back_as_it_was(flat: dict[str, Any], ga: dict[str, Any]) -> None:
    assert item_to_preview(item_to_ga(flat)) == flat
    assert item_to_ga(item_to_preview(ga)) == ga


@given(
    st.one_of(
        st.builds(lambda s: {"type": "session.update", "session": s}, flat_sessions),
        st.builds(lambda r: {"type": "response.create", "response": r}, flat_responses),
        st.builds(lambda i: {"type": "conversation.item.create", "item": i}, flat_items),
    )
)
def test_a_preview_clients_event_reaches_a_preview_upstream_as_it_was(
    event: dict[str, Any],
) -> None:
    (inner,) = PreviewClient("preview").to_inner(encode(event)).texts
    (outer,) = PreviewUpstream().to_outer(inner).texts
    assert decode(outer) == event


@given(
    st.one_of(
        st.builds(lambda s: {"type": "session.updated", "session": s}, ga_sessions),
        st.builds(lambda r: {"type": "response.done", "response": r}, ga_responses),
        st.builds(lambda i: {"type": "response.output_item.done", "item": i}, ga_items),
    )
)
def test_a_ga_event_comes_back_with_what_old_clients_need_besides(event: dict[str, Any]) -> None:
    """Also the other way round: on its way it may gain keys, and loses none."""
    (outer,) = PreviewClient().to_outer(encode(event)).texts
    (inner,) = PreviewUpstream().to_inner(outer).texts
    assert contains(decode(inner), event)


def contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(
            key in whole and contains(whole[key], part[key]) for key in part if key != "voice"
        )
    if isinstance(whole, list) and isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


# Anything at all ------------------------------------------------------------------------------

names = st.sampled_from(sorted(PREVIEW_CLIENT | PREVIEW_SERVER | SERVER_EVENTS)) | words
keys = st.sampled_from(
    "session response item part error item_id event_id previous_item_id audio input output format"
    " voice turn_detection modalities type id content role usage status temperature param message"
    " output_modalities".split()
)
values = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | words
    | st.sampled_from(["assistant", "message", "audio"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys | words, inner, max_size=4),
    max_leaves=12,
)
events = st.builds(lambda name, body: {"type": name} | body, names, st.dictionaries(keys, values))


def crossings() -> list[Callable[[str], Crossing]]:
    client, upstream, kept = PreviewClient(), PreviewUpstream(), PreviewClient("preview")
    return [
        *(client.to_inner, client.to_outer, kept.to_inner, kept.to_outer),
        *(upstream.to_inner, upstream.to_outer),
    ]


@given(st.lists(events.map(json.dumps) | values.map(json.dumps) | st.text(), max_size=4))
def test_whatever_comes_nothing_raises_and_what_leaves_is_as_good(texts: list[str]) -> None:
    for cross in crossings():
        for text in texts:
            crossing = cross(text)
            for left in crossing.texts:
                assert left == text or decode(left)
            assert all(name.replace("_", "").replace(".", "").isalpha() for name in crossing.lost)


@given(st.sampled_from(sorted(GA_NAMES_ONLY)), st.text(), st.text())
def test_a_renamed_event_has_the_new_name_and_all_else(name: str, event_id: str, x: str) -> None:
    """Whatever stands in its other strings, and in whatever order they come."""
    for event in ({"event_id": event_id, "type": name, "x": x}, {"x": x, "type": name, name: name}):
        for text in (json.dumps(event), json.dumps(event, ensure_ascii=False, indent=1)):
            for left in PreviewClient().to_outer(text).texts:
                crossed = json.loads(left)
                assert crossed["type"] in PREVIEW_SERVER
                assert {**event, "type": 0}.items() <= {**crossed, "type": 0}.items()


# Every event of both catalogues -----------------------------------------------------------------


def crossed(cross: Callable[[str], Crossing], name: str) -> tuple[set[str], tuple[str, ...]]:
    """Return the names that an event of this name leaves under, and what was lost."""
    crossing = cross(encode({"type": name, "event_id": "event_1"}))
    return {decode(text)["type"] for text in crossing.texts}, crossing.lost


@pytest.mark.parametrize("name", sorted(SERVER_EVENTS))
def test_every_ga_event_reaches_a_preview_client_or_is_accounted_for(name: str) -> None:
    sent, lost = crossed(PreviewClient().to_outer, name)
    assert sent <= PREVIEW_SERVER
    if not sent:
        assert name == "conversation.item.done" or lost == (name,)


@pytest.mark.parametrize("name", sorted(PREVIEW_SERVER))
def test_every_preview_event_reaches_a_ga_client(name: str) -> None:
    sent, lost = crossed(PreviewUpstream().to_inner, name)
    assert sent
    assert sent <= SERVER_EVENTS - {"conversation.item.created"}
    assert lost == ()


@pytest.mark.parametrize("name", sorted(PREVIEW_CLIENT))
def test_every_event_of_a_preview_client_is_one_of_ga(name: str) -> None:
    sent, _ = crossed(PreviewClient().to_inner, name)
    assert sent
    assert sent <= CLIENT_EVENTS


@pytest.mark.parametrize("name", sorted(CLIENT_EVENTS))
def test_every_event_of_a_ga_client_is_one_of_preview(name: str) -> None:
    sent, _ = crossed(PreviewUpstream().to_outer, name)
    assert sent
    assert sent <= PREVIEW_CLIENT


def test_every_preview_event_can_be_sent_to_a_client() -> None:
    """What only preview has comes from somewhere: no name of it is forgotten."""
    sent = set().union(*(crossed(PreviewClient().to_outer, name)[0] for name in SERVER_EVENTS))
    transcription = {"transcription_session.created", "transcription_session.updated"}
    assert sent | transcription == PREVIEW_SERVER
