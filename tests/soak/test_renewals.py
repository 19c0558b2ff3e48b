"""Five real minutes with an engine whose sessions last 30 seconds: no turn is missing.

The engine is a child process with scripted senses. Someone speaks, types and calls a function in
real time, as fast as the answers come; the client renews the session beneath again and again. In
the end each turn has its answer, in order, and the last session holds all of it.

`pytest tests/soak/test_renewals.py --timeout 900 -s` prints the figures.
"""

import asyncio
import time

from rtclient import RTClient
from rtclient.engine_process import engine_process
from rtclient.low_level_client import Restoration
from rtclient.testing import silence, speech
from rtclient.turn_taking.answers import Answer

MINUTES = 5.0
SESSION_S = 30.0
PIECE_MS = 40
SPEECH_MS, SILENCE_MS = 600, 700
TURN_LIMIT_S = 30.0


async def spoken(client: RTClient) -> None:
    """Say something, at the pace of speech; its answer comes by itself."""
    started = asyncio.get_running_loop().time()
    sound = speech(SPEECH_MS) + silence(SILENCE_MS)
    size = PIECE_MS * 48
    for number, at in enumerate(range(0, len(sound), size)):
        await client.send_audio(sound[at : at + size])
        due = started + (number + 1) * PIECE_MS / 1000
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


async def test_no_turn_is_missing_however_often_the_session_ends() -> None:
    renewals: list[Restoration] = []
    types: list[str] = []
    calls: list[int] = []
    answered = asyncio.Event()
    options = ("--senses", "scripted", "--seed", "1", "--session-minutes", str(SESSION_S / 60))
    async with engine_process(*options) as endpoint:
        client = RTClient.to(endpoint)
        client.on("restored", renewals.append)
        client.on("event", lambda event: types.append(event["type"]))
        client.on("response_done", lambda _: answered.set())

        @client.tool
        def count(words: str) -> str:
            """Count something."""
            calls.append(len(calls) + 1)
            return f"number {len(calls)}"

        async with client:
            await client.configure(input_audio_transcription={"model": "whisper-1"})
            typed: list[Answer] = []
            turns = 0
            end = time.monotonic() + MINUTES * 60
            while time.monotonic() < end:
                async with asyncio.timeout(TURN_LIMIT_S):
                    turns += 1
                    answered.clear()
                    await spoken(client)
                    await answered.wait()
                    typed.append(await client.ask(f"note {turns}"))
                    if turns % 5 == 0:
                        typed.append(await client.ask(f"count the notes, {turns}"))
            items = client.conversation.items
            there = [(await client.request(_retrieve(item.id)))["item"]["type"] for item in items]
    heard = [item for item in items if item.role == "user" and item.transcript]
    print(
        f"\n{turns} spoken and {len(typed)} typed turns, {len(renewals)} renewals,"
        f" {sum(one.kind == 'reconnected' for one in renewals)} losses,"
        f" slowest renewal {max(one.elapsed_s for one in renewals):.2f} s"
    )
    assert len(renewals) >= MINUTES * 60 / SESSION_S - 1
    assert all(one.kind == "renewed" and one.is_restored for one in renewals), renewals
    assert types.count("session.created") == 1
    assert len(heard) == turns
    assert all(answer.transcript for answer in typed)
    notes = [item.text for item in items if item.text.startswith("note ")]
    assert notes == [f"note {number}" for number in range(1, turns + 1)]
    assert len(calls) == turns // 5
    assert all(response.status == "completed" for response in client.conversation.responses)
    assert there == [item.type for item in items]


def _retrieve(item_id: str) -> dict[str, str]:
    return {"type": "conversation.item.retrieve", "item_id": item_id}
