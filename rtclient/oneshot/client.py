"""The calls: each has a connection of its own, those of one `async with client:` share one."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Self

from rtclient.errors import ConnectionLost
from rtclient.low_level_client import RTLowLevelClient
from rtclient.oneshot.config import RealtimeConfig
from rtclient.oneshot.reply import Reply, ReplyPart
from rtclient.protocol.audio import PCM16, appended
from rtclient.resampling import Resampler, resample
from rtclient.service.opening import check, open_upstream, ssl_context

_log = logging.getLogger(__name__)


class RealtimeWebSocketClient:
    """Sends messages to a realtime model and returns its answers.

    Each call has a connection of its own. Inside `async with client:` all calls share one, and with
    it the conversation; they may come from several tasks, and wait for each other. For live
    conversations there is `RTClient`.
    """

    def __init__(self, config: RealtimeConfig, *, credential: Any = None) -> None:
        """Prepare; nothing is dialled before a call.

        Args:
            config: Where to call.
            credential: Anything with `get_token(scope)`, for Azure without a key; None takes what
                azure-identity finds.

        Raises:
            ValueError: The configuration does not make an address; the text says what to set.
        """
        if not isinstance(config, RealtimeConfig):
            raise TypeError("config must be a RealtimeConfig, such as RealtimeConfig.from_env()")
        self._config = config
        self._settings = config.service_settings()
        self._credential = credential
        check(self._settings, has_credential=credential is not None)
        for warning in config.warnings():
            _log.warning(warning)
        self._exchange: _Exchange | None = None
        self._closing = contextlib.AsyncExitStack()

    async def send_message(
        self,
        user_text: str | None = None,
        input_audio_chunks: Sequence[bytes] | None = None,
        instructions: str = "You are a helpful assistant.",
        voice: str | None = None,
        output_modalities: Sequence[str] | None = None,
    ) -> tuple[str, bytes]:
        """Send a message and return the whole answer.

        Args:
            user_text: What the user writes.
            input_audio_chunks: What the user says: signed 16-bit little-endian samples, mono, at
                the configured rate, 100 ms or more in all. It follows the text when both are there.
            instructions: For the model, for this answer.
            voice: Instead of the configured one. Once a conversation has been spoken in one voice,
                the service refuses another.
            output_modalities: `["audio"]`, or `["text"]` for an answer in writing.
                `["text", "audio"]` means audio, because its transcript always comes; so does None.

        Returns:
            The answer's text, and its sound in the form of the input; no bytes for `["text"]`.

        Raises:
            ValueError: There is neither text nor sound, or an argument is wrong.
            ServerError: The service refused something (a `RuntimeError`).
            ResponseFailed: The answer is not whole, because the model failed or the connection was
                lost (a `RuntimeError`); see its `status` and `code`.
            ConnectError: No connection came about (a `RuntimeError`).
            ConnectionLost: The service ended the session (a `RuntimeError`).
            TimeoutError: The service said nothing for the configured time.
        """
        stream = self.stream_message(
            user_text, input_audio_chunks, instructions, voice, output_modalities
        )
        async with contextlib.aclosing(stream):
            parts = [part async for part in stream]
        return "".join(part.text for part in parts), b"".join(part.audio for part in parts)

    def send_message_sync(
        self,
        user_text: str | None = None,
        input_audio_chunks: Sequence[bytes] | None = None,
        instructions: str = "You are a helpful assistant.",
        voice: str | None = None,
        output_modalities: Sequence[str] | None = None,
    ) -> tuple[str, bytes]:
        """Do what `send_message` does, in a program without asyncio.

        Raises `RuntimeError` in a coroutine: use `await client.send_message(…)` there.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            call = self.send_message(
                user_text, input_audio_chunks, instructions, voice, output_modalities
            )
            return asyncio.run(call)
        raise RuntimeError("An event loop runs here: use `await client.send_message(…)` instead.")

    def stream_message(
        self,
        user_text: str | None = None,
        input_audio_chunks: Sequence[bytes] | None = None,
        instructions: str = "You are a helpful assistant.",
        voice: str | None = None,
        output_modalities: Sequence[str] | None = None,
    ) -> AsyncGenerator[ReplyPart]:
        """Send a message and give the answer piece by piece, as it comes.

        Arguments and errors are those of `send_message`; wrong arguments are refused at once.
        Leaving the loop early ends the answer, as soon as nothing holds the stream any more. Inside
        `async with client` the next call waits for that: close a stream that you keep, such as with
        `contextlib.aclosing`.
        """
        if user_text is not None and not isinstance(user_text, str):
            raise TypeError("user_text must be text; sound goes into input_audio_chunks, a list")
        pcm = self._pcm(input_audio_chunks)
        if not user_text and not pcm:
            raise ValueError("Give user_text or input_audio_chunks: there is nothing to send.")
        events = [*_input_events(user_text, pcm)]
        response: dict[str, Any] = {
            "instructions": instructions,
            "output_modalities": [_modality(output_modalities)],
        }
        if response["output_modalities"] == ["audio"]:
            output = {"format": PCM16.to_wire(), "voice": voice or self._config.voice}
            response["audio"] = {"output": output}
        return self._stream(events, response)

    async def _stream(
        self, events: list[dict[str, Any]], response: dict[str, Any]
    ) -> AsyncGenerator[ReplyPart]:
        resampler = Resampler(PCM16.rate_hz, self._config.sample_rate_hz)
        async with contextlib.AsyncExitStack() as stack:
            exchange = self._exchange
            if exchange is None:
                exchange = await stack.enter_async_context(self._connected())
            answer = exchange.ask(events, response)
            await stack.enter_async_context(contextlib.aclosing(answer))
            async for part in answer:
                sound = resampler.feed(part.audio) if part.audio else b""
                if part.text or sound:
                    yield ReplyPart(part.text, sound)
            if sound := resampler.end():
                yield ReplyPart(audio=sound)

    def _pcm(self, chunks: Sequence[bytes] | None) -> bytes:
        """Return what the user says at the rate of the service."""
        pcm = bytes(chunks) if isinstance(chunks, bytes | bytearray) else b"".join(chunks or ())
        if len(pcm) % 2:
            raise ValueError(
                "input_audio_chunks must hold whole samples of 16 bits: the number of bytes is odd."
            )
        return resample(pcm, self._config.sample_rate_hz, PCM16.rate_hz)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator["_Exchange"]:
        async with (
            open_upstream(self._settings, credential=self._credential) as source,
            RTLowLevelClient.to(
                source, ssl_context=ssl_context(self._settings), proxy=self._settings.proxy
            ) as client,
        ):
            exchange = _Exchange(client, self._config.timeout_s)
            await exchange.begin()
            yield exchange

    async def __aenter__(self) -> Self:
        """Connect: the calls until the end of the block are one conversation."""
        if self._exchange is not None:
            raise RuntimeError("This client is connected already: use one `async with` at a time.")
        self._exchange = await self._closing.enter_async_context(self._connected())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the connection."""
        self._exchange = None
        await self._closing.aclose()


class _Exchange:
    """A connection that one call after the other uses."""

    def __init__(self, client: RTLowLevelClient, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._unfinished: Reply | None = None
        """A response that nobody waits for any more."""

    async def begin(self) -> None:
        """Tell the service that turns end when we say so."""
        audio = {"input": {"format": PCM16.to_wire(), "turn_detection": None}}
        session = {"type": "realtime", "audio": audio}
        await self._send({"type": "session.update", "session": session})

    async def ask(
        self, events: Sequence[Mapping[str, Any]], response: Mapping[str, Any]
    ) -> AsyncGenerator[ReplyPart]:
        """Send the user's message and give the answer."""
        async with self._turn:
            await self._forget()
            create_id = f"oneshot_{next(self._numbers)}"
            reply = self._unfinished = Reply(create_id)
            for event in events:
                await self._send(event)
            await self._send(
                {"type": "response.create", "event_id": create_id, "response": response}
            )
            while not reply.is_over and reply.error is None:
                for part in reply.feed(await self._next()):
                    yield part
            if reply.is_over:
                self._unfinished = None
            if reply.error is not None:
                raise reply.error

    async def _forget(self) -> None:
        """Let what an earlier call left behind come to its end: it is not ours."""
        if (left := self._unfinished) is None:
            return
        left.is_cancelled = True
        await self._send({"type": "response.cancel"})
        await self._send({"type": "input_audio_buffer.clear"})
        while not left.is_over:
            for _part in left.feed(await self._next()):
                pass
        self._unfinished = None

    async def _send(self, event: Mapping[str, Any]) -> None:
        async with self._patience():
            await self._client.send(event)

    async def _next(self) -> dict[str, Any]:
        async with self._patience():
            event = await self._client.recv_event()
        if event is None:
            raise ConnectionLost(1000)
        return event

    @contextlib.asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError:
            raise TimeoutError(
                f"The service said nothing for {self._timeout_s:g} s: try again, or set a longer"
                " timeout_s."
            ) from None


def _modality(wanted: Sequence[str] | None) -> str:
    if isinstance(wanted, str):
        wanted = [wanted]
    if wanted is not None and (not wanted or set(wanted) - {"text", "audio"}):
        raise ValueError('output_modalities must be ["audio"], ["text"] or ["text", "audio"].')
    return "text" if wanted is not None and "audio" not in wanted else "audio"


def _input_events(text: str | None, pcm: bytes) -> list[dict[str, Any]]:
    """Return what puts the user's message into the conversation."""
    events: list[dict[str, Any]] = []
    if text:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        events.append({"type": "conversation.item.create", "item": item})
    events.extend(appended(pcm))
    if pcm:
        events.append({"type": "input_audio_buffer.commit"})
    return events
