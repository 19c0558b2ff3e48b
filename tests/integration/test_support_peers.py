"""The scripted peers are faithful: their events are valid for the official client's models."""

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from rtclient.endpoints import Endpoint
from rtclient.transport import dial
from tests.support import ladders
from tests.support.azure_peer import KEY, TONE, AzurePeer
from tests.support.azure_rules import merged, refusal_of_update

EVENT: TypeAdapter[RealtimeServerEvent] = TypeAdapter(RealtimeServerEvent)


@pytest.mark.parametrize("spoken", [True, False])
@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_ladder_is_valid(spoken: bool, status: str) -> None:
    ids = ladders.Ids()
    reason = None if status == "completed" else "turn_detected"
    events = [
        *ladders.response_opening(ids, "resp_1", "item_1", after=None, spoken=spoken),
        *ladders.response_deltas(ids, "resp_1", "item_1", "Hello", TONE if spoken else None),
        *ladders.response_closing(
            ids,
            "resp_1",
            "item_1",
            "Hello",
            after=None,
            spoken=spoken,
            status=status,
            reason=reason,
        ),
    ]
    for event in events:
        assert EVENT.validate_python(event).type == event["type"]
    assert events[0]["type"] == "response.created"
    assert events[-2]["type"] == "response.done"


def test_audio_is_cut_as_the_service_does() -> None:
    pieces = ladders.split_audio(TONE)
    assert [len(piece) for piece in pieces] == [4800, 7200, 12000, 12000, 12000]
    assert b"".join(pieces) == TONE


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "realtime", "temperature": 1}, "unknown_parameter", "session.temperature"),
        (
            {"type": "realtime", "audio": {"input": {"voice": "x"}}},
            "unknown_parameter",
            "session.audio.input.voice",
        ),
        ({"instructions": "x"}, "missing_required_parameter", "session.type"),
        (
            {"type": "realtime", "audio": {"output": {"voice": "nobody"}}},
            "invalid_value",
            "session.audio.output.voice",
        ),
    ],
)
def test_a_wrong_update_is_refused(session: object, code: str, param: str) -> None:
    refusal = refusal_of_update(session)
    assert refusal is not None
    assert (refusal[0], refusal[2]) == (code, param)


def test_an_update_keeps_what_it_does_not_name() -> None:
    current = {"a": 1, "b": {"c": 1, "d": [1]}}
    assert merged(current, {"b": {"c": None, "d": []}}) == {"a": 1, "b": {"c": None, "d": []}}


async def test_the_azure_peer_speaks_valid_events_and_refuses_as_azure_does() -> None:
    async with AzurePeer() as peer:
        url = f"ws://127.0.0.1:{peer.port}/openai/v1/realtime?model=gpt-realtime"
        endpoint = Endpoint(url=url, headers={"api-key": KEY}, kind="azure", label="peer")
        transport = await dial(endpoint)
        for text in (
            '{"type":"session.update","session":{"type":"realtime"}}',
            '{"type":"response.create"}',
            '{"type":"x.unknown"}',
        ):
            await transport.send(text)
        kinds = []
        while not kinds or kinds[-1] != "error":
            kinds.append(EVENT.validate_json(await transport.recv()).type)
        await transport.close()
    assert kinds[:3] == ["session.created", "session.updated", "response.created"]
    assert kinds[-2:] == ["rate_limits.updated", "error"]
