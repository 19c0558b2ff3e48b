"""Speak a recording to a realtime model, event by event, and save what it answers.

    python examples/low_level_sample.py samples/input/sample.wav azure|openai|engine

The account comes from the environment or the nearest `.env`; `engine` needs none. WAV works as it
is; FLAC, Ogg and MP3 need `pip install 'rtclient[audio]'`. The answer is written to `answer.wav`.
"""

import asyncio
import base64
import sys
from pathlib import Path

from rtclient import InputAudioBufferAppendMessage, RTLowLevelClient
from rtclient.environment import service_settings
from rtclient.errors import RTError, ServerError
from rtclient.service.opening import open_upstream
from rtclient.sound_files import sound_chunks, write_wav

SILENCE = bytes(48 * 1000)  # a second: after it the service knows that the turn is over
TRANSCRIPTION = {"model": "whisper-1"}


async def speak(client: RTLowLevelClient, recording: Path) -> None:
    """Configure the session, then send the recording and silence."""
    session = {"type": "realtime", "audio": {"input": {"transcription": TRANSCRIPTION}}}
    await client.send({"type": "session.update", "session": session})
    for pcm in (*sound_chunks(recording, chunk_ms=100), SILENCE):
        audio = base64.b64encode(pcm).decode()
        await client.send(InputAudioBufferAppendMessage(audio=audio))


async def listen(client: RTLowLevelClient) -> bytes:
    """Print what happens until the answer is complete; return its sound."""
    answer = bytearray()
    async for message in client:
        match message.type:
            case "session.created":
                print(f"Session {message.session.id} with {message.session.model}")
            case "input_audio_buffer.speech_started":
                print(f"Speech began at {message.audio_start_ms} ms")
            case "input_audio_buffer.speech_stopped":
                print(f"Speech ended at {message.audio_end_ms} ms")
            case "conversation.item.input_audio_transcription.completed":
                print(f"You:   {message.transcript}")
            case "response.output_audio.delta":
                answer += base64.b64decode(message.delta)
            case "response.output_audio_transcript.done":
                print(f"Model: {message.transcript}")
            case "response.done":
                break
            case "error":
                raise ServerError(message.error.message)
    return bytes(answer)


async def main(recording: Path, upstream: str) -> None:
    """Run the conversation."""
    async with (
        open_upstream(service_settings(upstream)) as endpoint,
        RTLowLevelClient.to(endpoint) as client,
    ):
        _, answer = await asyncio.gather(speak(client, recording), listen(client))
    write_wav("answer.wav", answer)
    print(f"answer.wav: {len(answer) / 48_000:.1f} s")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/low_level_sample.py INPUT azure|openai|engine")
    try:
        asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
    except (RTError, ValueError, ImportError) as exc:  # each says what to do
        sys.exit(str(exc))
