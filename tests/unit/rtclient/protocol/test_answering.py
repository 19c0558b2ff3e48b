"""What is about which event of the client."""

from typing import Any

import pytest

from rtclient.protocol.answering import begins, is_refused, item_id_of

EVENT = {"type": "response.create", "event_id": "event_1"}
OURS = {"type": "invalid_request_error"}


@pytest.mark.parametrize(
    ("error", "is_oldest", "expected"),
    [
        ({**OURS, "event_id": "event_1"}, False, True),
        ({**OURS, "event_id": "event_2"}, True, False),
        (OURS, True, True),
        (OURS, False, False),
        ({"type": "server_error"}, True, False),
        ({"type": "server_error", "event_id": "event_1"}, False, True),
        ("bare words", True, False),
        (None, True, False),
    ],
)
def test_an_error_is_about_the_event_it_names_else_about_the_oldest(
    error: Any, is_oldest: bool, expected: bool
) -> None:
    assert is_refused(EVENT, error, is_oldest=is_oldest) is expected


@pytest.mark.parametrize(
    ("asked", "response", "expected"),
    [
        (None, {"id": "resp_1"}, True),
        (None, {"conversation_id": "conv_1"}, True),
        (None, {"conversation_id": None}, False),
        ({"conversation": "none"}, {"conversation_id": None}, True),
        ({"conversation": "none"}, {"conversation_id": "conv_1"}, False),
        ({"metadata": {"n": "1"}}, {"metadata": {"n": "1"}}, True),
        ({"metadata": {"n": "1"}}, {"metadata": {"n": "2"}}, False),
        ({"metadata": {"n": "1"}}, {"metadata": None}, True),
        ("odd", "odd", True),
    ],
)
def test_a_response_is_the_one_asked_for_or_the_servers_own(
    asked: Any, response: Any, expected: bool
) -> None:
    assert begins({**EVENT, "response": asked}, response) is expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"item_id": "item_1"}, "item_1"),
        ({"item": {"id": "item_1"}}, "item_1"),
        ({"item": {}}, None),
        ({"item": "odd"}, None),
        (EVENT, None),
    ],
)
def test_an_event_names_its_item_or_holds_it(event: Any, expected: str | None) -> None:
    assert item_id_of(event) == expected
