"""A turn of the person as long as a key is held.

Source: Realtime API guide, conversations with push-to-talk.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from rtclient.errors import ConnectionLost
from rtclient.event_client import EventClient
from rtclient.items import RTInputAudioItem, RTResponse
from rtclient.protocol.audio import appended, bytes_to_ms
from rtclient.protocol.reading import value_at
from rtclient.protocol.session import sound_format
from rtclient.tools.runner import Tools

MIN_TURN_MS: Final = 100
"""The service refuses shorter turns."""


class PushToTalk:
    """One turn of the person, from `async with client.push_to_talk()`."""

    def __init__(
        self,
        client: EventClient,
        tools: Tools,
        interrupt: Callable[[], Awaitable[None]],
        answered: Callable[[dict[str, Any]], Awaitable[tuple[RTInputAudioItem, RTResponse]]],
    ) -> None:
        """Prepare.

        Args:
            client: What is talked to.
            tools: They keep quiet while the person speaks.
            interrupt: Stops what the model says.
            answered: Sends what makes a turn and lets the model answer it.
        """
        self._client = client
        self._tools = tools
        self._interrupt = interrupt
        self._answered = answered
        self._turn_detection: Any = None
        self._sent_bytes = 0
        self.item: RTInputAudioItem | None = None
        """The turn, once it has ended; await it for its transcript. None when thrown away."""
        self.response: RTResponse | None = None
        """The answer, once the turn has ended; None when it was thrown away."""

    @property
    def sent_ms(self) -> int:
        """How long the sound is that was sent."""
        sound = sound_format(self._client.conversation.session, "input")
        return bytes_to_ms(self._sent_bytes, sound)

    async def send(self, audio: bytes) -> None:
        """Send sound in the session's input format; the first may be of before the key press."""
        self._sent_bytes += len(audio)
        for event in appended(audio):
            await self._client.send_event(event)

    async def __aenter__(self) -> Self:
        """Begin."""
        self._tools.hold()
        try:
            await self._begin()
        except BaseException:
            await self._put_back()
            raise
        return self

    async def _begin(self) -> None:
        await self._interrupt()
        session = self._client.conversation.session
        self._turn_detection = value_at(session, "audio", "input", "turn_detection")
        if self._turn_detection is not None:
            await self._set_turn_detection(None)
        await self._client.send_event({"type": "input_audio_buffer.clear"})

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End: the model answers."""
        try:
            if exc_type is not None or self.sent_ms < MIN_TURN_MS:
                await self._client.send_event({"type": "input_audio_buffer.clear"})
            else:
                commit = {"type": "input_audio_buffer.commit"}
                self.item, self.response = await self._answered(commit)
        finally:
            await self._put_back()

    async def _put_back(self) -> None:
        self._tools.release()
        if self._turn_detection is not None:
            with contextlib.suppress(ConnectionLost):
                await self._set_turn_detection(self._turn_detection)

    async def _set_turn_detection(self, wire: Mapping[str, Any] | None) -> None:
        session = {"type": "realtime", "audio": {"input": {"turn_detection": wire}}}
        await self._client.send_event({"type": "session.update", "session": session})
