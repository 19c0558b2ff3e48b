"""A conversation with the engine, recorded by the client."""

import json
import wave
from array import array
from pathlib import Path

from rtclient import RTClient
from rtclient.testing import engine, speech


async def test_a_client_records_what_both_sides_say(tmp_path: Path) -> None:
    scenario = {"turns": [{"hear": "what time is it", "answer": "It is ten."}]}
    async with engine(scenario) as endpoint, RTClient.to(endpoint) as client:
        recorder = client.record(tmp_path / "call")
        await client.configure(
            turn_detection={"type": "none"}, input_audio_transcription={"model": "whisper-1"}
        )
        await client.send_audio(speech(600))
        turn = await client.commit_audio()
        await turn
        response = await client.generate_response()
        await response
    assert recorder.folder == tmp_path / "call"
    found = json.loads((tmp_path / "call" / "conversation.json").read_text("utf-8"))
    user, answer = found["items"]
    assert (user["text"], answer["text"]) == ("what time is it", "It is ten.")
    assert user["start_s"] <= user["end_s"] <= answer["start_s"] < answer["end_s"]
    with wave.open(str(tmp_path / "call" / "conversation.wav")) as file:
        frames = array("h", file.readframes(file.getnframes()))
    assert any(frames[0::2])
    assert any(frames[1::2])
    assert len(frames) // 2 == round(answer["end_s"] * 24_000)
    assert "> It is ten." in (tmp_path / "call" / "conversation.md").read_text("utf-8")
