"""Programs that speak one dialect: how they say things, and what they wait for.

program = Program(talker, PREVIEW)
await program.begin(speaks=False)
await program.say("good morning")
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.judge import Judge
from tests.support.preview_judge import PreviewJudge
from tests.support.quick_senses import LOUD, sound
from tests.support.talker import Talker


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How a program of one dialect says things, and what it waits for."""

    dialect: str
    path: str
    added: str
    text: str
    speech: str
    transcript: str
    part: str
    judge: Callable[[], Judge | PreviewJudge]

    def session(self, *, speaks: bool = True, **more: Any) -> dict[str, Any]:
        """The session that all the stories ask for, with `turn_detection` and `tools` of one."""
        common = {
            "instructions": "Be brief.",
            "tools": more.get("tools", []),
            "tool_choice": "auto",
        }
        transcription, detection = {"model": "whisper-1"}, more.get("turn_detection")
        if self.dialect == "ga":
            pcm16 = {"type": "audio/pcm", "rate": 24000}
            listens = {"transcription": transcription, "turn_detection": detection}
            return {
                **common,
                "type": "realtime",
                "output_modalities": ["audio"] if speaks else ["text"],
                "max_output_tokens": 1000,
                "audio": {
                    "input": {**listens, "format": pcm16},
                    "output": {"voice": "verse", "format": pcm16},
                },
            }
        return {
            **common,
            "modalities": ["text", "audio"] if speaks else ["text"],
            "max_response_output_tokens": 1000,
            "temperature": 0.7,
            "input_audio_format": "pcm16",
            "input_audio_transcription": transcription,
            "turn_detection": detection,
            "output_audio_format": "pcm16",
            "voice": "verse",
        }

    def wishes(self, *, speaks: bool) -> dict[str, Any]:
        """What a `response.create` asks for."""
        if self.dialect == "ga":
            return {
                "output_modalities": ["audio"] if speaks else ["text"],
                "max_output_tokens": 900,
            }
        modalities = ["audio", "text"] if speaks else ["text"]
        return {"modalities": modalities, "max_response_output_tokens": 900}


GA = Vocabulary(
    dialect="ga",
    path="/openai/v1/realtime?model=voice",
    added="conversation.item.added",
    text="response.output_text",
    speech="response.output_audio",
    transcript="response.output_audio_transcript",
    part="output_text",
    judge=Judge,
)
PREVIEW = Vocabulary(
    dialect="preview",
    path="/openai/realtime?api-version=2025-04-01-preview&deployment=voice",
    added="conversation.item.created",
    text="response.text",
    speech="response.audio",
    transcript="response.audio_transcript",
    part="text",
    judge=PreviewJudge,
)
VOCABULARIES = {"ga": GA, "preview": PREVIEW}


class Program:
    """A program of one dialect."""

    def __init__(self, talker: Talker, words: Vocabulary) -> None:
        self.words = words
        self.talker = talker
        self.send = talker.send
        self.until = talker.until

    async def begin(self, **wishes: Any) -> dict[str, Any]:
        """Wait for the session and configure it; returns what it became."""
        await self.until("session.created")
        session = self.words.session(**wishes)
        await self.send("session.update", session=session)
        # The page's path has an update of its own before.
        updated = await self.until(
            "session.updated", lambda event: event["session"]["instructions"] == "Be brief."
        )
        return dict(updated["session"])

    async def say(self, text: str) -> None:
        """Write something as the user."""
        part = {"type": "input_text", "text": text}
        item = {"type": "message", "role": "user", "content": [part]}
        await self.send("conversation.item.create", item=item)
        await self.until(self.words.added)

    async def speak(self, length_ms: int = 600, *, quiet_ms: int = 0) -> None:
        """Send loud sound, and silence behind it."""
        for level, rest in ((LOUD, length_ms), (0, quiet_ms)):
            for _ in range(rest // 100):
                await self.send("input_audio_buffer.append", audio=sound("audio/pcm", level, 100))

    async def done(self, status: str = "completed") -> dict[str, Any]:
        """Wait for the end of the response; returns it. The limits are told behind it."""
        response: dict[str, Any] = (await self.until("response.done"))["response"]
        assert response["status"] == status, response
        await self.until("rate_limits.updated")
        return response

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All events of a type that came so far."""
        return [event for event in self.talker.events if event["type"] == kind]

    def said(self, name: str) -> str:
        """What the deltas of a name make together."""
        return "".join(event["delta"] for event in self.of(f"{name}.delta"))

    def heard_ms(self) -> int:
        """How much speech came."""
        deltas = self.of(f"{self.words.speech}.delta")
        return sum(len(base64.b64decode(event["delta"])) for event in deltas) // 48
