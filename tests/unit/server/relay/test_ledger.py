"""Client events on their way, and the errors that name them."""

import json

import pytest

from server.relay.ledger import MAX_CHARS, MAX_SENT, Ledger, benign_kind, is_benign
from server.relay.responses import Waiting


def waiting(text: str) -> Waiting:
    return Waiting(text, is_bare=True, since=0.0, has_news=False)


def test_an_id_of_the_client_is_kept_as_it_is() -> None:
    ledger, text = Ledger(), '{ "event_id": "mine", "type": "response.cancel" }'
    assert ledger.tag("cancel", text) is text
    sent = ledger.take("mine")
    assert sent is not None
    assert (sent.kind, sent.client_id, sent.is_renamed) == ("cancel", "mine", False)
    assert ledger.take("mine") is None


@pytest.mark.parametrize("given", ["", '"event_id":null,', '"event_id":"",'])
def test_an_event_without_an_id_gets_one(given: str) -> None:
    ledger = Ledger()
    text = ledger.tag("cancel", f'{{{given}"type":"response.cancel"}}')
    event = json.loads(text)
    assert event["type"] == "response.cancel"
    sent = ledger.take(event["event_id"])
    assert sent is not None
    assert sent.is_renamed


def test_an_id_that_the_client_uses_again_is_replaced() -> None:
    ledger, text = Ledger(), '{"type":"response.cancel","event_id":"mine"}'
    ledger.tag("cancel", text)
    second = json.loads(ledger.tag("cancel", text))["event_id"]
    assert second != "mine"
    sent = ledger.take(second)
    assert sent is not None
    assert sent.client_id == "mine"


@pytest.mark.parametrize("given", [7, False, [], "x" * 513])
def test_an_id_that_cannot_be_one_is_left_to_the_upstream(given: object) -> None:
    ledger, text = Ledger(), json.dumps({"type": "response.cancel", "event_id": given})
    assert ledger.tag("cancel", text) is text
    assert ledger.take(given) is None


def test_what_is_remembered_is_bounded() -> None:
    ledger = Ledger()
    for number in range(MAX_SENT + 1):
        ledger.tag("cancel", f'{{"type":"response.cancel","event_id":"e{number}"}}')
    assert ledger.take("e0") is None
    assert ledger.take("e1") is not None
    large = f'{{"type":"response.create","x":"{"x" * MAX_CHARS}","event_id":"%s"}}'
    for name in ("first", "second"):
        ledger.tag("create", large % name, waiting(large % name))
    assert ledger.take("first") is None
    assert ledger.take("second") is not None


def test_benign_errors_are_those_of_their_kind() -> None:
    assert is_benign("commit", {"code": "input_audio_buffer_commit_empty"})
    assert not is_benign("create", {"code": "input_audio_buffer_commit_empty"})
    shorter = {"code": None, "message": "Audio content of 9250ms is already shorter than 57340ms"}
    assert is_benign("item", shorter)
    assert not is_benign("create", shorter)
    assert not is_benign("item", {"code": None, "message": None})


def test_an_upstream_that_names_no_event_is_understood_where_it_can_be() -> None:
    assert benign_kind({"code": "response_cancel_not_active"}) == "cancel"
    assert benign_kind({"code": "response_cancel_not_active", "event_id": "of another"}) is None
    assert benign_kind({"code": "item_delete_invalid_item_id"}) is None
