"""One response as a careful client sees it: what is opened is closed, once and in order.

response = JudgedResponse(created["response"])
response.see(event)     # for each event that names it; raises AssertionError
"""

import base64
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]

_CLOSERS = {"text": {"output_text"}, "audio": {"output_audio", "output_audio_transcript"}}
"""What must be done before a part of this type is."""
_TEXT_KEY = {
    "text": "text",
    "audio": "transcript",
    "output_text": "text",
    "output_audio_transcript": "transcript",
}
"""Where the text of a part, or of a `.done` event, stands."""


@dataclass
class _Part:
    """The content part of an item."""

    kind: str
    """`text` or `audio`, as `part.type` says."""
    text: str = ""
    closed: set[str] = field(default_factory=set)


@dataclass
class _Output:
    """The open item of a response."""

    item: Event
    index: int
    part: _Part | None = None
    arguments: str = ""
    is_written: bool = False
    """The part or the arguments are closed."""


class JudgedResponse:
    """A response between `response.created` and `response.done`."""

    def __init__(self, wire: Event) -> None:
        """`wire`: the `response` of its `response.created`."""
        assert wire["status"] == "in_progress", wire
        assert wire["output"] == [], wire
        assert wire["usage"] is None, wire
        self.wire = wire
        self._output: list[Event] = []
        self._open: _Output | None = None

    @property
    def is_in_conversation(self) -> bool:
        """Whether its items enter the conversation."""
        return self.wire["conversation_id"] is not None

    def see(self, event: Event, *, is_cut: bool = False) -> None:
        """Judge the next event; `is_cut`: its item was truncated by the client meanwhile."""
        kind = event["type"].removeprefix("response.")
        if kind == "done":
            self._close(event["response"])
            return
        if kind == "output_item.added":
            self._open_item(event)
            return
        output = self._open
        assert output is not None, f"no item is open for {event}"
        assert event["output_index"] == output.index, event
        if kind == "output_item.done":
            self._close_item(output, event["item"], is_cut)
            return
        assert event["item_id"] == output.item["id"], event
        assert not output.is_written, f"after the end of its part: {event}"
        name, what = kind.rsplit(".", 1)
        if name == "function_call_arguments":
            self._argue(what, output, event)
            return
        assert event["content_index"] == 0, event
        if kind == "content_part.added":
            assert output.part is None, f"a second part: {event}"
            output.part = _Part(event["part"]["type"])
            return
        assert output.part is not None, f"no part is open for {event}"
        if kind == "content_part.done":
            self._close_part(output, output.part, event)
        else:
            self._write(name, what, output.part, event)

    def _open_item(self, event: Event) -> None:
        assert self._open is None, f"another item is open: {event}"
        assert event["output_index"] == len(self._output), event
        assert event["item"]["status"] == "in_progress", event
        self._open = _Output(event["item"], event["output_index"])

    def _argue(self, what: str, output: _Output, event: Event) -> None:
        assert event["call_id"] == output.item["call_id"], event
        if what == "delta":
            output.arguments += event["delta"]
        else:
            assert event["arguments"] == output.arguments, event
            assert event["name"] == output.item["name"], event
            output.is_written = True

    def _write(self, name: str, what: str, part: _Part, event: Event) -> None:
        assert name in _CLOSERS[part.kind], event
        assert name not in part.closed, f"after its end: {event}"
        if what == "done":
            part.closed.add(name)
            if name in _TEXT_KEY:
                assert event[_TEXT_KEY[name]] == part.text, event
        elif name == "output_audio":
            assert base64.b64decode(event["delta"], validate=True), "an empty delta"
        else:
            assert event["delta"], "an empty delta"
            part.text += event["delta"]

    def _close_part(self, output: _Output, part: _Part, event: Event) -> None:
        assert event["part"][_TEXT_KEY[part.kind]] == part.text, event
        missing = _CLOSERS[part.kind] - part.closed
        assert not missing, f"not closed before its part: {missing}"
        output.is_written = True

    def _close_item(self, output: _Output, item: Event, is_cut: bool) -> None:
        assert item["id"] == output.item["id"], item
        assert item["status"] in ("completed", "incomplete"), item
        if item["type"] == "function_call":
            assert output.is_written, f"its arguments are open: {item}"
            assert item["arguments"] == output.arguments, item
            assert item["call_id"] == output.item["call_id"], item
        elif output.part is not None:
            assert output.is_written, f"its part is open: {item}"
            key = _TEXT_KEY[output.part.kind]
            assert is_cut or item["content"][0][key] == output.part.text, item
        self._output.append(item)
        self._open = None

    def _close(self, wire: Event) -> None:
        assert self._open is None, f"an item is open: {wire}"
        assert wire["output"] == self._output, f"output {wire['output']}"
        for key in ("metadata", "conversation_id", "output_modalities"):
            assert wire[key] == self.wire[key], key
        status, details = wire["status"], wire["status_details"]
        assert status in ("completed", "cancelled", "failed", "incomplete"), wire
        if status == "completed":
            assert details is None, wire
            assert all(item["status"] == "completed" for item in wire["output"]), wire
        else:
            assert details["type"] == status, wire
        _check_usage(wire["usage"])


def _check_usage(usage: Event) -> None:
    given, made = usage["input_token_details"], usage["output_token_details"]
    cached = given["cached_tokens_details"]
    kinds = ("text_tokens", "audio_tokens", "image_tokens")
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], usage
    assert usage["input_tokens"] == sum(given[kind] for kind in kinds), usage
    assert given["cached_tokens"] == sum(cached[kind] for kind in kinds), usage
    assert all(cached[kind] <= given[kind] for kind in kinds), usage
    assert usage["output_tokens"] == made["text_tokens"] + made["audio_tokens"], usage
