"""openai-agents (Python): an agent with a tool, as in its realtime quickstart.

The SDK checks the type of every event; what does not fit reaches the program as an error.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
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
from report import Run, main


@function_tool
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
        """The events of the SDK of this type."""
        return [event for event in self._events if event.type == kind]

    def model(self, kind: str) -> list[Any]:
        """The events of its model layer of this type."""
        return [event.data for event in self.of("raw_model_event") if event.data.type == kind]

    def raw(self, kind: str) -> list[Any]:
        """The server's own events of this type."""
        return [e.data for e in self.model("raw_server_event") if e.data["type"] == kind]

    @property
    def said(self) -> str:
        """All that the assistant said."""
        return "".join(event.delta for event in self.model("transcript_delta"))

    @property
    def heard(self) -> str:
        """What the user was heard to say."""
        kind = "input_audio_transcription_completed"
        return " ".join(event.transcript for event in self.model(kind))

    async def hear(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            await self.session.send_audio(piece)

    async def until(self, done: Callable[[], Any]) -> None:
        """Read until this holds; an error that the SDK tells fails."""
        while not done():
            event = await anext(self._told)
            self._events.append(event)
            assert event.type != "error", getattr(event, "error", "")


@asynccontextmanager
async def talking(run: Run) -> AsyncIterator[Talk]:
    agent = RealtimeAgent(name="Assistant", instructions=INSTRUCTIONS, tools=[get_weather])
    settings = {
        "model_name": MODEL,
        "audio": {
            "input": {
                "transcription": {"model": "whisper-1"},
                "turn_detection": {"type": "server_vad", "interrupt_response": True},
            },
            "output": {"voice": VOICE},
        },
    }
    runner = RealtimeRunner(agent, config={"model_settings": settings})
    to: Any = {"url": f"{run.socket_base}/realtime?model={MODEL}"}
    is_azure = run.path.startswith("/openai")
    to |= {"headers": {"api-key": run.key}} if is_azure else {"api_key": run.key}
    async with await runner.run(model_config=to) as session:
        talk = Talk(session)
        await talk.until(lambda: len(talk.raw("session.updated")) == 2)
        yield talk


async def connect(talk: Talk) -> None:
    assert talk.raw("session.created")


async def update(talk: Talk) -> None:
    session = talk.raw("session.updated")[-1]["session"]
    assert session["audio"]["output"]["voice"] == VOICE, session
    assert session["instructions"] == INSTRUCTIONS, session
    assert session["tools"][0]["name"] == "get_weather", session


async def text(talk: Talk) -> None:
    await talk.session.send_message(REQUEST)
    await talk.until(lambda: talk.of("agent_end"))
    assert "banana" in talk.said.lower(), talk.said
    assert sum(len(event.audio.data) for event in talk.of("audio")) > 12_000, "no sound"


async def voice(talk: Talk) -> None:
    await talk.hear(speech())
    await talk.hear(silence())
    await talk.until(lambda: talk.of("agent_end") and talk.heard)
    assert "time" in talk.heard.lower(), talk.heard
    assert talk.said, "no answer"


async def tool(talk: Talk) -> None:
    await talk.session.send_message(TOOL_REQUEST)
    await talk.until(lambda: talk.of("tool_end") and len(talk.of("agent_end")) == 2)
    assert talk.of("tool_end")[0].output == WEATHER, talk.of("tool_end")
    assert "21" in talk.said, talk.said


async def interruption(talk: Talk) -> None:
    await talk.session.send_message(LONG_REQUEST)
    await talk.until(lambda: len(talk.of("audio")) > 3)
    await talk.hear(speech())
    await talk.until(lambda: talk.of("audio_interrupted"))
    # The SDK cuts the item to what was played, then asks what is left of it.
    await talk.until(lambda: talk.raw("conversation.item.truncated"))
    await talk.until(lambda: talk.raw("conversation.item.retrieved"))
    await talk.hear(silence())
    await talk.until(lambda: len(talk.raw("response.done")) == 2 and talk.heard)
    statuses = [event["response"]["status"] for event in talk.raw("response.done")]
    assert statuses == ["cancelled", "completed"], statuses


STEPS = {step.__name__: step for step in (connect, update, text, voice, tool, interruption)}


async def take(run: Run, step: str) -> None:
    async with talking(run) as talk:
        await STEPS[step](talk)


main(take)
