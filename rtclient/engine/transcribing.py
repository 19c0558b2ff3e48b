"""Transcription of committed turns: what the client is told about the words of its own audio.

Rules of the file:
- only turns of the input audio buffer are transcribed, as by the real service; audio in an item
  that the client created is understood, not transcribed;
- the model is that of the moment of the commit; each turn is told once, `completed` or `failed`.

Source: Realtime API reference, conversation.item.input_audio_transcription.*.
"""

from collections.abc import Mapping
from typing import Any

from rtclient.engine.actions import Outbox
from rtclient.engine.hearing import deltas_of, logprobs_of, transcription_usage
from rtclient.engine.items import Item
from rtclient.engine.senses import Heard

_KIND = "conversation.item.input_audio_transcription"


class Transcriber:
    """Tells one client what its turns said, where the session asks for it."""

    def __init__(self, outbox: Outbox, models: frozenset[str] | None = None) -> None:
        """`models`: the only names that work, as deployments on Azure; None: any name."""
        self._out = outbox
        self._models = models
        self._expected: dict[str, str] = {}
        """Item → model, until its transcription is told."""

    def expect(self, item_id: str, session: Mapping[str, Any]) -> None:
        """A turn was committed; fails at once when its model is none of those that work."""
        transcription = session["audio"]["input"]["transcription"]
        if transcription is None:
            return
        self._expected[item_id] = str(transcription["model"])
        if self._models is not None and transcription["model"] not in self._models:
            self.fail(item_id)

    def forget(self, item_id: str) -> None:
        """The item is gone."""
        self._expected.pop(item_id, None)

    def tell(self, item: Item, heard: Heard, *, with_logprobs: bool) -> None:
        """Send what was heard."""
        model = self._expected.pop(item.id, None)
        if model is None:
            return
        item.wire["content"][0]["transcript"] = heard.text
        place = {"item_id": item.id, "content_index": 0}
        for delta in deltas_of(heard, model):
            self._out.emit(f"{_KIND}.delta", **place, delta=delta)
        extra = {"logprobs": logprobs_of(heard)} if with_logprobs else {}
        usage = transcription_usage(item, heard, model)
        self._out.emit(f"{_KIND}.completed", **place, transcript=heard.text, usage=usage, **extra)

    def fail(self, item_id: str, message: str = "") -> None:
        """Send that it failed; `message`: why, empty for the service's own words."""
        if self._expected.pop(item_id, None) is None:
            return
        error = {
            "type": "server_error",
            "code": None,
            "message": message or f"Input transcription failed for item '{item_id}'.",
            "param": None,
        }
        self._out.emit(f"{_KIND}.failed", item_id=item_id, content_index=0, error=error)
