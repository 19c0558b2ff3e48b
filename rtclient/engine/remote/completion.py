"""The chunks of a streamed chat completion as thoughts: sentences and function calls.

Rules of the file:
- pure; a sentence is said as soon as its end is certain, calls once all are whole;
- tolerant of what servers do differently: calls without an index, arguments in one piece, thinking
  aloud in `<think>`, usage in a chunk of its own or none;
- bounded: a server that never stops is stopped.

Source: OpenAI API reference, chat completion chunk object.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rtclient.engine.senses import Call, Say, Stopped, Thought, Used
from rtclient.engine.voice import sentences

MAX_CHARS: Final = 32_768
"""Text of one answer; more could never be spoken within the limits of a response."""
MAX_CHUNKS: Final = 65_536
"""Of one answer, those without text too: a model that thinks for ever says nothing."""
MAX_CALL_CHARS: Final = 262_144
MAX_CALLS: Final = 64
_LONGEST: Final = 480
"""A sentence, and a gap between two, end here at the latest."""
_DONE: Final = "[DONE]"
_THINK: Final = "<think>"
_THOUGHT: Final = "</think>"
_NO_END = re.compile(r"(?:^|\s)(?:\d+|[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Mt|vs|approx|e\.g|i\.e)\.\s*$")
"""A full stop behind these ends no sentence."""


class BadCompletion(Exception):
    """What came is no chunk of a completion."""


class BadCall(Exception):
    """A function that is not there, or arguments that are no object."""


class Sentences:
    """Cuts growing text into sentences; what it yields, joined, is the text."""

    def __init__(self) -> None:
        self._text = ""
        self._joined = 0
        """So much of the text is one sentence, whatever full stops are in it."""

    def feed(self, text: str) -> Iterator[str]:
        """Take more text; yield the sentences whose end is now certain."""
        self._text += text
        if self._text.isspace():
            self._text = self._text[:_LONGEST]
        while (end := self._end()) is not None:
            yield self._text[:end]
            self._text, self._joined = self._text[end:], 0

    def _end(self) -> int | None:
        """Return where the first sentence ends, None when that is not certain yet."""
        while True:
            # The first of the stretches is a single sentence; that there is another ends it.
            starts = [start for start, _ in sentences(self._text[self._joined :])]
            if len(starts) < 2:
                return None
            self._joined += starts[1]
            if self._joined > _LONGEST or not _NO_END.search(self._text[: self._joined]):
                return self._joined

    def rest(self) -> Iterator[str]:
        """Yield what is left: the text is whole."""
        if self._text.strip():
            yield self._text
        self._text = ""


class Reasoning:
    """Leaves out a `<think>…</think>` at the beginning of a text."""

    def __init__(self) -> None:
        self._held: str | None = ""

    def feed(self, text: str) -> str:
        """Take more text; return what of it is meant for the user."""
        if self._held is None:
            return text
        held = (self._held + text).lstrip()
        if held.startswith(_THINK):
            _, mark, text = held.partition(_THOUGHT)
            # Only the end is kept: it may hold the first half of the mark.
            self._held = None if mark else _THINK + held[len(_THINK) :][-len(_THOUGHT) :]
            return text.lstrip()
        if _THINK.startswith(held):
            self._held = held
            return ""
        self._held = None
        return held

    def rest(self) -> str:
        """Return what was held back: the text is whole."""
        held, self._held = self._held or "", None
        return "" if held.startswith(_THINK) else held


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


class Completion:
    """One answer of a chat server."""

    def __init__(self, functions: Collection[str] = ()) -> None:
        """`functions`: the names of those that may be called."""
        self.is_over = False
        """Nothing more is wanted: the stream may be closed."""
        self._functions = functions
        self._reasoning = Reasoning()
        self._sentences = Sentences()
        self._calls: dict[int, _Call] = {}
        self._chars = 0
        self._chunks = 0
        self._finish_reason = ""

    @property
    def is_finished(self) -> bool:
        """Whether the server said that its answer is whole."""
        return self.is_over or bool(self._finish_reason)

    def feed(self, data: str) -> Iterator[Thought]:
        """Take the data of one event; yield what is now certain.

        Raises:
            BadCompletion: it is no chunk, or the server tells an error in it.
            BadCall: a call is wrong.
        """
        if data.strip() == _DONE:
            yield from self._finish("stop")
            self.is_over = True
            return
        try:
            chunk = json.loads(data)
            choices = chunk.get("choices") or ()
            if chunk.get("error") or not isinstance(choices, (list, tuple)):
                raise BadCompletion
            if choices:
                yield from self._on_choice(choices[0])
            if usage := chunk.get("usage"):
                yield _used(usage)
            self._chunks += 1
            if self._chunks >= MAX_CHUNKS:
                yield from self._finish("length")
                self.is_over = True
        except (TypeError, AttributeError, LookupError, ValueError, RecursionError):
            raise BadCompletion from None

    def _on_choice(self, choice: dict[str, Any]) -> Iterator[Thought]:
        delta = choice.get("delta") or {}
        text = delta.get("content") or delta.get("refusal") or ""
        if text and not self._finish_reason:
            self._chars += len(text)
            yield from map(Say, self._sentences.feed(self._reasoning.feed(text)))
        for piece in delta.get("tool_calls") or ():
            self._on_call(piece)
        if self._chars > MAX_CHARS:
            yield from self._finish("length")
            self.is_over = True
        elif choice.get("finish_reason"):
            yield from self._finish(choice["finish_reason"])

    def _on_call(self, piece: dict[str, Any]) -> None:
        index = piece.get("index")
        function = piece.get("function") or {}
        if not isinstance(index, int):
            index = len(self._calls) if piece.get("id") or function.get("name") else -1
        call = self._calls.get(index)
        if call is not None and piece.get("id") and call.id and piece["id"] != call.id:
            # Some servers give every call the index 0.
            index = max(self._calls) + 1
            call = None
        elif index < 0:
            call = self._calls[max(self._calls)] if self._calls else None
        if call is None:
            call = self._calls[index] = _Call()
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        call.id = call.id or str(piece.get("id") or "")
        call.name = call.name or str(function.get("name") or "")
        call.arguments += arguments
        if len(self._calls) > MAX_CALLS or len(call.arguments) > MAX_CALL_CHARS:
            raise BadCall

    def _finish(self, reason: str) -> Iterator[Thought]:
        """Yield what was kept until the end, once."""
        if self._finish_reason:
            return
        self._finish_reason = reason
        yield from map(Say, self._sentences.feed(self._reasoning.rest()))
        yield from map(Say, self._sentences.rest())
        if reason == "length":
            yield Stopped("max_output_tokens")  # a call that was cut is none
        elif reason == "content_filter":
            yield Stopped("content_filter")
        else:
            yield from [self._checked(call) for call in self._calls.values()]

    def _checked(self, call: _Call) -> Call:
        """Return a call as the client gets it."""
        try:
            arguments = json.loads(call.arguments or "{}")
        except (json.JSONDecodeError, RecursionError):
            raise BadCall from None
        if call.name not in self._functions or not isinstance(arguments, dict):
            raise BadCall
        return Call(call.name, call.arguments or "{}")


def _used(usage: dict[str, Any]) -> Used:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Used(
        int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0), int(cached)
    )
