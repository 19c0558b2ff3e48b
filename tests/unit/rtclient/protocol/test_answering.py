"""Which error is about which event."""

from typing import Any

import pytest

from rtclient.protocol.answering import is_refused

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
