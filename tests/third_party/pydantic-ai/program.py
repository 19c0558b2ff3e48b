"""pydantic-ai: an agent with a tool in a realtime session, as in its docs.

It leaves the cut of an interrupted answer to the program: `interrupt(played_ms=...)`.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from conversation import (
    INSTRUCTIONS,
    LONG_REQUEST,
    MODEL,
    REQUEST,
    TOOL_REQUEST,
    VOICE,
    WEATHER,
    silence,
    speech,
)
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.messages import PartDeltaEvent, SpeechPart, SpeechPartDelta
from pydantic_ai.providers.azure import AzureProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime import RealtimeSession
from pydantic_ai.realtime.azure import AzureRealtimeModel
from pydantic_ai.realtime.openai import OpenAIRealtimeModel, OpenAIRealtimeModelSettings
from report import Run, main


def get_weather(city: str) -> str:
    """Get the current weather of a city."""
    assert "Paris" in city, city
    return WEATHER


class Talk:
    """A session and what it told."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self._told = aiter(session)
        self._events: list[Any] = []

    def of(self, kind: str) -> list[Any]:
        """The events of this kind."""
        return [event for event in self._events if event.event_kind == kind]

    def deltas(self) -> list[SpeechPartDelta]:
        """What was spoken."""
        deltas = [e.delta for e in self._events if isinstance(e, PartDeltaEvent)]
        return [delta for delta in deltas if isinstance(delta, SpeechPartDelta)]

    def spoken(self, speaker: str) -> str:
        """The words of one of both, by the history."""
        parts = [part for message in self.session.all_messages() for part in message.parts]
        speeches = [p for p in parts if isinstance(p, SpeechPart) and p.speaker == speaker]
        return " ".join(part.transcript or "" for part in speeches)

    async def hear(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            await self.session.send_audio(piece)

    async def until(self, done: Callable[[], Any]) -> None:
        """Read until this holds; an error that the session tells fails."""
        while not done():
            event = await anext(self._told)
            self._events.append(event)
            assert event.event_kind != "realtime_session_error", event


@asynccontextmanager
async def talking(run: Run) -> AsyncIterator[Talk]:
    client = AsyncOpenAI(api_key=run.key, base_url=run.base)
    settings = OpenAIRealtimeModelSettings(
        voice=VOICE,
        input_transcription_model="whisper-1",
        turn_detection={"silence_duration_ms": 300},
    )
    model: Any = OpenAIRealtimeModel(MODEL, provider=OpenAIProvider(openai_client=client))
    if run.kind == "AzureRealtimeModel":
        provider = AzureProvider(
            azure_endpoint=run.origin, api_version="2025-08-28", api_key=run.key
        )
        model = AzureRealtimeModel(MODEL, provider=provider)
    agent = Agent(instructions=INSTRUCTIONS, tools=[get_weather])
    async with agent.realtime(model, model_settings=settings).session() as session:
        yield Talk(session)


async def connect(talk: Talk) -> None:
    assert not talk.session.closed


async def text(talk: Talk) -> None:
    await talk.session.send(REQUEST)
    await talk.until(lambda: talk.of("realtime_turn_complete"))
    assert "banana" in talk.spoken("assistant").lower(), talk.session.all_messages()
    assert sum(len(delta.audio_chunk or b"") for delta in talk.deltas()) > 12_000, "no sound"


async def voice(talk: Talk) -> None:
    await talk.hear(speech())
    await talk.hear(silence())
    await talk.until(lambda: talk.of("realtime_turn_complete") and talk.spoken("user"))
    assert "time" in talk.spoken("user").lower(), talk.session.all_messages()
    assert talk.spoken("assistant"), talk.session.all_messages()


async def tool(talk: Talk) -> None:
    await talk.session.send(TOOL_REQUEST)
    await talk.until(lambda: talk.of("realtime_turn_complete"))
    assert len(talk.of("function_tool_result")) == 1, talk.session.all_messages()
    assert "21" in talk.spoken("assistant"), talk.session.all_messages()


async def interruption(talk: Talk) -> None:
    await talk.session.send(LONG_REQUEST)
    await talk.until(lambda: len([d for d in talk.deltas() if d.audio_chunk]) > 3)
    await talk.hear(speech())
    await talk.until(lambda: talk.of("realtime_input_speech_start"))
    await talk.session.interrupt(played_ms=100)
    await talk.hear(silence())
    await talk.until(lambda: len(talk.of("realtime_turn_complete")) == 2 and talk.spoken("user"))
    assert talk.spoken("assistant").count("five") < 10, "the answer was spoken to its end"


STEPS = {step.__name__: step for step in (connect, text, voice, tool, interruption)}


async def take(run: Run, step: str) -> None:
    async with talking(run) as talk:
        await STEPS[step](talk)


main(take)
