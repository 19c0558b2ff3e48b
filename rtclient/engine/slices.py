"""Long audio of one item, resampled slice by slice, so that one client cannot hold the others.

Rules of the file: pure; each `work` takes about 10 ms of processor time; whoever has a piece of
work goes on with it before the client's next event.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from rtclient.engine.actions import Hear, Outbox
from rtclient.engine.items import Item
from rtclient.engine.listener import Guide
from rtclient.engine.pcm import BYTES_PER_MS
from rtclient.engine.telephony import FromWire, ToWire
from rtclient.protocol.audio import PCM16, AudioFormat, to_base64

SLICE_MS = 400
_G711_BYTES_PER_MS = 8


class Work(Protocol):
    """Something that takes more than one slice."""

    def work(self, outbox: Outbox) -> bool:
        """Do the next slice; True when all is done."""
        ...


class Retrieval:
    """An item on its way to the client, its audio in the client's format."""

    def __init__(self, item: Item, form: AudioFormat) -> None:
        """Take what the item is now."""
        self._wire = {"object": "realtime.item", **item.public()}
        self._form = form
        self._parts: deque[tuple[dict[str, Any], bytes]] = deque()
        for index, part in enumerate(self._wire.get("content", ())):
            if part["type"] in ("input_audio", "output_audio"):
                self._parts.append((part, item.audio.get(index, b"")))
        self._stream = ToWire(form)
        self._at = 0
        self._made = bytearray()

    def work(self, outbox: Outbox) -> bool:
        """Make the next slice; the item is sent with the last one."""
        if self._parts:
            part, pcm = self._parts[0]
            end = len(pcm) if self._form is PCM16 else self._at + SLICE_MS * BYTES_PER_MS
            self._made += self._stream.feed(pcm[self._at : end])
            self._at = end
            if end >= len(pcm):
                part["audio"] = to_base64(bytes(self._made))
                self._parts.popleft()
                self._stream, self._at, self._made = ToWire(self._form), 0, bytearray()
        if self._parts:
            return False
        outbox.emit("conversation.item.retrieved", item=self._wire)
        return True


class Decoding:
    """G.711 of a client's item on its way into the item and to the ears."""

    def __init__(self, item: Item, raw: Iterable[tuple[int, bytes]], form: AudioFormat) -> None:
        """`raw`: content index and bytes as they came, in order."""
        self._item = item
        self._form = form
        self._raw = deque(raw)
        self._stream = FromWire(form)
        self._at = 0

    def work(self, outbox: Outbox) -> bool:
        """Decode the next slice; the ears are told with the last one."""
        index, data = self._raw[0]
        end = self._at + SLICE_MS * _G711_BYTES_PER_MS
        pcm = self._stream.feed(data[self._at : end])
        self._item.audio[index] = self._item.audio.get(index, b"") + pcm
        self._at = end
        if end >= len(data):
            self._raw.popleft()
            self._stream, self._at = FromWire(self._form), 0
        outbox.do(Hear(self._item.work_id, pcm, is_last=not self._raw))
        return not self._raw


def begin_hearing(outbox: Outbox, item: Item, guide: Guide) -> None:
    """Give the ears what of an item is pcm16 already; they are done unless it has more."""
    pcm = b"".join(item.audio[index] for index in sorted(item.audio))
    is_last = not item.raw
    outbox.do(Hear(item.work_id, pcm, is_last, guide.hints, guide.language))
