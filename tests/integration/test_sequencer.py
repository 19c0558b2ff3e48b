"""Which paths have a sequencer, and what one does on real sockets."""

from pathlib import Path

import pytest

from rtclient.testing import PeerSession, ScriptedPeer
from tests.integration.test_relay import environment, set_up
from tests.support.app import serving
from tests.support.talker import talking


@pytest.mark.parametrize(
    ("path", "has_sequencer"),
    [
        ("/ws", True),
        ("/ws?sequencer=1", True),
        ("/ws?sequencer=0", False),
        ("/v1/realtime", False),
        ("/v1/realtime?sequencer=1", True),
    ],
)
async def test_a_late_cancel_is_left_out_where_there_is_a_sequencer(
    tmp_path: Path, path: str, has_sequencer: bool
) -> None:
    script = set_up if path.startswith("/ws") else None
    async with (
        ScriptedPeer(*([script] if script else [])) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port, path, headers={"Authorization": "Bearer any"}) as client,
    ):
        await client.until("session.updated" if script else "session.created")
        await client.send("response.cancel")
        await client.send("input_audio_buffer.clear")
        session = await peer.session()
        await session.expect("input_audio_buffer.clear")
        kinds = [event["type"] for event in session.events]
        assert ("response.cancel" not in kinds) == has_sequencer


async def test_a_second_create_goes_when_the_first_is_done_and_the_page_is_told(
    tmp_path: Path,
) -> None:
    async def answer(session: PeerSession) -> None:
        await set_up(session)
        for number in (1, 2):
            await session.expect("response.create")
            response = {"id": f"resp_{number}", "conversation_id": "conv_1"}
            await session.send({"type": "response.created", "response": response})
            if number == 1:
                await session.expect("input_audio_buffer.clear")
            await session.send({"type": "response.done", "response": response})

    async with (
        ScriptedPeer(answer) as peer,
        serving(environment(peer), tmp_path) as server,
        talking(server.port) as client,
    ):
        await client.until("session.updated")
        for _ in range(3):
            await client.send("response.create")
        await client.send("input_audio_buffer.clear")
        for number in (1, 2):
            done = await client.until("response.done")
            assert done["response"]["id"] == f"resp_{number}"
        notices = [event for event in client.events if event["type"] == "parley.notice"]
        assert [notice["code"] for notice in notices] == ["response_joined"]
        assert not client.errors()
