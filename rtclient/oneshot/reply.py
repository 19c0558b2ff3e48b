"""One response put together from its events. Pure.

Rules of the file:
- events in, pieces of text and sound out; the text of a response is what it says or writes, its
  parts on lines of their own;
- the event names of both dialects are understood, whichever the other side speaks;
- events of other responses are passed over.

Source: Realtime API, server events; the preview's names as in Azure OpenAI's older reference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rtclient.errors import ResponseFailed, RTError, ServerError
from rtclient.protocol.audio import from_base64

_TEXT_DELTAS: Final = frozenset(
    {
        "response.output_text.delta",
        "response.output_audio_transcript.delta",
        "response.text.delta",
        "response.audio_transcript.delta",
    }
)
_TEXT_DONE: Final = {name.removesuffix("delta") + "done" for name in _TEXT_DELTAS}
_AUDIO_DELTAS: Final = frozenset({"response.output_audio.delta", "response.audio.delta"})
_NOTHING_TO_CANCEL: Final = "response_cancel_not_active"


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """The next piece of an answer: text, or sound."""

    text: str = ""
    audio: bytes = b""
    """Signed 16-bit little-endian samples, mono."""


class Reply:
    """The response to one `response.create`."""

    def __init__(self, create_id: str) -> None:
        """`create_id`: the `event_id` of the `response.create`."""
        self._create_id = create_id
        self._response_id: str | None = None
        self._texts: dict[tuple[Any, Any], str] = {}
        self.error: RTError | None = None
        """What went wrong, for the caller to raise."""
        self.is_cancelled = False
        """Whether `response.cancel` was sent for it."""
        self.is_over = False
        """Whether nothing more of this response can come."""

    def feed(self, event: Mapping[str, Any]) -> Iterator[ReplyPart]:
        """Take the next event; give what it adds. Raises `RemoteProtocolError` for broken audio."""
        kind = event.get("type", "")
        if kind in ("error", "response.error"):
            self._refuse(event)
        elif kind == "response.created" and self._response_id is None:
            self._response_id = event.get("response", {}).get("id") or ""
        elif not self._is_ours(event):
            return
        elif kind in _TEXT_DELTAS:
            yield from self._say(event, event.get("delta") or "")
        elif kind in _TEXT_DONE:
            yield from self._complete(event, event.get("text") or event.get("transcript") or "")
        elif kind in _AUDIO_DELTAS:
            yield ReplyPart(audio=from_base64(event.get("delta"), "delta"))
        elif kind == "response.done":
            yield from self._finish(event.get("response") or {})

    def _is_ours(self, event: Mapping[str, Any]) -> bool:
        """Whether an event is not one of another response."""
        named = event.get("response_id") or (event.get("response") or {}).get("id")
        return not named or not self._response_id or named == self._response_id

    def _say(self, event: Mapping[str, Any], text: str) -> Iterator[ReplyPart]:
        place = event.get("item_id"), event.get("content_index")
        if text:
            is_next_line = place not in self._texts and any(self._texts.values())
            self._texts[place] = self._texts.get(place, "") + text
            yield ReplyPart(text="\n" + text if is_next_line else text)

    def _complete(self, event: Mapping[str, Any], text: str) -> Iterator[ReplyPart]:
        """Take the whole text of a part, from which deltas may have been missing."""
        so_far = self._texts.get((event.get("item_id"), event.get("content_index")), "")
        if text.startswith(so_far):
            yield from self._say(event, text[len(so_far) :])

    def _finish(self, response: Mapping[str, Any]) -> Iterator[ReplyPart]:
        for item in response.get("output") or ():
            for index, part in enumerate(item.get("content") or ()):
                place = {"item_id": item.get("id"), "content_index": index}
                yield from self._complete(place, part.get("transcript") or part.get("text") or "")
        self.is_over = True
        status = response.get("status", "completed")
        if status != "completed" and self.error is None:
            details = response.get("status_details") or {}
            error = details.get("error") or {}
            code = error.get("code") or error.get("type") or details.get("reason")
            self.error = ResponseFailed(status, response_id=self._response_id or "", code=code)

    def _refuse(self, event: Mapping[str, Any]) -> None:
        body = event.get("error") or {}
        if body.get("code") == _NOTHING_TO_CANCEL:
            # Events are answered in their order: it was over when the cancellation arrived.
            self.is_over = self.is_over or self.is_cancelled
            return
        if body.get("event_id") == self._create_id or event.get("type") == "response.error":
            self.is_over = True
        self.error = self.error or ServerError(
            body.get("message") or "the service reported an error without words",
            type=body.get("type") or "server_error",
            code=body.get("code"),
            param=body.get("param"),
            event_id=body.get("event_id"),
        )
