"""Watches all events of one preview session and says what the old service would never send.

The counterpart of `judge.py`, for the older dialect. No package of today has its types, so the
shapes are written down here, from the beta types of the `openai` package 1.66 to 1.99 and, for what
strict clients require, from Microsoft's rtclient 0.5.4; not from the tables of the translation.

Shape: known events with their fields, and no others. Order: an item is created once, behind the one
that is named; what a response opens is closed, and its deltas are its text.

    judge = PreviewJudge()
    judge.see(event)    # for each event, in order; raises AssertionError
    judge.end()         # after the last one: nothing is left open
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Check = Callable[[Any], bool]
Shape = Mapping[str, Any]
"""Key → a type, a set of values, a check, or a list of one of them; `?` behind a key: optional."""

_VOICES = {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"}
_FORMATS = {"pcm16", "g711_ulaw", "g711_alaw"}
_STATUS = {"in_progress", "completed", "incomplete"}


def _or_null(wanted: Any) -> Check:
    return lambda value: value is None or _fits(value, wanted)


def _modalities(value: Any) -> bool:
    return value in (["text"], ["audio", "text"], ["text", "audio"])


def _limit(value: Any) -> bool:
    return value == "inf" or (isinstance(value, int) and 1 <= value <= 4096)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _audio(value: Any) -> bool:
    return isinstance(value, str) and bool(base64.b64decode(value, validate=True))


_CONTENT: Mapping[str, Shape] = {
    "input_text": {"text": str},
    "input_audio": {"transcript": _or_null(str), "audio?": str},
    "text": {"text": str},
    "audio": {"transcript": _or_null(str), "audio?": str},
}


def _content(value: Any) -> bool:
    shape = {"type": str, **_CONTENT[value["type"]]}
    return _fits(value, shape)


_ITEMS: Mapping[str, Shape] = {
    "message": {"role": {"user", "assistant", "system"}, "content": [_content]},
    "function_call": {"call_id": str, "name": str, "arguments": str},
    "function_call_output": {"call_id": str, "output": str},
}


def _item(value: Any) -> bool:
    common = {"id": str, "object": {"realtime.item"}, "type": str, "status": _STATUS}
    if not _fits(value, {**common, **_ITEMS[value["type"]]}):
        return False
    if value["type"] == "message":
        own = {"assistant": {"text", "audio"}}.get(value["role"], {"input_text", "input_audio"})
        return all(part["type"] in own for part in value["content"])
    return True


_TURN_DETECTION: Shape = {
    "type": {"server_vad", "semantic_vad"},
    "threshold?": _number,
    "prefix_padding_ms?": int,
    "silence_duration_ms?": int,
    "eagerness?": str,
    "create_response?": bool,
    "interrupt_response?": bool,
}
_SESSION: Shape = {
    "id": str,
    "object": {"realtime.session"},
    "model": str,
    "modalities": _modalities,
    "instructions": str,
    "voice": _VOICES,
    "input_audio_format": _FORMATS,
    "output_audio_format": _FORMATS,
    "input_audio_transcription": _or_null(dict),
    "turn_detection": _or_null(_TURN_DETECTION),
    "tools": [{"type": {"function"}, "name": str, "description?": str, "parameters?": dict}],
    "tool_choice": lambda value: isinstance(value, str | dict),
    "temperature": _number,
    "max_response_output_tokens": _limit,
    "input_audio_noise_reduction?": _or_null(dict),
    "speed?": _number,
    "tracing?": lambda value: value is None or isinstance(value, str | dict),
    "prompt?": _or_null(dict),
    "include?": _or_null([str]),
    "expires_at?": int,
    "client_secret?": _or_null(dict),
}
_TRANSCRIPTION_SESSION: Shape = {
    "id": str,
    "object": {"realtime.transcription_session"},
    "input_audio_format": _FORMATS,
    "input_audio_transcription": _or_null(dict),
    "turn_detection": _or_null(_TURN_DETECTION),
    "client_secret": _or_null(dict),
    "input_audio_noise_reduction?": _or_null(dict),
    "modalities?": _modalities,
    "include?": _or_null([str]),
    "expires_at?": int,
}
_USAGE: Shape = {
    "total_tokens": int,
    "input_tokens": int,
    "output_tokens": int,
    "input_token_details": dict,
    "output_token_details": {"text_tokens": int, "audio_tokens": int},
}
_RESPONSE: Shape = {
    "id": str,
    "object": {"realtime.response"},
    "status": {"in_progress", "completed", "cancelled", "failed", "incomplete"},
    "status_details": _or_null(dict),
    "output": [_item],
    "usage": _or_null(_USAGE),
    "conversation_id?": _or_null(str),
    "modalities?": _modalities,
    "voice?": _VOICES,
    "output_audio_format?": _FORMATS,
    "temperature?": _number,
    "max_output_tokens?": _limit,
    "metadata?": _or_null(dict),
}
_IN_RESPONSE: Shape = {"response_id": str, "output_index": int}
_IN_ITEM: Shape = {**_IN_RESPONSE, "item_id": str}
_IN_PART: Shape = {**_IN_ITEM, "content_index": int}
_PART: Shape = {"type": {"text", "audio"}, "text?": str, "transcript?": _or_null(str)}
_TRANSCRIPTION = "conversation.item.input_audio_transcription"
_EVENTS: Mapping[str, Shape] = {
    "session.created": {"session": _SESSION},
    "session.updated": {"session": _SESSION},
    "transcription_session.created": {"session": _TRANSCRIPTION_SESSION},
    "transcription_session.updated": {"session": _TRANSCRIPTION_SESSION},
    "conversation.item.created": {"item": _item, "previous_item_id": _or_null(str)},
    "conversation.item.retrieved": {"item": _item},
    "conversation.item.deleted": {"item_id": str},
    "conversation.item.truncated": {"item_id": str, "content_index": int, "audio_end_ms": int},
    f"{_TRANSCRIPTION}.delta": {
        "item_id": str,
        "content_index": int,
        "delta": str,
        "logprobs?": _or_null(list),
        "obfuscation?": str,
    },
    f"{_TRANSCRIPTION}.completed": {
        "item_id": str,
        "content_index": int,
        "transcript": str,
        "logprobs?": _or_null(list),
        "usage?": dict,
    },
    "input_audio_buffer.committed": {"item_id": str, "previous_item_id": _or_null(str)},
    "input_audio_buffer.cleared": {},
    "input_audio_buffer.speech_started": {"item_id": str, "audio_start_ms": int},
    "input_audio_buffer.speech_stopped": {"item_id": str, "audio_end_ms": int},
    "response.created": {"response": _RESPONSE},
    "response.done": {"response": _RESPONSE},
    "response.output_item.added": {**_IN_RESPONSE, "item": _item},
    "response.output_item.done": {**_IN_RESPONSE, "item": _item},
    "response.content_part.added": {**_IN_PART, "part": _PART},
    "response.content_part.done": {**_IN_PART, "part": _PART},
    "response.text.delta": {**_IN_PART, "delta": str, "obfuscation?": str},
    "response.text.done": {**_IN_PART, "text": str},
    "response.audio.delta": {**_IN_PART, "delta": _audio, "obfuscation?": str},
    "response.audio.done": _IN_PART,
    "response.audio_transcript.delta": {**_IN_PART, "delta": str, "obfuscation?": str},
    "response.audio_transcript.done": {**_IN_PART, "transcript": str},
    "response.function_call_arguments.delta": {
        **_IN_ITEM,
        "call_id": str,
        "delta": str,
        "obfuscation?": str,
    },
    "response.function_call_arguments.done": {
        **_IN_ITEM,
        "call_id": str,
        "arguments": str,
        "name?": str,
    },
    "rate_limits.updated": {
        "rate_limits": [
            {"name": str, "limit": int, "remaining": int, "reset_seconds": _number},
        ]
    },
    "error": {
        "error": {
            "type": str,
            "message": str,
            "code": _or_null(str),
            "param": _or_null(str),
            "event_id": _or_null(str),
        }
    },
}


def _fits(value: Any, wanted: Any) -> bool:
    """Say whether a value is what is wanted; AssertionError names a key that is not."""
    if isinstance(wanted, Mapping):
        return isinstance(value, dict) and _has_keys(value, wanted)
    if isinstance(wanted, list):
        return isinstance(value, list) and all(_fits(one, wanted[0]) for one in value)
    if isinstance(wanted, set):
        return isinstance(value, str) and value in wanted
    if isinstance(wanted, type):
        return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
    return bool(wanted(value))


def _has_keys(value: Event, shape: Shape) -> bool:
    known = {key.rstrip("?") for key in shape}
    assert value.keys() <= known, f"unknown keys {sorted(value.keys() - known)}"
    for key, wanted in shape.items():
        name = key.rstrip("?")
        if name not in value:
            assert key.endswith("?"), f"{name} is missing"
        else:
            assert _fits(value[name], wanted), f"{name}: {value[name]!r:.200}"
    return True


@dataclass
class _Response:
    """A response that is under way."""

    open_item: Event | None = None
    part: str | None = None
    texts: dict[str, str] = field(default_factory=dict)
    """What the deltas of the open item said, by the event's name."""
    closed: set[str] = field(default_factory=set)
    output: list[Event] = field(default_factory=list)


