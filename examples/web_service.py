"""Put a realtime model behind a WebSocket of your own FastAPI app.

    pip install fastapi uvicorn
    uvicorn examples.web_service:app

A browser sends pcm16 (mono, 24 kHz) as binary messages to `ws://…/talk`. It gets sound in the same
form, `{"role": …, "text": …}` for each turn, and `{"stop": true}` when the user speaks: then it
throws away what it has not played, and sends `{"played_ms": …}` of the message that played.
The key stays here. For users that you do not know, add who may connect, and for how long.
"""

import asyncio
import json
from typing import Any

from fastapi import FastAPI, WebSocket

from rtclient import RTClient, Transcript

app = FastAPI()


@app.websocket("/talk")
async def talk(browser: WebSocket) -> None:
    """Serve one conversation."""
    await browser.accept()
    client = RTClient.from_env()
    outgoing: asyncio.Queue[bytes | dict[str, Any]] = asyncio.Queue()
    client.on("audio", lambda chunk: outgoing.put_nowait(chunk.audio))
    client.on("speech_started", lambda _: outgoing.put_nowait({"stop": True}))

    @client.on("transcript")
    def show(transcript: Transcript) -> None:
        if transcript.is_final:
            outgoing.put_nowait({"role": transcript.role, "text": transcript.text})

    async def send() -> None:
        while True:
            message = await outgoing.get()
            if isinstance(message, bytes):
                await browser.send_bytes(message)
            else:
                await browser.send_json(message)

    async with client:
        await client.configure(
            instructions="You are a friendly assistant.",
            input_audio_transcription={"model": "whisper-1"},
        )
        sending = asyncio.create_task(send())
        while (message := await browser.receive())["type"] == "websocket.receive":
            if message.get("bytes"):
                await client.send_audio(message["bytes"])
            else:
                await client.interrupt(int(json.loads(message["text"])["played_ms"]))
        sending.cancel()
