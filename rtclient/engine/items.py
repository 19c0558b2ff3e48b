"""The conversation: items in order, their audio, and what is done to them.

Rules of the file:
- `Item.wire` is the item as events show it: GA shape, no audio inside;
- audio is kept beside it as pcm16, per content part, and only as long as `MAX_AUDIO_BYTES` allows:
  the oldest audio goes first, the words stay;
- what the ears understood is in `Item.heard`, for the brain; it enters `wire` only when the
  session asked for transcription.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from rtclient.engine.pacing import Mark
from rtclient.engine.pcm import BYTES_PER_MS, pcm_ms
from rtclient.engine.senses import Heard
from rtclient.engine.usage import (
    ASSISTANT_MS_PER_TOKEN,
    USER_MS_PER_TOKEN,
    Cost,
    audio_tokens,
    text_tokens,
)

ROOT = "root"
MAX_AUDIO_BYTES = 64 * 1024 * 1024
MAX_CHARS = 64 * 1024 * 1024
"""Text and images of a conversation, characters."""
MAX_ITEMS = 4096
"""Hours of talk; beyond it, as beyond `MAX_CHARS`, the oldest items leave the conversation."""
IMAGE_TOKENS = 85


@dataclass(slots=True)
class Item:
    """One item of a conversation."""

    wire: dict[str, Any]
    audio: dict[int, bytes] = field(default_factory=dict)
    """Content index → pcm16."""
    raw: dict[int, bytes] = field(default_factory=dict)
    """Content index → audio of a client that has not become pcm16 yet."""
    marks: list[Mark] = field(default_factory=list)
    """Where the words of an assistant's audio stand (content index 0)."""
    heard: Heard | None = None
    is_hearing: bool = False
    """The ears are still at it."""
    work_id: str = ""
    """What the ears' work is called. Never the item's id: clients choose those, also again."""
    failure: str | None = None
    """The ears broke over it: what to tell the client, may be empty."""
    is_silence: bool = False
    """Nobody spoke: the audio of an idle timeout."""
    is_out_of_context: bool = False
    """Too old: no response looks at it any more."""
    is_cut: bool = False
    """Truncated: what the assistant still sends of it is not part of the conversation."""

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.wire["id"])

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will be added to it."""
        return self.wire.get("status") != "in_progress"

    @property
    def is_assistant_audio(self) -> bool:
        """Whether it is speech of the assistant."""
        return self.wire.get("role") == "assistant" and any(
            part["type"] == "output_audio" for part in self.wire["content"]
        )

    def public(self) -> dict[str, Any]:
        """Return a copy for an event."""
        return deepcopy(self.wire)

    def for_brain(self) -> dict[str, Any]:
        """Return a copy in which user audio carries what was understood."""
        view = self.public()
        if self.heard is not None:
            for part in view.get("content", ()):
                if part["type"] == "input_audio":
                    part["transcript"] = self.heard.text
        return view

    def cost(self) -> Cost:
        """Return the tokens of the item in a prompt."""
        wire = self.wire
        if wire["type"] != "message":
            words = f"{wire.get('name', '')}{wire.get('arguments', '')}{wire.get('output', '')}"
            return Cost(f"{self.id}/{len(words)}", text=text_tokens(words))
        text = audio = image = 0
        per_token = USER_MS_PER_TOKEN if wire["role"] == "user" else ASSISTANT_MS_PER_TOKEN
        for index, part in enumerate(wire["content"]):
            if part["type"] in ("input_text", "output_text"):
                text += text_tokens(part["text"])
            elif part["type"] == "input_image":
                image += IMAGE_TOKENS
            else:
                audio += audio_tokens(pcm_ms(self.audio.get(index, b"")), per_token)
                if part["type"] == "output_audio":
                    text += text_tokens(part["transcript"])
        return Cost(f"{self.id}/{text}/{audio}", text, audio, image)

    def truncate(self, audio_end_ms: int) -> None:
        """Cut an assistant's speech: audio and transcript end where the listener stopped."""
        self.audio[0] = self.audio.get(0, b"")[: audio_end_ms * BYTES_PER_MS]
        heard = [mark for mark in self.marks if mark.at_ms < audio_end_ms]
        part = self.wire["content"][0]
        part["transcript"] = part["transcript"][: heard[-1].text_end if heard else 0]
        self.marks = heard
        self.is_cut = True


def spoken_item(item_id: str, pcm: bytes, **fields: Any) -> Item:
    """Return the user's item of committed audio; `fields`: of the `Item`."""
    wire = {
        "id": item_id,
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    return Item(wire, audio={0: pcm}, **fields)


class Conversation:
    """Items in order, with unique ids."""

    def __init__(self, conversation_id: str) -> None:
        """Begin empty."""
        self.id = conversation_id
        self._items: list[Item] = []
        self._by_id: dict[str, Item] = {}
        self._chars: dict[str, int] = {}

    def __iter__(self) -> Iterator[Item]:
        """Iterate in order."""
        return iter(self._items)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def __contains__(self, item_id: str) -> bool:
        """Whether an item has this id."""
        return item_id in self._by_id

    def get(self, item_id: str) -> Item | None:
        """Return the item with this id."""
        return self._by_id.get(item_id)

    @property
    def last_id(self) -> str | None:
        """The id of the newest item."""
        return self._items[-1].id if self._items else None

    def previous_id(self, item: Item) -> str | None:
        """Return the id of the item before, None for the first."""
        index = self._index(item)
        return self._items[index - 1].id if index else None

    def add(self, item: Item, after: str | None = None) -> None:
        """Insert after the item `after`; None: at the end; `root`: at the start."""
        if after is None:
            index = len(self._items)
        elif after == ROOT:
            index = 0
        else:
            index = self._index(self._by_id[after]) + 1
        self._items.insert(index, item)
        self._by_id[item.id] = item
        self._chars[item.id] = _chars(item.wire)
        self._make_room(item)
        self.keep_within_bounds()

    def remove(self, item: Item) -> None:
        """Take an item out."""
        del self._items[self._index(item)]
        del self._by_id[item.id]
        del self._chars[item.id]

    def _index(self, item: Item) -> int:
        return next(index for index, one in enumerate(self._items) if one is item)

    def _make_room(self, newest: Item) -> None:
        total = sum(self._chars.values())
        for item in list(self._items):
            if len(self._items) <= MAX_ITEMS and total <= MAX_CHARS:
                return
            if item is not newest and not item.is_hearing and item.is_finished:
                total -= self._chars[item.id]
                self.remove(item)

    def keep_within_bounds(self, limit: int = MAX_AUDIO_BYTES) -> None:
        """Forget the oldest audio beyond `limit` bytes."""
        total = sum(len(pcm) for item in self._items for pcm in item.audio.values())
        for item in self._items:
            if total <= limit:
                return
            total -= sum(len(pcm) for pcm in item.audio.values())
            item.audio.clear()


def _chars(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_chars, inner))


def prompt_costs(
    instructions: str, tools: Sequence[Mapping[str, Any]], items: Sequence[Item]
) -> list[Cost]:
    """Return what a prompt costs, piece by piece, in order."""
    rules = instructions + "".join(str(tool) for tool in tools)
    # The key is for comparison only and must change with the text, so the text itself is the key.
    return [Cost(rules, text=text_tokens(rules)), *(item.cost() for item in items)]
