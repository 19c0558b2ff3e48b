"""`talk`: one conversation in the terminal, from the dial to the last word."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from rtclient.advice import Service
from rtclient.client import RTClient
from rtclient.errors import ConnectionLost, ServerError
from rtclient.extras import MissingExtraError
from rtclient.low_level_client import EndpointSource
from rtclient.recording.recorder import Recorder
from rtclient.resumption.actions import Restoration
from rtclient.sound_files import SoundFileError
from rtclient.talk.captions import HEARING
from rtclient.talk.core import Event, TalkCore
from rtclient.talk.devices import DeviceError
from rtclient.talk.ends import Ends
from rtclient.talk.event_log import log_line, short_line
from rtclient.talk.foot import Foot
from rtclient.talk.keyboard import is_terminal, keys, lines
from rtclient.talk.options import TalkOptions
from rtclient.talk.playback import Playback
from rtclient.talk.screen import PlainScreen, Screen, open_screen, undisturbed
from rtclient.talk.sources import in_real_time, silence

_FRAME_S: Final = 1 / 12


async def talk(
    options: TalkOptions,
    endpoint: EndpointSource,
    *,
    service: Service = "server",
    secrets: tuple[str, ...] = (),
    client_options: Mapping[str, Any] | None = None,
    out: TextIO | None = None,
) -> int:
    """Hold a conversation until it is over, the connection ends, or it is cancelled (Ctrl+C).

    Args:
        options: What it is to be like.
        endpoint: Where to dial.
        service: For the advice that names its settings.
        secrets: What is never shown, should the service repeat it.
        client_options: More keywords for `RTClient.to`.
        out: Where the conversation is shown; None is stdout, or stderr when stdout has the sound.

    Returns:
        The exit code: 0 it went well, 1 a device or a file does not work (the reason is shown).

    Raises:
        RTError: The connection failed or was lost.
    """
    standard: TextIO = sys.stderr if options.stdout else sys.stdout
    shown = out or standard
    more: dict[str, Any] = dict(client_options or {})
    client = RTClient.to(endpoint, **more)
    async with contextlib.AsyncExitStack() as stack:
        try:
            ends = Ends.opened(options, stack)
            recorder = _recorder(options.record, client, stack)
            log = _debug_file(options.debug, stack)
        except (DeviceError, MissingExtraError, SoundFileError, OSError) as exc:
            (out or sys.stderr).write(f"{_sentence(exc)}\n")
            return 1
        if shown.isatty() and not options.plain:
            shown = stack.enter_context(undisturbed(shown))
        screen = open_screen(shown, is_plain=options.plain, notes=None if out else sys.stderr)
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
        conversation = _Conversation(options, client, core, ends, screen, log)
        client.attach(conversation)
        client.on("restored", conversation.on_restored)
        if recorder is not None:
            client.attach(recorder)
        for notice in ends.notices:
            screen.note(notice)
        return await conversation.run()


class _Conversation:
    """The tasks of one conversation, around its core. It listens to the client's events."""

    def __init__(
        self,
        options: TalkOptions,
        client: RTClient,
        core: TalkCore,
        ends: Ends,
        screen: Screen,
        log: TextIO | None,
    ) -> None:
        self._options = options
        self._client = client
        self._core = core
        self._ends = ends
        self._screen = screen
        self._foot = Foot(options, client, core, has_source=ends.has_source)
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._begin_s = self._loop.time()
        self._outgoing: asyncio.Queue[Event] = asyncio.Queue()
        self._pressed: asyncio.Queue[str] = asyncio.Queue()
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

    def on_restored(self, restoration: Restoration) -> None:
        """Tell that the conversation goes on over another connection, when it was felt."""
        if restoration.kind == "reconnected":
            self._screen.note(
                f"The connection was lost, and is back after {restoration.elapsed_s:.1f} seconds."
            )
        for lost in restoration.lost:
            name, _, what = lost.partition(": ")
            is_id = what and " " not in name  # of an item: nothing to people
            self._screen.note(f"Lost with it: {what if is_id else lost}.")

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
            # Before the dial, which takes its time: no key is to be lost or echoed.
            with contextlib.ExitStack() as stack:
                if self._has_keys:
                    self._pressed = stack.enter_context(keys())
                return await self._held()
        except BrokenPipeError:
            return 0  # whoever listened to stdout has heard enough
        except DeviceError as exc:
            self._screen.note(str(exc))
            return 1
        finally:
            if not self._is_ready:
                self._core.notices.clear()  # the error that leaves says it
            self._show_what_is_settled(is_last=True)

    async def _held(self) -> int:
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
        if self._options.has_microphone_file and not self._has_spoken:
            self._core.notices.append(
                "No speech was heard in the sound that was given. Is it loud enough?"
                " A lower --vad-threshold hears more."
            )
        return 0

    @property
    def _has_spoken(self) -> bool:
        return any(item.role == "user" for item in self._client.conversation.items)

    async def _configure(self) -> None:
        session = self._options.session()
        try:
            await self._client.configure(**session)
        except ServerError as exc:
            if not (self._options.has_transcription and "transcription" in (exc.param or "")):
                raise
            session["audio"]["input"]["transcription"] = None
            self._core.captions.has_transcription = False
            self._core.notices.clear()
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
            self._send(self._core.on_microphone(block))
        self._send(self._core.on_microphone_end(self._loop.time()))
        async for block in in_real_time(silence()):
            self._send(self._core.on_microphone(block))

    async def _quiet(self) -> None:
        """Wait until what is sent by now is answered and has sounded."""
        self._is_quiet.clear()
        await self._is_quiet.wait()

    # Keys -------------------------------------------------------------------------------------

    @property
    def _has_keys(self) -> bool:
        """Whether keys are read one by one: not where the terminal must show what is typed."""
        is_typed_blindly = self._options.text_only and isinstance(self._screen, PlainScreen)
        return is_terminal() and not self._options.stdin and not is_typed_blindly

    async def _reading_keys(self) -> None:
        if self._has_keys:
            while key := await self._pressed.get():
                self._on_key(key)
        elif self._options.stdin:
            pass  # it has the sound
        elif self._options.text_only and (is_terminal() or not self._ends.has_source):
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
            if self._outgoing.empty() and self._core.is_quiet:
                self._is_quiet.set()
            if self._outgoing.empty() and self._core.is_over(self._loop.time()):
                self._is_over.set()
            await asyncio.sleep(_FRAME_S)

    def _show_what_is_settled(self, *, is_last: bool = False) -> None:
        settled = self._core.captions.settled(self._loop.time())
        self._draw()  # first: a line must not stand in the foot and above it
        for line in settled:
            self._screen.line(line)
        if is_last:
            for line in self._core.captions.live():  # the end came first
                if line.said != HEARING:
                    self._screen.line(line)
        while self._core.notices:
            self._screen.note(self._core.notices.popleft())

    def _draw(self) -> None:
        seconds = self._loop.time() - self._begin_s
        self._screen.update(self._foot.view(seconds, is_ready=self._is_ready, draft=self._draft))


def _sentence(exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.filename is not None:
        return f"{exc.filename} cannot be written: {exc.strerror}."
    return str(exc)


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
