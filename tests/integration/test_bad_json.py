"""Broken and smuggled client messages on a live `/ws`: each gets an error, none goes upstream."""

import json
from pathlib import Path

import pytest

from tests.support.app import azure_environment, serving
from tests.support.azure_peer import AzurePeer
from tests.support.bad_json import CANARY, CASES
from tests.support.talker import talking

CODES = {"invalid_json", "invalid_event", "event_too_large", "binary_not_supported"}


def test_the_corpus_has_at_least_60_named_cases() -> None:
    names = [case.name for case in CASES]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


async def test_every_bad_message_gets_an_error_and_the_session_lives_on(tmp_path: Path) -> None:
    wrong: dict[str, str] = {}
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        before = len(session.raw)
        for number, case in enumerate(CASES):
            await client.send_raw(case.data)
            await client.send("input_audio_buffer.clear", event_id=f"after_{number}")
            error = (await client.until("error"))["error"]
            if error["code"] not in CODES or not error["message"]:
                wrong[case.name] = f"error {error}"
        await client.send("response.create", response={"output_modalities": ["text"]})
        await client.until("response.done")
        upstream = session.raw[before:]
        assert len(client.errors()) == len(CASES)
    assert wrong == {}
    assert [e["event_id"] for e in map(json.loads, upstream[:-1])] == [
        f"after_{number}" for number in range(len(CASES))
    ]
    assert not [text for text in upstream if CANARY in str(text)]


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "type": "input_audio_buffer.clear",\n  "event_id": "pretty"\n}',
        '{"event_id":"late type","x":{"type":"a","y":[1,2.50,-0.0,1e-7]},"type":"x.new"}',
        '{"type":"x.\\u006eew","event_id":"escapes","note":"\\ud83d\\ude00 \\/ é 🎧"}',
        '{"type":"input_audio_buffer.clear", "event_id":"nulls", "a":null, "b":[], "c":{}}  ',
    ],
)
async def test_a_valid_message_goes_upstream_byte_for_byte(text: str, tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        session = await peer.session()
        await client.send_raw(text)
        await session.until(json.loads(text)["type"])
    assert session.raw[-1] == text


async def test_text_that_is_not_utf8_closes_with_1007(tmp_path: Path) -> None:
    async with (
        AzurePeer() as peer,
        serving(azure_environment(peer.endpoint), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        await client.connection.send(b'{"type":"\xff"}', text=True)
        code, _ = await client.closed()
    assert code == 1007
