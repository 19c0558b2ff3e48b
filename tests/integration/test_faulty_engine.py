"""Spoken turns over connections that an engine breaks at random: none is lost, each ends once.

The engine finds the turns itself (`server_vad`); the small service of the other runs does not.
"""

import asyncio

import pytest

from rtclient import RTClient
from rtclient.low_level_client import ReconnectPolicy, Restoration
from rtclient.protocol.responses import Response
from rtclient.testing import engine, silence, speech

TURNS = 5
FAST = ReconnectPolicy(max_attempts=20, base_s=0.01, cap_s=0.05, budget_s=8.0)
FAULTS = (
    "close:1011@response.output_audio.delta#2,session=1",
    "close:1006@*,p=0.01",
    "expire@input_audio_buffer.*,p=0.02",
    "refuse:503@p=0.1",
)
PIECE_BYTES = 4_800


@pytest.mark.parametrize("seed", range(3))
async def test_each_spoken_turn_is_kept_and_ends_once(seed: int) -> None:
    restorations: list[Restoration] = []
    ends: asyncio.Queue[Response] = asyncio.Queue()
    async with (
        engine(seed=seed, faults=FAULTS) as endpoint,
        RTClient.to(endpoint, connect_policy=FAST, reconnect_policy=FAST) as client,
    ):
        client.on("restored", restorations.append)
        client.on("response_done", ends.put_nowait)
        sound = speech(300) + silence(600)
        for _ in range(TURNS):
            for at in range(0, len(sound), PIECE_BYTES):
                await client.send_audio(sound[at : at + PIECE_BYTES])
            await ends.get()
        said = [item for item in client.conversation.items if item.role == "user"]
        there = [
            await client.request({"type": "conversation.item.retrieve", "item_id": item.id})
            for item in said
        ]
    assert len(said) == len(there) == TURNS
    assert ends.empty()
    assert restorations
