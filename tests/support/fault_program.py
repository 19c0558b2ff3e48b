"""Programs that talk over lines that break, and keep book of what they saw.

What they do comes from a seed: steps that each wait for their end, as a careful program would.
"""

import asyncio
import base64
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rtclient.client import RTClient
from rtclient.errors import RTError
from rtclient.low_level_client import RTLowLevelClient
from rtclient.protocol.dialects import Dialect
from tests.support.small_service import spoken, words_of

Event = dict[str, Any]
STEPS = 20
HEARD_MS = 30
"""Of an answer, when it is truncated: less than half."""
_TOOL = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
_T = TypeVar("_T")


class OverError(Exception):
    """The connection is over for good."""


@dataclass
class Book:
    """What a program saw and may rely on."""

    events: list[Event] = field(default_factory=list)
    kept: dict[str, str | None] = field(default_factory=dict)
    """Item id → its words, for all that the server confirmed; None: sound without its words yet."""
    said: dict[str, str] = field(default_factory=dict)
    """Item id → what its sound is to be heard as."""
    cut: set[str] = field(default_factory=set)
    """Items that were truncated: of `kept`, only the beginning was heard."""
    instructions: str | None = None
    asked: int = 0
    """Responses asked for."""
    is_over: bool = False
    error: BaseException | None = None
    """Why it was over."""

    def seen(self, kind: str) -> list[Event]:
        """Return the events of a type."""
        return [event for event in self.events if event["type"] == kind]


class Program(ABC):
    """Random steps over a client; a step that does not end within the limit is a hang."""

    def __init__(self, seed: int, limit_s: float) -> None:
        self.book = Book()
        self.rng = random.Random(f"program {seed}")
        self._limit_s = limit_s
        self._number = 0
        self._paired: set[str] = set()
        """Calls and their outputs: one without the other is no conversation."""

    async def live(self) -> None:
        """Connect, do random steps, then one that shows that the connection works.

        Raises:
            OverError, RTError: There is no connection any more.
            AssertionError: A step did not end.
        """
        await self.limited(self.connect(), "the connection")
        steps = [self.say, self.say, self.ask, self.ask, self.speak, self.speak, self.configure]
        steps += [self.call, self.clear, self.delete, self.say_two, self.truncate, self.do_at_once]
        for _ in range(STEPS):
            step = self.rng.choice(steps)
            await self.limited(step(), step.__name__)
        await self.limited(self.configure(), "the last step")

    async def limited(self, doing: Awaitable[_T], what: str) -> _T:
        """Wait for something; AssertionError when the limit is over."""
        try:
            async with asyncio.timeout(self._limit_s):
                return await doing
        except TimeoutError:
            last = [event["type"] for event in self.book.events[-5:]]
            raise AssertionError(f"hang: no end of {what} in {self._limit_s} s; {last}") from None

    # What a client must be able to do ---------------------------------------------------------

    @abstractmethod
    async def connect(self) -> None:
        """Connect, and wait for the session."""

    @abstractmethod
    async def close(self) -> None:
        """Leave politely."""

    @abstractmethod
    async def create(self, *items: Event) -> list[Event]:
        """Create items, and return them as the server confirmed them."""

    @abstractmethod
    async def remove(self, item_id: str) -> None:
        """Delete an item, and wait for the confirmation."""

    @abstractmethod
    async def cut(self, item_id: str, end_ms: int) -> None:
        """Truncate an item, and wait for the confirmation."""

    @abstractmethod
    async def answer(self, fields: Event) -> Event | None:
        """Return what the model answered; None when it was cut off."""

    @abstractmethod
    async def append(self, sound: bytes) -> None:
        """Append sound."""

    @abstractmethod
    async def commit(self) -> str:
        """Commit the sound and return the id of its item."""

    @abstractmethod
    async def throw_away(self) -> None:
        """Clear the sound, and wait for the confirmation."""

    @abstractmethod
    async def instruct(self, words: str) -> None:
        """Change the instructions, and wait for the confirmation."""

    # Steps ------------------------------------------------------------------------------------

    async def say(self) -> None:
        """Create a text item."""
        self._keep(await self.create(self._user_item()))

    async def say_two(self) -> None:
        """Create two items before either is confirmed."""
        self._keep(await self.create(self._user_item(), self._user_item()))

    async def ask(self) -> None:
        """Ask for an answer and wait for its end."""
        self.book.asked += 1
        if (item := await self.answer({})) is not None:
            self._keep([item])

    async def call(self) -> None:
        """Let the model call a function and give it the output."""
        self.book.asked += 1
        item = await self.answer({"tools": [_TOOL]})
        if item is None:
            return
        self._keep([item])
        words = self._words()
        output = {"type": "function_call_output", "call_id": item["call_id"], "output": words}
        outputs = await self.create(output)
        self._keep(outputs)
        self._paired |= {item["id"], outputs[0]["id"]}

    async def speak(self) -> None:
        """Append some sound, commit it, and wait until it is an item."""
        levels = [self.next_number() for _ in range(self.rng.randint(1, 5))]
        for level in levels:
            await self.append(spoken(level))
        item_id = await self.commit()
        self.book.said[item_id] = " ".join(f"{level}:20" for level in levels)
        self.book.kept[item_id] = None

    async def clear(self) -> None:
        """Append some sound and throw it away."""
        await self.append(spoken(self.next_number()))
        await self.throw_away()

    async def configure(self) -> None:
        """Change the instructions."""
        words = self._words()
        await self.instruct(words)
        self.book.instructions = words

    async def delete(self) -> None:
        """Delete something that was said, if there is something."""
        plain = [item_id for item_id in self.book.kept if item_id not in self._paired]
        if plain:
            item_id = self.rng.choice(plain)
            await self.remove(item_id)
            del self.book.kept[item_id]

    async def truncate(self) -> None:
        """Let the model answer, and hear only the beginning of it."""
        self.book.asked += 1
        if (item := await self.answer({})) is not None:
            self._keep([item])
            await self.cut(item["id"], HEARD_MS)
            self.book.cut.add(item["id"])

    async def do_at_once(self) -> None:
        """Do two things before either is confirmed."""
        await asyncio.gather(self.say(), self.configure())

    def next_number(self) -> int:
        """Return a number that this program has not used yet."""
        self._number += 1
        return self._number

    def _words(self) -> str:
        return f"words {self.next_number()}"

    def _user_item(self) -> Event:
        part = {"type": "input_text", "text": self._words()}
        item: Event = {"type": "message", "role": "user", "content": [part]}
        if self.rng.random() < 0.5:
            item["id"] = f"item_p{self.next_number()}"
        return item

    def _keep(self, items: list[Event]) -> None:
        for item in items:
            self.book.kept[item["id"]] = words_of(item)


