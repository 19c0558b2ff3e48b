"""The keys of a terminal as they are pressed, without waiting for Enter.

On Windows by `msvcrt`, elsewhere by the terminal's settings, which are put back at the end. Ctrl+C
stays what it is.
"""

import asyncio
import codecs
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator

_READ_BYTES = 256


def is_terminal() -> bool:
    """Whether somebody can press keys."""
    try:
        return sys.stdin.isatty()
    except ValueError:  # closed
        return False


@contextlib.contextmanager
def keys() -> Iterator[asyncio.Queue[str]]:
    """Give the characters that are pressed, one at a time; "" when stdin ends.

    Nothing where there is no terminal.
    """
    pressed: asyncio.Queue[str] = asyncio.Queue()
    if not is_terminal():
        yield pressed
        return
    with _reading(asyncio.get_running_loop(), pressed.put_nowait):
        yield pressed


async def lines() -> AsyncIterator[str]:
    """Give what is typed or piped into stdin line by line, until it ends."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        line = "begin"
        while line:
            line = sys.stdin.readline()
            try:
                loop.call_soon_threadsafe(typed.put_nowait, line)
            except RuntimeError:  # the loop is closed: nobody listens any more
                return

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while line := await typed.get():
        yield line.rstrip("\r\n")


if sys.platform == "win32":
    import msvcrt

    @contextlib.contextmanager
    def _reading(loop: asyncio.AbstractEventLoop, press: Callable[[str], object]) -> Iterator[None]:
        is_over = threading.Event()

        def read() -> None:
            while not is_over.wait(0.02):
                while msvcrt.kbhit():
                    loop.call_soon_threadsafe(press, msvcrt.getwch())

        thread = threading.Thread(target=read, name="keys", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

else:
    import termios
    import tty

    @contextlib.contextmanager
    def _reading(loop: asyncio.AbstractEventLoop, press: Callable[[str], object]) -> Iterator[None]:
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")

        def read() -> None:
            data = os.read(fd, _READ_BYTES)
            text = decoder.decode(data)
            if text.startswith("\x1b"):
                return  # an arrow or function key, which comes as several characters at once
            for key in text:
                press(key)
            if not data:
                loop.remove_reader(fd)
                press("")

        tty.setcbreak(fd, termios.TCSANOW)  # what was typed before counts, too
        loop.add_reader(fd, read)
        try:
            yield
        finally:
            loop.remove_reader(fd)
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
