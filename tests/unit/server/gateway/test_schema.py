import json
from typing import get_args

import pytest

from server.gateway import messages
from server.gateway.schema import ID, schema
from tests.support.servers import ROOT

SNAPSHOT = ROOT / "docs" / "gateway.schema.json"


def names(union: object) -> list[str]:
    return [each.__name__ for each in get_args(union)]


def test_it_is_the_one_that_was_published() -> None:
    """A change here is one of the protocol: count up VERSION, run scripts/generate_docs.py."""
    assert json.loads(SNAPSHOT.read_text()) == schema()


def test_it_is_versioned() -> None:
    assert schema()["$id"] == ID
    assert ID.endswith(messages.VERSION)


@pytest.mark.parametrize(
    ("side", "union"),
    [("ClientMessage", messages.ClientMessage), ("ServerMessage", messages.ServerMessage)],
)
def test_it_has_every_message(side: str, union: object) -> None:
    refs = [each["$ref"].rpartition("/")[2] for each in schema()["$defs"][side]["oneOf"]]
    assert refs == names(union)


def test_every_field_says_what_it_is() -> None:
    for name, definition in schema()["$defs"].items():
        for field, shape in definition.get("properties", {}).items():
            assert field == "type" or shape.get("description"), f"{name}.{field}"


def test_a_client_may_leave_out_every_option_and_the_server_leaves_out_nothing() -> None:
    definitions = schema()["$defs"]
    assert definitions["Config"]["required"] == ["type"]
    for name in names(messages.ServerMessage):
        assert set(definitions[name]["required"]) == set(definitions[name]["properties"])
