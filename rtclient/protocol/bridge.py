"""Between a peer that speaks preview and the GA inside. Text in, texts out; no sockets, no clock.

    preview client ⇄ PreviewClient ⇄ GA ⇄ PreviewUpstream ⇄ preview upstream

`rtclient.protocol.dialects` knows what a value becomes; this file knows which events are touched,
and what one dialect tells in other events than the other:

- GA tells of an item twice, `conversation.item.added` and `.done`; preview once, `.created`;
- strict old clients need keys that GA leaves out, and know fewer voices;
- strict new clients need keys that preview leaves out.

Rules of the file:
- an event that needs no change leaves as the same text, and is not parsed for that;
- where only the name differs, it is replaced in place: what stands behind it is not looked at;
- text that is no event passes unchanged (who reads it next refuses it);
- nothing raises, and what is remembered is bounded.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.codec import MAX_SERVER_BYTES, MAX_TYPE_CHARS, decode, encode, find_type
from rtclient.protocol.dialects import (
    EVENT_NAMES,
    GA_ONLY_EVENTS,
    RESPONSE_ALIAS,
    TRANSCRIPTION_EVENT_NAMES,
    Dialect,
    Lost,
    error_with_paths,
    item_to_ga,
    item_to_preview,
    part_to_short,
    path_to_ga,
    path_to_preview,
    response_to_ga,
    response_to_preview,
    session_to_ga,
    session_to_preview,
    without_preview_only,
)
from rtclient.protocol.old_clients import (
    Wishes,
    with_item_keys,
    with_part_keys,
    with_response_keys,
    with_session_keys,
    with_transcription_keys,
)

Event = dict[str, Any]

PREVIEW_PATH: Final = "/openai/realtime"
PREVIEW_SUBPROTOCOL: Final = "openai-beta.realtime-v1"

_COMMON_START = '{"type":"'
_NAME_AT = len(_COMMON_START)
_LONGEST_NAME_END = _NAME_AT + MAX_TYPE_CHARS + 1
_MAX_REMEMBERED = 1000

_TRANSCRIPTION_TO_GA = dict(TRANSCRIPTION_EVENT_NAMES)
_TRANSCRIPTION_TO_PREVIEW = {ga: preview for preview, ga in TRANSCRIPTION_EVENT_NAMES}


class Crossing(NamedTuple):
    """What became of one text."""

    texts: tuple[str, ...]
    """What goes on, in order; none when the other dialect has no word for it."""
    lost: tuple[str, ...] = ()
    """Dotted names of what could not cross, such as `session.temperature`. From our tables only:
    never something that a peer wrote."""


def handshake_dialect(
    path: str, subprotocols: Iterable[str] = (), beta_header: str | None = None
) -> Dialect:
    """Return what a handshake says about the client; its first update may say otherwise.

    Args:
        path: Without host and query.
        subprotocols: Those that the client offers.
        beta_header: The value of `OpenAI-Beta`.
    """
    is_preview = (
        path.rstrip("/").endswith(PREVIEW_PATH)
        or PREVIEW_SUBPROTOCOL in subprotocols
        or "realtime=v1" in (beta_header or "").replace(" ", "").casefold()
    )
    return "preview" if is_preview else "ga"


Change = Callable[[Any, Event, Lost], list[Event]]
"""A method that makes the events of the other dialect from one event."""


class _Way:
    """One direction over a bridge: which events get another name, and which need more."""

    def __init__(self, names: Mapping[str, str], changed: Mapping[str, Change]) -> None:
        self._names = names
        self._changed = changed
        self.lightly = _lightly(names, changed)

    def cross(self, bridge: "_Bridge", text: str) -> Crossing:
        """Do to one text what it takes."""
        if (light := self.lightly(text)) is not None:
            return Crossing((light,))
        try:
            event = decode(text, max_bytes=MAX_SERVER_BYTES)
        except RemoteProtocolError:
            return Crossing((text,))
        lost: Lost = []
        if (new := self._names.get(event["type"])) is not None:
            events = [event | {"type": new}]
        elif (change := self._changed.get(event["type"])) is not None:
            events = change(bridge, event, lost)
        else:
            return Crossing((text,))
        # What has not changed keeps its spelling.
        texts = tuple(text if new_event == event else encode(new_event) for new_event in events)
        return Crossing(texts, tuple(dict.fromkeys(lost)))


def _lightly(
    names: Mapping[str, str], changed: Mapping[str, Change]
) -> Callable[[str], str | None]:
    """Return a function that does to a text what needs no look behind the event's type.

    Sound comes hundreds of times in a turn, so this is what the bridge costs: for most events one
    comparison, one match, or one copy.
    """
    audio = next((name for name in names if name.endswith("audio.delta")), "")
    audio_start, audio_name = f'{{"type":"{audio}"', names.get(audio, "")

    def lightly(text: str) -> str | None:
        """Return the text that goes on, or None when the event must be read to know."""
        if audio and text.startswith(audio_start):
            return text.replace(audio, audio_name, 1)
        if text.startswith(_COMMON_START):
            end = text.find('"', _NAME_AT, _LONGEST_NAME_END)
            name = text[_NAME_AT:end]
            if (new := names.get(name)) is not None:
                return text.replace(name, new, 1)
            # A name with an escape may be another one than it looks; so may a very long one.
            return None if name in changed or "\\" in name or end < 0 else text
        if (found := find_type(text)) is None:
            return None
        if (new := names.get(found[1])) is not None:
            start, end = found.span(1)
            return f"{text[:start]}{new}{text[end:]}"
        return None if found[1] in changed else text

    return lightly


class _Bridge:
    """What both ends share: the names of calls, which preview does not repeat."""

    def __init__(self) -> None:
        self._call_names: dict[str, Any] = {}

    def _note_call(self, item: object) -> None:
        if isinstance(item, Mapping) and item.get("type") == "function_call":
            item_id = item.get("id")
            if isinstance(item_id, str):
                _remember(self._call_names, item_id, item.get("name"))

    def _name_call(self, event: Event, lost: Lost) -> list[Event]:
        item_id = event.get("item_id")
        name = self._call_names.get(item_id) if isinstance(item_id, str) else None
        return [event if name is None else {"name": name, **event}]


class PreviewClient(_Bridge):
    """The peer is a preview client; we are its server."""

    def __init__(self, upstream: Dialect = "ga") -> None:
        """`upstream`: what the far end speaks; a preview one gets what only preview has."""
        super().__init__()
        self._keeps_preview_only = upstream == "preview"
        self._wishes = Wishes()
        self._writes_alias = False

    def to_inner(self, text: str) -> Crossing:
        """Return the GA texts for one text of the client."""
        return self._INWARD.cross(self, text)

    def to_outer(self, text: str) -> Crossing:
        """Return what the client gets for one GA text."""
        return self._OUTWARD.cross(self, text)

    # From the client.

    def _update(self, event: Event, lost: Lost, kind: str = "realtime") -> list[Event]:
        self._wishes.note(event.get("session"))
        keeps = self._keeps_preview_only
        return _with(
            event | {"type": "session.update"},
            "session",
            lambda it: session_to_ga(it, lost, kind=kind, keeps_preview_only=keeps),
        )

    def _transcription_update(self, event: Event, lost: Lost) -> list[Event]:
        return self._update(event, lost, "transcription")

    def _response_create(self, event: Event, lost: Lost) -> list[Event]:
        asked = event.get("response")
        if isinstance(asked, Mapping) and RESPONSE_ALIAS.preview in asked:
            self._writes_alias = True
        keeps = self._keeps_preview_only
        return _with(
            event, "response", lambda it: response_to_ga(it, lost, keeps_preview_only=keeps)
        )

    def _item_create(self, event: Event, lost: Lost) -> list[Event]:
        return _with(event, "item", item_to_ga)

    _INWARD: Final = _Way(
        {},
        {
            "session.update": _update,
            "transcription_session.update": _transcription_update,
            "response.create": _response_create,
            "conversation.item.create": _item_create,
        },
    )
    inner_text = staticmethod(_INWARD.lightly)
    """The one text of `to_inner`, or None when it takes more to know it."""

    # To the client.

    def _session(self, event: Event, lost: Lost) -> list[Event]:
        session = event.get("session")
        if not isinstance(session, Mapping):
            return [event]
        flat = session_to_preview(session, lost)
        if session.get("type") == "transcription":
            name = _TRANSCRIPTION_TO_PREVIEW[event["type"]]
            return [event | {"type": name, "session": with_transcription_keys(flat)}]
        return [event | {"session": self._shown(with_session_keys(flat), "session", lost)}]

    def _response(self, event: Event, lost: Lost) -> list[Event]:
        response = event.get("response")
        if not isinstance(response, Mapping):
            return [event]
        flat = with_response_keys(response_to_preview(response, lost))
        return [event | {"response": self._shown(flat, "response", lost)}]

    def _shown(self, flat: Event, name: str, lost: Lost) -> Event:
        if self._wishes.show(flat):
            lost.append(f"{name}.voice")
        return flat

    def _item_arrived(self, event: Event, lost: Lost) -> list[Event]:
        created = {"previous_item_id": None, **event, "type": "conversation.item.created"}
        return _with(created, "item", lambda item: with_item_keys(item_to_preview(item)))

    def _item(self, event: Event, lost: Lost) -> list[Event]:
        self._note_call(event.get("item"))
        return _with(event, "item", lambda item: with_item_keys(item_to_preview(item)))

    def _part(self, event: Event, lost: Lost) -> list[Event]:
        return _with(event, "part", lambda part: with_part_keys(part_to_short(part)))

    def _committed(self, event: Event, lost: Lost) -> list[Event]:
        return [{"previous_item_id": None, **event}]

    def _error(self, event: Event, lost: Lost) -> list[Event]:
        return _with(event, "error", lambda error: error_with_paths(error, self._own_path))

    def _own_path(self, path: str) -> str:
        """Return the path as this client spells it."""
        if self._writes_alias and path == f"response.{RESPONSE_ALIAS.ga[0]}":
            return f"response.{RESPONSE_ALIAS.preview}"
        return path_to_preview(path)

    def _told_already(self, event: Event, lost: Lost) -> list[Event]:
        return []

    def _unknown_to_preview(self, event: Event, lost: Lost) -> list[Event]:
        lost.append(event["type"])
        return []

    _OUTWARD: Final = _Way(
        {ga: preview for preview, ga in EVENT_NAMES},
        {
            "session.created": _session,
            "session.updated": _session,
            "conversation.item.added": _item_arrived,
            "conversation.item.created": _item_arrived,
            "conversation.item.done": _told_already,
            "conversation.item.retrieved": _item,
            "response.created": _response,
            "response.done": _response,
            "response.output_item.added": _item,
            "response.output_item.done": _item,
            "response.content_part.added": _part,
            "response.content_part.done": _part,
            "response.function_call_arguments.done": _Bridge._name_call,
            "input_audio_buffer.committed": _committed,
            "error": _error,
            **dict.fromkeys(GA_ONLY_EVENTS, _unknown_to_preview),
        },
    )
    outer_text = staticmethod(_OUTWARD.lightly)
    """The one text of `to_outer`, or None when it takes more to know it."""


class GaClient(_Bridge):
    """The peer is a GA client and the far end speaks preview: it is not shown what GA lacks."""

    def to_outer(self, text: str) -> Crossing:
        """Return what the client gets for one GA text."""
        return self._OUTWARD.cross(self, text)

    def _trimmed(self, event: Event, lost: Lost) -> list[Event]:
        key = "session" if event["type"].startswith("session.") else "response"
        return _with(event, key, without_preview_only)

    _OUTWARD: Final = _Way(
        {},
        dict.fromkeys(
            ("session.created", "session.updated", "response.created", "response.done"), _trimmed
        ),
    )
    outer_text = staticmethod(_OUTWARD.lightly)
    """The one text of `to_outer`, or None when it takes more to know it."""


class PreviewUpstream(_Bridge):
    """The peer is a preview server; we are its client."""

    def __init__(self) -> None:
        super().__init__()
        self._unfinished: dict[str, Event] = {}
        """The response's items that GA has not yet called done → what else their event says."""

    def to_inner(self, text: str) -> Crossing:
        """Return the GA texts for one text of the upstream."""
        return self._INWARD.cross(self, text)

    def to_outer(self, text: str) -> Crossing:
        """Return what the upstream gets for one GA text."""
        return self._OUTWARD.cross(self, text)

    # To the upstream.

    def _update(self, event: Event, lost: Lost) -> list[Event]:
        session = event.get("session")
        if isinstance(session, Mapping) and session.get("type") == "transcription":
            event = event | {"type": _TRANSCRIPTION_TO_PREVIEW["session.update"]}
        return _with(event, "session", lambda it: session_to_preview(it, lost))

    def _response_create(self, event: Event, lost: Lost) -> list[Event]:
        return _with(event, "response", lambda it: response_to_preview(it, lost))

    def _item_create(self, event: Event, lost: Lost) -> list[Event]:
        return _with(event, "item", item_to_preview)

    _OUTWARD: Final = _Way(
        {},
        {
            "session.update": _update,
            "response.create": _response_create,
            "conversation.item.create": _item_create,
        },
    )
    outer_text = staticmethod(_OUTWARD.lightly)
    """The one text of `to_outer`, or None when it takes more to know it."""

    # From the upstream.

    def _session(self, event: Event, lost: Lost, kind: str = "realtime") -> list[Event]:
        return _with(
            event,
            "session",
            lambda it: session_to_ga(it, lost, kind=kind, keeps_preview_only=True),
        )

    def _transcription_session(self, event: Event, lost: Lost) -> list[Event]:
        renamed = event | {"type": _TRANSCRIPTION_TO_GA[event["type"]]}
        return self._session(renamed, lost, "transcription")

    def _item_created(self, event: Event, lost: Lost) -> list[Event]:
        (added,) = _with(event | {"type": "conversation.item.added"}, "item", item_to_ga)
        item = added.get("item")
        if not isinstance(item, Mapping):
            return [added]
        if item.get("status") == "in_progress" and isinstance(item_id := item.get("id"), str):
            more = {key: event[key] for key in ("previous_item_id",) if key in event}
            _remember(self._unfinished, item_id, more)
            return [added]
        return [added, _done(added, item)]

    def _item(self, event: Event, lost: Lost) -> list[Event]:
        self._note_call(event.get("item"))
        return _with(event, "item", item_to_ga)

    def _item_done(self, event: Event, lost: Lost) -> list[Event]:
        (done,) = _with(event, "item", item_to_ga)
        return [done, *self._finish(event, done.get("item"))]

    def _response(self, event: Event, lost: Lost) -> list[Event]:
        return _with(
            event, "response", lambda it: response_to_ga(it, lost, keeps_preview_only=True)
        )

    def _response_done(self, event: Event, lost: Lost) -> list[Event]:
        (done,) = self._response(event, lost)
        response = done.get("response")
        output = response.get("output") if isinstance(response, Mapping) else None
        items = output if isinstance(output, list) else []
        return [*(told for item in items for told in self._finish(event, item)), done]

    def _finish(self, event: Event, item: Any) -> list[Event]:
        """Return the `conversation.item.done` that GA sends behind an item of a response."""
        item_id = item.get("id") if isinstance(item, Mapping) else None
        if not isinstance(item_id, str) or (more := self._unfinished.pop(item_id, None)) is None:
            return []
        return [_done({"event_id": event.get("event_id")} | more, item)]

    def _transcribed(self, event: Event, lost: Lost) -> list[Event]:
        # GA always says what it cost; where preview does not, nothing is what we know of.
        return [{"usage": {"type": "duration", "seconds": 0.0}, **event}]

    def _error(self, event: Event, lost: Lost) -> list[Event]:
        return _with(event, "error", lambda error: error_with_paths(error, path_to_ga))

    _INWARD: Final = _Way(
        dict(EVENT_NAMES),
        {
            "session.created": _session,
            "session.updated": _session,
            "transcription_session.created": _transcription_session,
            "transcription_session.updated": _transcription_session,
            "conversation.item.created": _item_created,
            "conversation.item.retrieved": _item,
            "conversation.item.input_audio_transcription.completed": _transcribed,
            "response.created": _response,
            "response.done": _response_done,
            "response.output_item.added": _item,
            "response.output_item.done": _item_done,
            "response.function_call_arguments.done": _Bridge._name_call,
            "error": _error,
        },
    )
    inner_text = staticmethod(_INWARD.lightly)
    """The one text of `to_inner`, or None when it takes more to know it."""


def _with(event: Event, key: str, translate: Callable[[Any], Any]) -> list[Event]:
    """Return the event with one of its values translated, where it has it."""
    return [event | {key: translate(event[key])} if key in event else event]


def _done(added: Event, item: Any) -> Event:
    """Return the `conversation.item.done` of an item; its id is made from that of its cause."""
    cause = added.get("event_id")
    event_id = f"{cause}_done" if isinstance(cause, str) else "event_done"
    return {**added, "type": "conversation.item.done", "event_id": event_id, "item": item}


def _remember(memory: dict[str, Any], key: str, value: Any) -> None:
    if len(memory) >= _MAX_REMEMBERED:
        memory.pop(next(iter(memory)))
    memory[key] = value
