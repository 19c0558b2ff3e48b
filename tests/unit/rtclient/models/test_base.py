"""What all models share, on models made for it and on real ones."""

import copy
import pickle

import pytest

from rtclient.models import (
    InputAudioBufferAppendMessage,
    InputTextContentPart,
    ItemCreateMessage,
    ServerVAD,
    SessionUpdateParams,
    UnknownMessage,
    UserMessageItem,
)


def test_only_what_was_given_is_on_the_wire() -> None:
    vad = ServerVAD(threshold=0.4)
    assert vad.to_dict() == {"type": "server_vad", "threshold": 0.4}
    assert vad.silence_duration_ms is None


def test_an_explicit_none_stays_because_it_means_off() -> None:
    assert SessionUpdateParams(turn_detection=None).to_dict() == {"turn_detection": None}


def test_a_missing_field_is_named() -> None:
    with pytest.raises(TypeError, match="InputAudioBufferAppendMessage needs audio"):
        InputAudioBufferAppendMessage()  # type: ignore[call-arg]


def test_models_inside_models_become_dicts() -> None:
    item = UserMessageItem(content=[InputTextContentPart(text="Hi")])
    assert ItemCreateMessage(item=item).to_dict() == {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hi"}],
        },
    }


def test_a_set_becomes_a_list_of_one_order() -> None:
    params = SessionUpdateParams(modalities={"text", "audio"})
    assert params.to_dict() == {"modalities": ["audio", "text"]}


def test_a_field_can_be_set_later() -> None:
    params = SessionUpdateParams()
    params.instructions = "Be kind."
    assert params.to_dict() == {"instructions": "Be kind."}


def test_what_the_api_added_later_can_be_sent_and_read() -> None:
    vad = ServerVAD(foresight="much")  # type: ignore[call-arg]
    assert vad.to_dict() == {"type": "server_vad", "foresight": "much"}
    message = UnknownMessage.from_dict({"type": "parley.new", "depth": {"ms": 3}})
    assert message.depth == {"ms": 3}  # type: ignore[attr-defined]
    assert message.event_id is None
    assert message.to_dict() == {"type": "parley.new", "depth": {"ms": 3}}


def test_a_name_that_nobody_knows_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="ServerVAD has no field 'loudness'"):
        _ = ServerVAD().loudness  # type: ignore[attr-defined]


def test_reading_changes_neither_the_source_nor_what_is_written() -> None:
    raw = {"type": "x", "session": {"id": "s", "turn_detection": {"type": "server_vad"}}}
    before = copy.deepcopy(raw)
    message = UnknownMessage.from_dict(raw)
    assert message.session.turn_detection.type == "server_vad"  # type: ignore[attr-defined]
    assert raw == before == message.to_dict()


def test_two_that_say_the_same_are_equal() -> None:
    assert ServerVAD(threshold=0.4) == ServerVAD.from_dict({"type": "server_vad", "threshold": 0.4})
    assert ServerVAD(threshold=0.4) != ServerVAD(threshold=0.5)
    assert ServerVAD() != {"type": "server_vad"}


def test_copies_and_pickles_say_the_same() -> None:
    item = UserMessageItem(content=[InputTextContentPart(text="Hi")])
    for other in (copy.copy(item), copy.deepcopy(item), pickle.loads(pickle.dumps(item))):
        assert other == item
    other = copy.deepcopy(item)
    other.id = "item_2"
    assert item.id is None


def test_a_long_text_is_shown_by_its_beginning() -> None:
    shown = repr(InputAudioBufferAppendMessage(audio="A" * 1000))
    assert "(1000 characters)" in shown
    assert len(shown) < 250


def test_the_names_of_pydantic_give_the_same() -> None:
    vad = ServerVAD(threshold=0.4)
    assert vad.model_dump(exclude_unset=True) == vad.to_dict()
    assert vad.model_dump_json() == '{"type":"server_vad","threshold":0.4}'
