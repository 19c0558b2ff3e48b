"""`rtclient transcribe FILE`: write down what is said in a sound file, as it is recognised.

Exit codes besides those of every command: 3 when a part could not be transcribed.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from rtclient import advice
from rtclient.advice import Advice
from rtclient.commands import frame
from rtclient.commands.cutting import Cutter, Piece
from rtclient.commands.transcript import Line, Transcript, Words
from rtclient.commands.upstream import Choice
from rtclient.endpoints import Endpoint
from rtclient.errors import ConnectionLost
from rtclient.extras import MissingExtraError
from rtclient.low_level_client import EndpointSource, RTLowLevelClient
from rtclient.protocol.audio import PCM16
from rtclient.resumption.policy import ReconnectPolicy
from rtclient.service.causes import words_of_event
from rtclient.sound_files import SoundFileError, sound_chunks

PARTLY: Final = 3
_MOST_LOSSES: Final = 3
"""Connections in a row that end before they bring a line."""
ANSWER_TIMEOUT_S: Final = 60.0
"""How long the service may say nothing while it has work."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = frame.parser(
        "transcribe",
        "Write down what is said in a sound file: WAV, FLAC, Ogg, MP3, of any length.",
        arguments="FILE",
        epilog="Exit codes: 0 all is written down, 3 a part is missing (stderr says which), 1 it"
        " did not work, 2 the command line or the settings are wrong.",
    )
    result.add_argument("file", metavar="FILE", type=Path, help="the sound file")
    result.add_argument(
        "--transcription",
        metavar="MODEL",
        help="the model, or on Azure the deployment, that writes it down",
    )
    result.add_argument(
        "--language", metavar="CODE", help="what is spoken, such as de; else it is recognised"
    )
    result.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per line: start_ms, end_ms, text (null: it failed)",
    )
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    line = parser()
    options = frame.parsed(line, argv)
    choice = frame.chosen(line, options)
    model = options.transcription or choice.settings.transcription
    if model is None:
        line.error("TRANSCRIPTION_MODEL is off: name a model with --transcription")

    async def work() -> int:
        try:
            # It begins to read: a file that cannot be read is told before anything starts.
            file = _Work(
                choice,
                _session(model, options.language),
                _pieces(options.file),
                is_json=options.json,
            )
            async with frame.opened(choice) as source:
                return await file.run(_for_transcription(source))
        except (SoundFileError, MissingExtraError) as exc:
            frame.say(str(exc))
            return frame.DID_NOT_WORK

    return frame.run(work, choice)


class _Work:
    """One file on its way through transcription sessions: a lost one is followed by another."""

    def __init__(
        self,
        choice: Choice,
        session: dict[str, Any],
        pieces: Iterator[Piece],
        *,
        is_json: bool,
    ) -> None:
        self._choice = choice
        self._session = session
        self._pieces = pieces
        self._next_piece = next(pieces, None)
        self._is_json = is_json
        self._is_live = sys.stdout.isatty() and not is_json
        self._shown = ""
        self._transcript = Transcript()
        self._lines: list[Line] = []

    async def run(self, source: EndpointSource) -> int:
        """Transcribe the file at this address; return the exit code."""
        losses = 0
        while True:
            known = len(self._lines)
            try:
                # Pieces know best what is to be sent again, so the client restores nothing.
                async with RTLowLevelClient.to(
                    source,
                    reconnect_policy=ReconnectPolicy(max_attempts=0),
                    **self._choice.client_options(),
                ) as client:
                    is_over = await self._on(client)
                return self._code() if is_over else frame.DID_NOT_WORK
            except ConnectionLost as exc:
                self._end_line()
                losses = losses + 1 if len(self._lines) == known else 1
                if losses >= _MOST_LOSSES or not exc.retryable:
                    raise

    async def _on(self, client: RTLowLevelClient) -> bool:
        """Go on, on a new connection; False, and why, when it cannot be done."""
        if not await self._configured(client):
            return False
        for event in self._transcript.lost():
            await client.send(event)
        while self._next_piece is not None or not self._transcript.is_done:
            while self._next_piece is not None and not self._transcript.is_full:
                events = self._transcript.send(self._next_piece)
                self._next_piece = next(self._pieces, None)
                for event in events:
                    await client.send(event)
            answer = await self._next(client)
            if answer is None:
                return False
            for news in self._transcript.on_event(answer):
                self._show(news)
        return True

    async def _configured(self, client: RTLowLevelClient) -> bool:
        await client.send({"type": "session.update", "session": self._session})
        while (event := await self._next(client)) is not None:
            if event["type"] == "session.updated":
                return True
            if event["type"] == "error":
                found = advice.of_error_event(event, self._choice.service, self._choice.secrets)
                frame.say((found or self._failed(words_of_event(event))).text)
                return False
        return False

    async def _next(self, client: RTLowLevelClient) -> dict[str, Any] | None:
        """Return the next event; None, and why, when there is none."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                event = await client.recv_event()
        except TimeoutError:
            found = advice.transcription_absent(
                self._choice.service,
                is_configured=True,
                after_s=ANSWER_TIMEOUT_S,
                in_conversation=False,
            )
            frame.say(found.text)
            return None
        if event is None:
            raise ConnectionLost(1001)  # a session that ended in order is followed by another
        return event

    def _end_line(self) -> None:
        """Begin a new line on the terminal: what was shown of a piece comes once more."""
        if self._shown:
            frame.out("")
        self._shown = ""

    def _show(self, news: Words | Line) -> None:
        if isinstance(news, Words):
            if self._is_live:
                self._shown += news.text
                sys.stdout.write(news.text)
                sys.stdout.flush()
            return
        self._lines.append(news)
        if news.text is None:
            said = f" ({', '.join(news.said)})" if news.said else ""
            frame.say(f"Not transcribed: {_clock(news.start_ms)} to {_clock(news.end_ms)}{said}.")
        if self._is_json:
            frame.out(
                json.dumps(
                    {"start_ms": news.start_ms, "end_ms": news.end_ms, "text": news.text},
                    ensure_ascii=False,
                )
            )
        elif news.text or self._shown:
            # On a terminal most of it stands there already.
            shown, text = self._shown.strip(), news.text or ""
            frame.out(text.removeprefix(shown) if text.startswith(shown) else f"\n{text}")
        self._shown = ""

    def _code(self) -> int:
        failed = [line for line in self._lines if line.text is None]
        if not any(line.text for line in self._lines) and not failed:
            frame.say("No words are heard in the file.")
        if not failed:
            return frame.OK
        frame.say(self._failed(failed[0].said).text)
        return frame.DID_NOT_WORK if len(failed) == len(self._lines) else PARTLY

    def _failed(self, said: tuple[str, ...]) -> Advice:
        return advice.transcription_failed(self._choice.service, said, in_conversation=False)


def _pieces(path: Path) -> Iterator[Piece]:
    cutter = Cutter()
    for chunk in sound_chunks(path):
        yield from cutter.feed(chunk)
    yield from cutter.end()


def _session(model: str, language: str | None) -> dict[str, Any]:
    transcription = {"model": model} | ({"language": language} if language else {})
    return {
        "type": "transcription",
        "audio": {
            "input": {
                "format": PCM16.to_wire(),
                "turn_detection": None,
                "transcription": transcription,
            }
        },
    }


def _for_transcription(source: EndpointSource) -> EndpointSource:
    """Return where a session that only transcribes is opened."""
    if isinstance(source, Endpoint):
        return source.with_kind("transcription")

    async def endpoint() -> Endpoint:
        return (await source()).with_kind("transcription")

    return endpoint


def _clock(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes}:{seconds:02}"