class LowLevelProgram(Program):
    """Sends and receives events; waits for exactly those that confirm."""

    def __init__(
        self, client: RTLowLevelClient, seed: int, *, limit_s: float, dialect: Dialect = "ga"
    ) -> None:
        super().__init__(seed, limit_s)
        self._client = client
        is_ga = dialect == "ga"
        self._shown = "conversation.item.done" if is_ga else "conversation.item.created"
        self._session = {"type": "realtime"} if is_ga else {}
        self._changed = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect, and begin to read."""
        await self._client.connect()
        self._reading = asyncio.create_task(self._read())
        await self._until(lambda: bool(self.book.seen("session.created")))

    async def close(self) -> None:
        """Leave politely."""
        await self._client.close()
        if self._reading is not None:
            await self._reading

    async def create(self, *items: Event) -> list[Event]:
        """Send all, then wait for all."""
        texts = {words_of(item) for item in items}
        for item in items:
            await self._send({"type": "conversation.item.create", "item": item})

        def done() -> list[Event]:
            shown = [event["item"] for event in self.book.seen(self._shown)]
            return [item for item in shown if words_of(item) in texts]

        await self._until(lambda: len(done()) >= len(items))
        return done()

    async def remove(self, item_id: str) -> None:
        """Wait for `conversation.item.deleted`."""
        await self._send({"type": "conversation.item.delete", "item_id": item_id})
        kind = "conversation.item.deleted"
        await self._until(lambda: any(e["item_id"] == item_id for e in self.book.seen(kind)))

    async def cut(self, item_id: str, end_ms: int) -> None:
        """Wait for `conversation.item.truncated`."""
        await self._send(_truncation(item_id, end_ms))
        kind = "conversation.item.truncated"
        await self._until(lambda: any(e["item_id"] == item_id for e in self.book.seen(kind)))

    async def answer(self, fields: Event) -> Event | None:
        """Wait for `response.done`."""
        count = self.book.asked
        await self._send({"type": "response.create", **({"response": fields} if fields else {})})
        await self._until(lambda: len(self.book.seen("response.done")) >= count)
        response = self.book.seen("response.done")[-1]["response"]
        if response["status"] != "completed":
            return None
        ended = self.book.seen("response.output_item.done")
        item: Event = next(e["item"] for e in ended if e["response_id"] == response["id"])
        return item

    async def append(self, sound: bytes) -> None:
        """Nothing confirms it."""
        audio = base64.b64encode(sound).decode()
        await self._send({"type": "input_audio_buffer.append", "audio": audio})

    async def commit(self) -> str:
        """Wait for `input_audio_buffer.committed` and for the item."""
        kind = "input_audio_buffer.committed"
        count = len(self.book.seen(kind)) + 1
        await self._send({"type": "input_audio_buffer.commit"})
        await self._until(lambda: len(self.book.seen(kind)) >= count)
        item_id: str = self.book.seen(kind)[-1]["item_id"]
        await self._until(
            lambda: any(e["item"]["id"] == item_id for e in self.book.seen(self._shown))
        )
        return item_id

    async def throw_away(self) -> None:
        """Wait for `input_audio_buffer.cleared`."""
        kind = "input_audio_buffer.cleared"
        count = len(self.book.seen(kind)) + 1
        await self._send({"type": "input_audio_buffer.clear"})
        await self._until(lambda: len(self.book.seen(kind)) >= count)

    async def instruct(self, words: str) -> None:
        """Wait for the `session.updated` that has the words."""
        session = {**self._session, "instructions": words}
        await self._send({"type": "session.update", "session": session})
        kind = "session.updated"
        await self._until(
            lambda: any(e["session"].get("instructions") == words for e in self.book.seen(kind))
        )

    async def _read(self) -> None:
        try:
            while (event := await self._client.recv_event()) is not None:
                self.book.events.append(event)
                self._changed.set()
        except RTError as exc:
            self.book.error = exc
        finally:
            self.book.is_over = True
            self._changed.set()

    async def _until(self, is_true: Callable[[], bool]) -> None:
        while not is_true():
            if self.book.is_over:
                raise OverError
            self._changed.clear()
            await self._changed.wait()

    async def _send(self, event: Event) -> None:
        await self._client.send({"event_id": f"event_p{self.next_number()}", **event})


class HighLevelProgram(Program):
    """Calls methods and awaits objects; its book is kept by a listener."""

    def __init__(self, client: RTClient, seed: int, *, limit_s: float) -> None:
        super().__init__(seed, limit_s)
        self._client = client
        client.attach(self)

    def on_server_event(self, event: Event) -> None:
        """Note what the server said."""
        self.book.events.append(event)

    def on_client_event(self, event: Event) -> None:
        """Nothing to note: what counts is what the server confirms."""

    async def connect(self) -> None:
        """Connect."""
        await self._client.connect()

    async def close(self) -> None:
        """Leave politely."""
        await self._client.close()

    async def create(self, *items: Event) -> list[Event]:
        """Send all at the same time."""
        confirmed = await asyncio.gather(*(self._client.send_item(item) for item in items))
        return [item.to_dict() for item in confirmed]

    async def remove(self, item_id: str) -> None:
        """Call `remove_item`."""
        await self._client.remove_item(item_id)

    async def cut(self, item_id: str, end_ms: int) -> None:
        """Send the event and wait for what answers it."""
        await self._client.request(_truncation(item_id, end_ms))

    async def answer(self, fields: Event) -> Event | None:
        """Iterate over a response to its end."""
        response = await self._client.generate_response(**fields)
        async for made in response:
            async for _ in made:
                pass
        await response
        if response.status != "completed":
            return None
        ended = self.book.seen("response.output_item.done")
        item: Event = next(e["item"] for e in ended if e["response_id"] == response.id)
        return item

    async def append(self, sound: bytes) -> None:
        """Call `send_audio`."""
        await self._client.send_audio(sound)

    async def commit(self) -> str:
        """Call `commit_audio`."""
        return (await self._client.commit_audio()).id

    async def throw_away(self) -> None:
        """Call `clear_audio`."""
        await self._client.clear_audio()

    async def instruct(self, words: str) -> None:
        """Call `configure`."""
        session = await self._client.configure(instructions=words)
        assert session.instructions == words


def _truncation(item_id: str, end_ms: int) -> Event:
    at = {"item_id": item_id, "content_index": 0, "audio_end_ms": end_ms}
    return {"type": "conversation.item.truncate", **at}
