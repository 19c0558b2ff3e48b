"""`talk`: one conversation in the terminal, from the dial to the last word."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from rtclient.client import RTClient
from rtclient.commands.advice import Service
from rtclient.errors import ConnectionLost, ServerError
from rtclient.extras import MissingExtraError
from rtclient.low_level_client import ClientState, EndpointSource
from rtclient.recording.recorder import Recorder
from rtclient.sound_files import SoundFileError
from rtclient.talk import devices
from rtclient.talk.core import Event, TalkCore
from rtclient.talk.devices import DeviceError, Loudspeaker, Microphone
from rtclient.talk.event_log import log_line, short_line
from rtclient.talk.keyboard import is_terminal, keys, lines
from rtclient.talk.options import TalkOptions
from rtclient.talk.playback import Playback
from rtclient.talk.screen import Screen, open_screen
from rtclient.talk.sinks import NoSink, PipeSink, Sink, WavSink
from rtclient.talk.sources import all_of, file_blocks, in_real_time, pipe_blocks, silence
from rtclient.talk.view import View, clock

_FRAME_S: Final = 1 / 12

Blocks = AsyncIterator[bytes]


async def talk(
    options: TalkOptions,
    endpoint: EndpointSource,
    *,
    label: str = "",
    service: Service = "server",
    secrets: tuple[str, ...] = (),
    client_options: Mapping[str, Any] | None = None,
    out: TextIO | None = None,
) -> int:
    """Hold a conversation until it is over, the connection ends, or it is cancelled (Ctrl+C).

    Args:
        options: What it is to be like.
        endpoint: Where to dial.
        label: What to call that to people.
        service: For the advice that names its settings.
        secrets: What is never shown, should the service repeat it.
        client_options: More keywords for `RTClient.to`.
        out: Where the conversation is shown; None is stdout, or stderr when stdout has the sound.

    Returns:
        The exit code: 0 it went well, 1 a device or a file does not work (the reason is shown).

    Raises:
        RTError: The connection failed or was lost.
    """
    out = out or (sys.stderr if options.stdout else sys.stdout)
    client = RTClient.to(endpoint, **(client_options or {}))
    async with contextlib.AsyncExitStack() as stack:
        try:
            ends = _Ends.opened(options, stack)
            recorder = _recorder(options.record, client, stack)
            log = _debug_file(options.debug, stack)
        except (DeviceError, MissingExtraError, SoundFileError, OSError) as exc:
            out.write(f"{exc}\n")
            return 1
        screen = open_screen(is_plain=options.plain, out=out)
        stack.callback(screen.close)
        core = TalkCore(
            options,
            client.conversation,
            Playback(threading.Lock()),
            has_guard=options.echo_guard == "on"
            or (options.echo_guard == "auto" and ends.is_in_one_room),
            service=service,
            secrets=secrets,
        )
        conversation = _Conversation(options, client, core, ends, screen, log, label)
        client.attach(conversation)
        if recorder is not None:
            client.attach(recorder)
        for notice in ends.notices:
            screen.note(notice)
        return await conversation.run()


class _Ends:
    """The two ends of the sound: where the person's comes from, where the model's goes to."""

    def __init__(self) -> None:
        self.source: Callable[[], Blocks] = silence
        self.sink: Sink = NoSink()
        self.has_source = False
        self.notices: list[str] = []
        self.is_in_one_room = False
        """Whether the microphone may hear the loudspeaker."""

    @classmethod
    def opened(cls, options: TalkOptions, stack: contextlib.AsyncExitStack) -> "_Ends":
        """Open what the options name. Raises what devices and files raise."""
        ends = cls()
        # The source first: a file that cannot be read must not cost the one that is written.
        is_live = ends._open_source(options, stack)
        is_heard = ends._open_sink(options, stack)
        ends.is_in_one_room = is_live and is_heard
        return ends

    def _open_sink(self, options: TalkOptions, stack: contextlib.AsyncExitStack) -> bool:
        if options.text_only:
            return False
        if options.out is not None:
            sink = WavSink(options.out)
            stack.callback(sink.close)
            self.sink = sink
        elif options.stdout:
            self.sink = PipeSink(options.device_rate)
        else:
            device = devices.choose("output", options.output_device, options.device_rate)
            loudspeaker = Loudspeaker(device)
            stack.callback(loudspeaker.close)
            self.sink = loudspeaker
            return True
        return False

    def _open_source(self, options: TalkOptions, stack: contextlib.AsyncExitStack) -> bool:
        if options.wav is not None:
            blocks = file_blocks(options.wav)
            self.source = lambda: in_real_time(all_of(blocks))
        elif options.stdin:
            self.source = lambda: in_real_time(pipe_blocks(options.device_rate))
        else:
            return self._open_microphone(options, stack)
        self.has_source = True
        return False

    def _open_microphone(self, options: TalkOptions, stack: contextlib.AsyncExitStack) -> bool:
        if options.text_only and not (is_terminal() or options.input_device):
            return False  # the lines of a pipe are the whole conversation
        try:
            device = devices.choose("input", options.input_device, options.device_rate)
            microphone = Microphone(device)
        except (DeviceError, MissingExtraError) as exc:
            if not options.text_only or options.input_device:
                raise
            self.notices.append(f"{exc} You can type.")
            return False
        stack.callback(microphone.close)
        self.source, self.has_source = microphone.blocks, True
        return True


class _Conversation:
    """The tasks of one conversation, around its core. It listens to the client's events."""

    def __init__(
        self,
        options: TalkOptions,
        client: RTClient,
        core: TalkCore,
        ends: _Ends,
        screen: Screen,
        log: TextIO | None,
        label: str,
    ) -> None:
        self._options = options
        self._client = client
        self._core = core
        self._ends = ends
        self._screen = screen
        self._log = log
        self._label = label
        self._loop = asyncio.get_running_loop()
        self._begin_s = self._loop.time()
        self._outgoing: asyncio.Queue[Event] = asyncio.Queue()
        self._draft = ""
        self._is_over, self._is_quiet = asyncio.Event(), asyncio.Event()
        self._is_ready = False

    # The client's events ----------------------------------------------------------------------

    def on_server_event(self, event: dict[str, Any]) -> None:
        """Take a GA event of the service."""
        self._debug(event, "received")
        self._send(self._core.on_server_event(event, self._loop.time()))

    def on_client_event(self, event: dict[str, Any]) -> None:
        """Take a GA event of ours."""
        self._debug(event, "sent")

    def _send(self, events: Sequence[Event]) -> None:
        for event in events:
            self._outgoing.put_nowait(event)

    def _debug(self, event: dict[str, Any], way: Any) -> None:
        now_s = self._loop.time() - self._begin_s
        if self._log is not None:
            self._log.write(log_line(event, way, now_s) + "\n")
        elif self._options.debug == "-":
            self._screen.note(short_line(event, way, now_s))

    # Its life ---------------------------------------------------------------------------------

    async def run(self) -> int:
        """Hold the conversation."""
        self._draw()
        try:
            async with self._client:
                await self._configure()
                self._is_ready = True
                await self._first_ended(
                    self._sending(),
                    self._showing(),
                    self._listening(),
                    self._ends.sink.play(self._take),
                    self._reading_keys(),
                    self._until_closed(),
                    self._is_over.wait(),
                )
        except BrokenPipeError:
            return 0  # whoever listened to stdout has heard enough
        except DeviceError as exc:
            self._screen.note(str(exc))
            return 1
        finally:
            self._show_what_is_settled(is_last=True)
        return 0

    async def _configure(self) -> None:
        session = self._options.session()
        try:
            await self._client.configure(**session)
        except ServerError as exc:
            if not (self._options.has_transcription and "transcription" in (exc.param or "")):
                raise
            session["audio"]["input"]["transcription"] = None
            self._core.captions.has_transcription = False
            self._screen.note(
                f"The service does not know the transcription {self._options.transcription}: what"
                " you say is not written down. Name another with --transcription."
            )
            await self._client.configure(**session)

    async def _first_ended(self, *work: Awaitable[object]) -> None:
        """Run all until one ends; it decides, also with its error."""
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sending(self) -> None:
        while True:
            await self._client.send_event(await self._outgoing.get())

    async def _until_closed(self) -> None:
        async for _ in self._client.events():
            pass
        raise ConnectionLost(1000)

    # Sound ------------------------------------------------------------------------------------

    def _take(self, n_bytes: int) -> bytes:
        return self._core.take(n_bytes, self._loop.time())

    async def _listening(self) -> None:
        greeting = self._core.greeting()
        self._send(greeting)
        is_file = self._options.has_microphone_file
        if greeting and is_file:
            await self._quiet()
        if not self._ends.has_source:
            await asyncio.Event().wait()
        if is_file and self._options.push_to_talk:
            self._send(self._core.begin_turn())
        async for block in self._ends.source():
            self._core.latency_s = self._ends.sink.latency_s
            self._send(self._core.on_microphone(block, self._loop.time()))
        self._send(self._core.on_microphone_end(self._loop.time()))
        async for block in in_real_time(silence()):
            self._send(self._core.on_microphone(block, self._loop.time()))

    async def _quiet(self) -> None:
        """Wait until what is sent by now is answered and has sounded."""
        self._is_quiet.clear()
        await self._is_quiet.wait()

    # Keys -------------------------------------------------------------------------------------

    async def _reading_keys(self) -> None:
        if self._options.stdin:
            pass  # it has the sound
        elif is_terminal():
            async for key in keys():
                self._on_key(key)
        elif self._options.text_only and not self._ends.has_source:
            async for line in lines():
                await self._quiet()
                self._send(self._core.on_line(line))
            self._send(self._core.on_microphone_end(self._loop.time()))
        await asyncio.Event().wait()

    def _on_key(self, key: str) -> None:
        if key == "\x04":  # Ctrl+D
            self._is_over.set()
        elif not self._options.text_only:
            self._send(self._core.on_key(key, self._loop.time()))
        elif key in "\r\n":
            self._send(self._core.on_line(self._draft))
            self._draft = ""
        elif key in "\x7f\b":
            self._draft = self._draft[:-1]
        elif key == "\x15":  # Ctrl+U
            self._draft = ""
        elif key.isprintable():
            self._draft += key

    # The screen -------------------------------------------------------------------------------

    async def _showing(self) -> None:
        while True:
            self._core.on_time(self._loop.time())
            self._show_what_is_settled()
            self._draw()
            if self._outgoing.empty() and self._core.is_quiet:
                self._is_quiet.set()
            if self._outgoing.empty() and self._core.is_over(self._loop.time()):
                self._is_over.set()
            await asyncio.sleep(_FRAME_S)

    def _show_what_is_settled(self, *, is_last: bool = False) -> None:
        for line in self._core.captions.settled(self._loop.time()):
            self._screen.line(line)
        if is_last:
            for line in self._core.captions.live():  # the end came first
                self._screen.line(line)
        while self._core.notices:
            self._screen.note(self._core.notices.popleft())

    def _draw(self) -> None:
        core = self._core
        self._screen.update(
            View(
                status=self._status(),
                live=tuple(core.captions.live()),
                you_db=core.you.db,
                model_db=core.model.db,
                is_muted=core.guard.is_closed
                or (self._options.push_to_talk and not core.is_talking),
                facts=tuple(self._facts()),
                hint=self._hint(),
                draft=self._draft,
            )
        )

    def _status(self) -> str:
        known = self._client.conversation
        if self._client.state is ClientState.RECONNECTING:
            return "connecting again"
        if not self._is_ready:
            return "connecting"
        if self._core.is_talking:
            return "you talk"
        if known.is_user_speaking:
            return "you speak"
        if not self._core.is_silent:
            return "the model speaks"
        if known.is_awaiting or known.active_response is not None:
            return "the model thinks"
        return "waiting" if self._options.push_to_talk else "listening"

    def _facts(self) -> Iterator[str]:
        yield clock(self._loop.time() - self._begin_s)
        if self._core.answer_ms is not None:
            yield f"answer after {self._core.answer_ms / 1000:.1f} s"
        if self._client.usage.total_tokens:
            yield f"{self._client.usage.total_tokens} tokens"

    def _hint(self) -> str:
        if self._options.text_only:
            return "type and press Enter · Ctrl+C ends"
        if self._options.push_to_talk:
            what = "to be answered" if self._core.is_talking else "to talk"
            return f"{self._options.key} {what} · Ctrl+C ends"
        return "Ctrl+C ends"


def _recorder(
    folder: Path | None, client: RTClient, stack: contextlib.AsyncExitStack
) -> Recorder | None:
    if folder is None:
        return None
    recorder = Recorder(folder, client.conversation)
    stack.callback(recorder.close)
    return recorder


def _debug_file(name: str | None, stack: contextlib.AsyncExitStack) -> TextIO | None:
    if name is None or name == "-":
        return None
    # A line at a time: the log is whole when the program is killed.
    return stack.enter_context(Path(name).open("w", encoding="utf-8", buffering=1))