_ENDS = {"text": {"text"}, "audio": {"audio", "audio_transcript"}}
"""What must be done before a part of this type is."""
_WHOLE = {"text": "text", "audio_transcript": "transcript", "function_call_arguments": "arguments"}


class PreviewJudge:
    """One session as a careful preview client sees it. Call `see` and `end`."""

    def __init__(self) -> None:
        self.count = 0
        self.order: list[str] = []
        """The ids of the conversation's items."""
        self._event_ids: set[str] = set()
        self._responses: dict[str, _Response] = {}
        self._must_be_created: str | None = None

    def see(self, event: Event) -> None:
        """Judge the next event; AssertionError says what is wrong with it."""
        kind = str(event.get("type"))
        assert kind in _EVENTS, f"the preview has no {kind}"
        try:
            _has_keys(event, {"type": str, "event_id": str, **_EVENTS[kind]})
            self._in_order(kind, event)
        except (AssertionError, KeyError, TypeError, ValueError) as exc:
            raise AssertionError(f"{exc} in {event}") from exc

    def end(self) -> None:
        """Say that no more events come."""
        assert not self._responses, f"still open: {list(self._responses)}"
        assert self._must_be_created is None, f"never created: {self._must_be_created}"

    def _in_order(self, kind: str, event: Event) -> None:
        assert event["event_id"] not in self._event_ids, "an event id is used twice"
        self._event_ids.add(event["event_id"])
        assert (self.count == 0) == kind.endswith("session.created"), "not the first event"
        self.count += 1
        if self._must_be_created is not None:
            assert kind == "conversation.item.created", "an item was to be created"
            assert event["item"]["id"] == self._must_be_created
            self._must_be_created = None
        if kind == "conversation.item.created":
            before, item_id = event["previous_item_id"], event["item"]["id"]
            assert item_id not in self.order, "created twice"
            self.order.insert(0 if before is None else self.order.index(before) + 1, item_id)
        elif kind == "conversation.item.deleted":
            self.order.remove(event["item_id"])
        elif kind == "input_audio_buffer.committed":
            self._must_be_created = event["item_id"]
        elif kind == "response.created":
            assert event["response"]["output"] == []
            self._responses[event["response"]["id"]] = _Response()
        elif kind == "response.done":
            response = self._responses.pop(event["response"]["id"])
            assert response.open_item is None, "an item is open"
            assert event["response"]["output"] == response.output
            assert event["response"]["status"] != "in_progress"
        elif kind.startswith("response."):
            name, _, what = kind.removeprefix("response.").rpartition(".")
            self._in_response(self._responses[event["response_id"]], name, what, event)

    def _in_response(self, response: _Response, name: str, what: str, event: Event) -> None:
        if (name, what) == ("output_item", "added"):
            assert response.open_item is None, "another item is open"
            response.open_item = event["item"]
            response.part, response.texts, response.closed = None, {}, set()
            self._must_be_created = event["item"]["id"]
            return
        assert response.open_item is not None, "no item is open"
        if (name, what) == ("output_item", "done"):
            assert event["item"]["id"] == response.open_item["id"]
            assert response.part is None, "a part is open"
            response.output.append(event["item"])
            response.open_item = None
            return
        assert event["item_id"] == response.open_item["id"]
        if (name, what) == ("content_part", "added"):
            response.part = event["part"]["type"]
        elif name == "content_part":
            assert response.part is not None
            assert _ENDS[response.part] <= response.closed, "closed too early"
            response.part = None
        elif what == "delta":
            response.texts[name] = response.texts.get(name, "") + event["delta"]
        else:
            response.closed.add(name)
            if name in _WHOLE:
                assert event[_WHOLE[name]] == response.texts.get(name, ""), "not its deltas"
