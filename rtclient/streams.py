"""What hands values from the one reader of a connection to the tasks of a program.

The reader never waits; who reads waits. Cancelling a wait loses nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Stream(Generic[T]):
    """An async iterator over what is put into it, until its end. Each value is given once."""

    def __init__(self, limit: int | None = None, size: Callable[[T], int] = lambda _: 1) -> None:
        """Begin empty.

        Args:
            limit: What unread values may measure together; the oldest are let go beyond it.
            size: What one value measures.
        """
        self._limit = limit
        self._size = size
        self._unread = 0
        self._values: deque[T] = deque()
        self._news = asyncio.Event()
        self._is_over = False
        self._error: BaseException | None = None

    def put(self, value: T) -> bool:
        """Add a value; False when older ones had to go for it."""
        if self._is_over:
            return True
        self._values.append(value)
        self._unread += self._size(value)
        self._news.set()
        is_whole = True
        while self._limit is not None and self._unread > self._limit and len(self._values) > 1:
            self._take()
            is_whole = False
        return is_whole

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes; `error` is raised behind the last value."""
        if not self._is_over:
            self._is_over, self._error = True, error
            self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._values:
            if self._error is not None:
                raise self._error
            if self._is_over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._take()

    def drop(self) -> None:
        """Let go of what was not read."""
        while self._values:
            self._take()

    def _take(self) -> T:
        value = self._values.popleft()
        self._unread -= self._size(value)
        return value


class Signal:
    """Something that happens once, or fails; any number of tasks may wait for it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._error: BaseException | None = None

    @property
    def is_set(self) -> bool:
        """Whether it has happened or failed."""
        return self._event.is_set()

    def set(self, error: BaseException | None = None) -> None:
        """Say that it has happened, or why it will not. Only the first time counts."""
        if not self._event.is_set():
            self._error = error
            self._event.set()

    async def wait(self) -> None:
        """Wait for it. Raises what it failed with."""
        await self._event.wait()
        if self._error is not None:
            raise self._error
