"""The face of the engine toward a preview client, with the core behind it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.actions import Received, Rejected
from rtclient.engine.preview import PreviewFace
from tests.support.engine_driver import Driver


class PreviewDriver:
    """A core behind a face: preview in, preview out."""

    def __init__(self, *hears: str, **options: Any) -> None:
        self.face = PreviewFace(options.get("kind", "realtime"))
        self.inner = Driver(*hears, **options)
        self.seen = 0

    def send(self, event_type: str, **fields: Any) -> list[dict[str, Any]]:
        """Send an event; return what the client gets at once."""
        for happened in self.face.read(json.dumps({"type": event_type, **fields})):
            self.inner.feed(happened)
        return self.take()

    def take(self) -> list[dict[str, Any]]:
        """Return what the client gets of what was said since."""
        new, self.seen = self.inner.events[self.seen :], len(self.inner.events)
        return [json.loads(text) for event in new for text in self.face.written(json.dumps(event))]


def test_a_session_is_flat_and_remembers_its_temperature() -> None:
    driver = PreviewDriver()
    (created,) = driver.take()
    assert not created["session"].keys() & {"type", "audio", "output_modalities"}
    (updated,) = driver.send("session.update", session={"voice": "verse", "temperature": 0.7})
    assert updated["type"] == "session.updated"
    assert updated["session"]["voice"] == "verse"
    assert updated["session"]["temperature"] == 0.7


def test_an_answer_has_the_names_of_the_preview() -> None:
    driver = PreviewDriver()
    driver.send("session.update", session={"modalities": ["text"]})
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    (created,) = driver.send("conversation.item.create", item=item)
    assert created["type"] == "conversation.item.created"
    driver.send("response.create")
    driver.inner.settle()
    events = driver.take()
    assert "response.text.delta" in [event["type"] for event in events]
    assert events[-2]["response"]["output"][0]["content"][0]["type"] == "text"


def test_what_the_rules_refuse_never_reaches_the_core() -> None:
    face = PreviewFace()
    event = {"type": "session.update", "event_id": "e1", "session": {"type": "realtime"}}
    (rejected,) = face.read(json.dumps(event))
    assert isinstance(rejected, Rejected)
    assert (rejected.fault.param, rejected.event_id) == ("session.type", "e1")


def test_a_rejected_event_is_answered_in_its_turn() -> None:
    driver = PreviewDriver()
    driver.take()
    (error,) = driver.send("session.update", event_id="mine", session={"audio": {}})
    assert error["type"] == "error"
    assert (error["error"]["param"], error["error"]["event_id"]) == ("session.audio", "mine")


def test_errors_of_the_core_name_places_as_the_preview_spells_them() -> None:
    driver = PreviewDriver()
    driver.take()
    choice = {"type": "function", "name": "gone"}
    (error,) = driver.send("session.update", session={"tool_choice": choice})
    assert error["error"]["param"] == "session.tool_choice"
    live = {"model": "gpt-realtime-whisper", "prompt": "x"}
    transcribing = PreviewDriver(kind="transcription")
    (created,) = transcribing.take()
    assert created["type"] == "transcription_session.created"
    session = {"input_audio_transcription": live, "turn_detection": None}
    (error,) = transcribing.send("transcription_session.update", session=session)
    assert error["error"]["param"] == "session.input_audio_transcription.prompt"


def test_what_is_no_event_is_left_to_the_core() -> None:
    face = PreviewFace()
    for frame in ("{", b"\xff", "[]", '{"type": 5}'):
        assert face.read(frame) == [Received(frame)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "voice", "x"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


KINDS = st.sampled_from(["realtime", "transcription"])
KEYS = {
    "session.update": "session",
    "transcription_session.update": "session",
    "conversation.item.create": "item",
    "response.create": "response",
}


@given(value=JSON, name=st.sampled_from(list(KEYS)), kind=KINDS)
def test_whatever_a_client_sends_becomes_one_input(value: Any, name: str, kind: str) -> None:
    assert len(PreviewFace(kind).read(json.dumps({"type": name, KEYS[name]: value}))) == 1
