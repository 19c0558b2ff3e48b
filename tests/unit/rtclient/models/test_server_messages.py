"""Which message a dict is."""

import pytest

from rtclient.models import (
    ErrorMessage,
    ItemAddedMessage,
    RateLimitsUpdatedMessage,
    ResponseAudioDeltaMessage,
    ResponseContentPartAddedMessage,
    ResponseItemAudioContentPart,
    ResponseItemTextContentPart,
    ResponseTextDeltaMessage,
    SessionCreatedMessage,
    UnknownMessage,
    create_message_from_dict,
)
from rtclient.protocol.dialects import EVENT_NAMES


@pytest.mark.parametrize(("preview", "ga"), EVENT_NAMES)
def test_both_names_of_an_event_give_one_class(preview: str, ga: str) -> None:
    old, new = (create_message_from_dict({"type": name}) for name in (preview, ga))
    assert type(old) is type(new) is not UnknownMessage
    assert (old.type, new.type) == (preview, ga)


def test_messages_carry_their_fields() -> None:
    error = create_message_from_dict(
        {"type": "error", "event_id": "event_1", "error": {"message": "No.", "code": "x"}}
    )
    assert isinstance(error, ErrorMessage)
    assert (error.event_id, error.error.message, error.error.code) == ("event_1", "No.", "x")
    limits = create_message_from_dict(
        {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "remaining": 3}]}
    )
    assert isinstance(limits, RateLimitsUpdatedMessage)
    assert limits.rate_limits[0].remaining == 3
    added = create_message_from_dict(
        {"type": "conversation.item.added", "item": {"id": "item_1", "type": "message"}}
    )
    assert isinstance(added, ItemAddedMessage)
    assert (added.item.id, added.previous_item_id) == ("item_1", None)
    delta = create_message_from_dict({"type": "response.output_audio.delta", "delta": "AAAA"})
    assert isinstance(delta, ResponseAudioDeltaMessage)
    assert delta.delta == "AAAA"


def test_messages_can_be_matched_by_their_class() -> None:
    match create_message_from_dict({"type": "response.text.delta", "delta": "Hi"}):
        case ResponseTextDeltaMessage(delta=words):
            assert words == "Hi"
        case other:
            pytest.fail(f"{other} is no text")


@pytest.mark.parametrize(
    ("kind", "model"),
    [("audio", ResponseItemAudioContentPart), ("text", ResponseItemTextContentPart)],
)
def test_a_part_has_the_class_of_its_kind(kind: str, model: type) -> None:
    message = create_message_from_dict(
        {"type": "response.content_part.added", "part": {"type": kind}}
    )
    assert isinstance(message, ResponseContentPartAddedMessage)
    assert isinstance(message.part, model)


@pytest.mark.parametrize("data", [{}, {"type": None}, {"type": []}, {"type": "parley.new"}])
def test_anything_else_is_an_unknown_message(data: dict[str, object]) -> None:
    assert type(create_message_from_dict(data)) is UnknownMessage


def test_a_message_of_an_odd_shape_does_not_break_the_reader() -> None:
    message = create_message_from_dict({"type": "session.created", "session": "soon"})
    assert isinstance(message, SessionCreatedMessage)
    assert message.session == "soon"
