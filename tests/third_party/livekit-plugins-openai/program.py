"""livekit-plugins-openai: an AgentSession over its RealtimeModel, as in its quickstart, no room.

With `api_version`, which its makers deprecate, it sends a flat session to `/openai/realtime`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from conversation import (
    INSTRUCTIONS,
    LONG_REQUEST,
    MODEL,
    RATE_HZ,
    REQUEST,
    TOOL_REQUEST,
    VOICE,
    WEATHER,
    silence,
    speech,
)
from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool, io
from livekit.plugins.openai.realtime import RealtimeModel
from openai.types.realtime import AudioTranscription
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad
from report import Run, main


class Microphone(io.AudioInput):
    """Gives the agent what a step says."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()

    def hear(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._frames.put_nowait(rtc.AudioFrame(piece, RATE_HZ, 1, len(piece) // 2))


class Speaker(io.AudioOutput):
    """Plays to nobody, as long as it would take."""

    def __init__(self) -> None:
        capabilities = io.AudioOutputCapabilities(pause=False)
        super().__init__(label="speaker", capabilities=capabilities, sample_rate=RATE_HZ)
        self.played_s = 0.0
        self._began = self._pushed_s = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._pushed_s:
            self._began = time.monotonic()
            self.on_playback_started(created_at=time.time())
        self._pushed_s += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._pushed_s:
            left_s = self._began + self._pushed_s - time.monotonic()
            self._end = asyncio.get_running_loop().call_later(max(0.0, left_s), self._finish, False)

    def clear_buffer(self) -> None:
        if self._pushed_s:
            self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        if self._end is not None:
            self._end.cancel()
        position_s = min(self._pushed_s, time.monotonic() - self._began)
        self.played_s += position_s
        self._pushed_s = 0.0
        self.on_playback_finished(playback_position=position_s, interrupted=interrupted)


class Assistant(Agent):
    def __init__(self) -> None:
        super().__init__(instructions=INSTRUCTIONS)

    @function_tool
    async def get_weather(self, city: str) -> str:
        """Get the current weather of a city."""
        assert "Paris" in city, city
        return WEATHER


class Talk:
    """A session and the server's events."""

    def __init__(self, run: Run) -> None:
        self.events: list[dict[str, Any]] = []
        self.errors: list[Any] = []
        self.microphone, self.speaker = Microphone(), Speaker()
        self._changed = asyncio.Event()
        self.model = model = _model(run)
        # Nobody hears an echo here; by default the first 3 s of an answer cannot be interrupted.
        self.session: AgentSession[None] = AgentSession(llm=model, aec_warmup_duration=None)
        self.session.on("error", self._fail)
        self.session.input.audio = self.microphone
        self.session.output.audio = self.speaker
        open_session = model.session

        def heard_session(**options: Any) -> Any:
            realtime = open_session(**options)
            realtime.on("openai_server_event_received", self._note)
            return realtime

        model.session = heard_session

    def _note(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self._changed.set()

    def _fail(self, event: Any) -> None:
        self.errors.append(event.error)
        self._changed.set()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The server's events of this type."""
        return [event for event in self.events if event["type"] == kind]

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait until this holds; an error that the framework tells fails."""
        while not done():
            assert not self.errors, self.errors
            self._changed.clear()
            await self._changed.wait()


def _model(run: Run) -> Any:
    options: Any = {
        "voice": VOICE,
        "api_key": run.key,
        "input_audio_transcription": AudioTranscription(model="whisper-1"),
        "turn_detection": ServerVad(
            type="server_vad", create_response=True, interrupt_response=True
        ),
    }
    if run.kind == "RealtimeModel":
        return RealtimeModel(model=MODEL, base_url=run.base, **options)
    if run.kind.endswith("(api_version)"):
        options["api_version"] = "2025-04-01-preview"
    return RealtimeModel.with_azure(azure_deployment=MODEL, azure_endpoint=run.origin, **options)


@asynccontextmanager
async def talking(run: Run) -> AsyncIterator[Talk]:
    talk = Talk(run)
    await talk.session.start(Assistant(), record=False)
    try:
        await talk.until(lambda: len(talk.of("session.updated")) >= 3)
        yield talk
        assert not talk.errors, talk.errors
    finally:
        await talk.session.aclose()
        await talk.model.aclose()


async def connect(talk: Talk) -> None:
    assert talk.of("session.created")


async def update(talk: Talk) -> None:
    session = talk.of("session.updated")[-1]["session"]
    is_flat = "audio" not in session
    assert (session if is_flat else session["audio"]["output"])["voice"] == VOICE, session
    assert session["instructions"] == INSTRUCTIONS, session
    assert session["tools"][0]["name"] == "get_weather", session


async def text(talk: Talk) -> None:
    result = await talk.session.run(user_input=REQUEST)
    assert "banana" in str(result.events[-1].item.text_content).lower(), result.events
    assert talk.speaker.played_s > 0.25, "no sound"


async def voice(talk: Talk) -> None:
    talk.microphone.hear(speech())
    talk.microphone.hear(silence())
    await talk.until(lambda: talk.of("response.done"))
    handle = talk.session.current_speech
    if handle is not None:
        await handle.wait_for_playout()
    user, assistant = [item for item in talk.session.history.items if item.type == "message"]
    assert "time" in str(user.text_content).lower(), user
    assert assistant.text_content, assistant


async def tool(talk: Talk) -> None:
    result = await talk.session.run(user_input=TOOL_REQUEST)
    kinds = [event.type for event in result.events]
    assert kinds == ["function_call", "function_call_output", "message"], result.events
    assert "21" in str(result.events[-1].item.text_content), result.events


async def interruption(talk: Talk) -> None:
    handle = talk.session.generate_reply(user_input=LONG_REQUEST)
    audio = ("response.output_audio.delta", "response.audio.delta")
    await talk.until(lambda: sum(len(talk.of(kind)) for kind in audio) > 3)
    talk.microphone.hear(speech())
    await handle.wait_for_playout()
    assert handle.interrupted, "the speech was not interrupted"
    talk.microphone.hear(silence())
    # The framework cuts the item to what its speaker played.
    await talk.until(lambda: talk.of("conversation.item.truncated"))
    await talk.until(lambda: len(talk.of("response.done")) == 2)
    statuses = [event["response"]["status"] for event in talk.of("response.done")]
    assert statuses == ["cancelled", "completed"], statuses


STEPS = {step.__name__: step for step in (connect, update, text, voice, tool, interruption)}


async def take(run: Run, step: str) -> None:
    async with talking(run) as talk:
        await STEPS[step](talk)


main(take)
