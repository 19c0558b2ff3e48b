import pytest

from scripts import gateway_tables
from server.gateway.messages import CLIENT_MESSAGES, Config
from server.gateway.schema import schema


@pytest.mark.parametrize("name", [*CLIENT_MESSAGES, *Config.model_fields, "vad.threshold"])
def test_the_tables_have_every_option(name: str) -> None:
    if name != "type":
        assert f"`{name}`" in gateway_tables.text()


def test_the_tables_have_every_message_of_the_server() -> None:
    for each in schema()["$defs"]["ServerMessage"]["oneOf"]:
        definition = schema()["$defs"][each["$ref"].rpartition("/")[2]]
        assert f"### `{definition['properties']['type']['const']}`" in gateway_tables.text()


def test_no_cell_breaks_its_row() -> None:
    for line in gateway_tables.text().splitlines():
        assert not line.startswith("|") or line.count("|") in (3, 4, 5)
