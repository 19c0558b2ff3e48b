import json
from typing import Any

import pytest

from server.gateway.messages import Ready
from server.gateway.telling import (
    as_count,
    as_dict,
    as_list,
    as_text,
    refused,
    to_client,
    to_upstream,
)

ANYTHING: tuple[Any, ...] = ({"a": 1}, ["b"], "c", 4, 2.5, -1, True, None)


@pytest.mark.parametrize(
    ("look", "taken", "otherwise"),
    [
        (as_dict, [{"a": 1}], {}),
        (as_list, [["b"]], []),
        (as_text, ["c"], ""),
        (as_count, [4, 2, 1], 0),
    ],
)
def test_what_has_another_shape_is_empty(look: Any, taken: list[Any], otherwise: Any) -> None:
    assert [found for value in ANYTHING if (found := look(value))] == taken
    assert all(look(value) == otherwise for value in (None, object()))


def test_messages_and_events_are_json() -> None:
    ready = to_client(Ready(session_id="sess_1"))
    assert json.loads(ready.data) == {"type": "ready", "session_id": "sess_1", "version": "1.0"}
    cancel = to_upstream("response.cancel", event_id="event_1")
    assert json.loads(cancel.text) == {"type": "response.cancel", "event_id": "event_1"}


def test_a_refusal_is_not_the_end() -> None:
    error = json.loads(refused("InvalidMessage", "why", "What to do.", "text").data)
    assert (error["code"], error["reason"], error["param"]) == ("InvalidMessage", "why", "text")
    assert (error["fatal"], error["retry_after_ms"]) == (False, None)
