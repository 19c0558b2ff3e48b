"""One connection, from the dial to the end; over sockets it is tested with the client."""

from dataclasses import fields

from rtclient.line import ClientOptions, Options


def test_the_keywords_are_the_fields_of_the_options() -> None:
    assert set(Options.__annotations__) == {field.name for field in fields(ClientOptions)}
