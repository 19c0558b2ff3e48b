"""The vocabulary against the official package's models."""

import typing

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent

from rtclient.protocol import events


def official_names(union: object) -> set[str]:
    """The `type` of every model in one of the package's annotated unions."""
    models = typing.get_args(typing.get_args(union)[0])
    return {typing.get_args(model.model_fields["type"].annotation)[0] for model in models}


def our_names(union: object) -> list[str]:
    """The names in the `type` of every TypedDict in one of our unions."""
    shapes = typing.get_args(union)
    return [
        name for shape in shapes for name in typing.get_args(typing.get_type_hints(shape)["type"])
    ]


def test_client_events_are_those_of_the_official_package() -> None:
    assert official_names(RealtimeClientEvent) == events.CLIENT_EVENTS
    assert len(events.CLIENT_EVENTS) == 11


def test_server_events_are_those_of_the_official_package() -> None:
    assert official_names(RealtimeServerEvent) == events.SERVER_EVENTS
    assert len(events.SERVER_EVENTS) == 46


def test_every_name_has_exactly_one_shape() -> None:
    assert sorted(our_names(events.ClientEvent)) == sorted(events.CLIENT_EVENTS)
    assert sorted(our_names(events.ServerEvent)) == sorted(events.SERVER_EVENTS)
