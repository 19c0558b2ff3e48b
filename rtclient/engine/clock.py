"""The time of an engine: that of the event loop, or one that a test moves by hand.

Pacing, expiry, rate limits, faults and scripted delays follow it. What guards real resources does
not: limits of handshakes, pings and stalled sockets are real seconds.

Rules of the file: seconds everywhere; a timer that is due is called by the clock, never by who set
it.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol

MANUAL_EPOCH = 1_700_000_000.0
"""Unix time at which a manual clock begins: the same in every run."""


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Forget it. Safe to call twice, and after it was called."""
        ...


class Clock(Protocol):
    """What time it is, and who wants to be called when."""

    def now(self) -> float:
        """Return seconds that only ever grow."""
        ...

    def wall(self) -> float:
        """Return Unix time."""
        ...

    def call_at(self, at: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once `now()` has reached `at`; never from within this method."""
        ...


class LoopClock:
    """Real time, by the running event loop."""

    def now(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        """Return the machine's time."""
        return time.time()

    def call_at(self, at: float, callback: Callable[[], None]) -> Timer:
        """Have the loop call."""
        return asyncio.get_running_loop().call_at(at, callback)


class _ManualTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """Time that stands still until `advance`."""

    def __init__(self, start: float = 0.0) -> None:
        """Begin at `start`; `wall()` is `MANUAL_EPOCH` later."""
        self._now = start
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _ManualTimer]] = []

    def now(self) -> float:
        """Return where the clock stands."""
        return self._now

    def wall(self) -> float:
        """Return the Unix time that goes with it."""
        return MANUAL_EPOCH + self._now

    def call_at(self, at: float, callback: Callable[[], None]) -> Timer:
        """Note the call; timers of one time are called in the order in which they were set."""
        timer = _ManualTimer(callback)
        heapq.heappush(self._timers, (at, next(self._order), timer))
        return timer

    def next_due(self) -> float | None:
        """Return the time of the next call, which may be past; None: nobody waits."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def step(self, until: float) -> bool:
        """Go to the next timer that is due by `until` and call it; False when there is none.

        Then the clock stands at `until`.
        """
        due = self.next_due()
        if due is None or due > until:
            self._now = max(self._now, until)
            return False
        self._now = max(self._now, due)
        _, _, timer = heapq.heappop(self._timers)
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()
        return True

    def advance(self, seconds: float) -> None:
        """Let this much time pass; every timer that is due is called in order, at its time.

        Timers that the calls set are called too when they are due.
        """
        if seconds < 0:
            raise ValueError("A clock goes forward only.")
        until = self._now + seconds
        while self.step(until):
            pass


class Sleepers:
    """Who sleeps by a clock, and how many: work that sleeps does nothing until time passes."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nobody."""
        self.count = 0
        self._clock = clock

    async def rest(self, seconds: float) -> None:
        """Wait this long by the clock; safe to cancel."""
        if seconds <= 0:
            return
        awake = asyncio.Event()
        timer = self._clock.call_at(self._clock.now() + seconds, lambda: self._wake(awake))
        self.count += 1
        try:
            await awake.wait()
        finally:
            if not awake.is_set():
                self.count -= 1
            timer.cancel()

    def _wake(self, awake: asyncio.Event) -> None:
        self.count -= 1  # at once, not when its task runs: from now on it is at work
        awake.set()
