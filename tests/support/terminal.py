"""A real pseudo-terminal with a program in it, and what a person would see on its screen.

    async with terminal(sys.executable, "-m", "rtclient", "doctor") as screen:
        await screen.until("loudspeaker")
        screen.type("\\x03")
        assert await screen.ended() == 130

`Screen` knows what rich, readline and plain programs send: text, carriage return, line feed,
backspace, tab, and the control sequences that move the cursor and erase. Anything else that begins
with ESC changes nothing that can be read and is passed over.
"""

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from tests.support.servers import ROOT, clean_environment

_SEQUENCE = re.compile(
    r"\x1b\[(?P<parameters>[0-9;?]*)[ -/]*(?P<final>[@-~])"  # CSI
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, such as a title
    r"|\x1b[()][A-Z0-9]|\x1b[=>78cDEHMNOZ]"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*|\][^\x07\x1b]*\x1b?|[()])?\Z")


class Screen:
    """Rows of text as a terminal shows them; what scrolls off at the top is kept."""

    def __init__(self, rows: int = 24, columns: int = 80) -> None:
        """Begin with an empty screen of this size."""
        self.height, self.width = rows, columns
        self.scrolled: list[str] = []
        """Rows that are above the screen now."""
        self._cells = [[" "] * columns for _ in range(rows)]
        self._written = [0] * rows
        self._row = self._column = 0
        self._rest = ""

    @property
    def rows(self) -> list[str]:
        """The rows on the screen, without blanks at their ends."""
        return ["".join(row).rstrip() for row in self._cells]

    @property
    def text(self) -> str:
        """All that was shown and not erased, scrolled rows included."""
        return "\n".join([*self.scrolled, *self.rows]).rstrip()

    def feed(self, text: str) -> None:
        """Take what a program wrote; a sequence may be cut anywhere."""
        text = self._rest + text
        cut = _UNFINISHED.search(text)
        text, self._rest = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
        at = 0
        while at < len(text):
            if found := _SEQUENCE.match(text, at):
                self._control(found["parameters"] or "", found["final"] or "")
                at = found.end()
            else:
                self._character(text[at])
                at += 1

    def narrow(self, columns: int) -> None:
        """Lose columns at the right: rows that are too long are wrapped, as most terminals do."""
        rows: list[list[str]] = []
        for row, written in zip(self._cells[: self._row + 1], self._written, strict=False):
            rows += [row[at : at + columns] for at in range(0, max(1, written), columns)]
        self.scrolled += ["".join(row).rstrip() for row in rows[: -self.height]]
        rows = rows[-self.height :]
        self._row, self._column = len(rows) - 1, self._column % columns
        self._written = [len("".join(row).rstrip()) for row in rows]
        self._written += [0] * (self.height - len(rows))
        rows += [[] for _ in range(self.height - len(rows))]
        self._cells = [(row + [" "] * columns)[:columns] for row in rows]
        self.width = columns

    def _character(self, character: str) -> None:
        match character:
            case "\r":
                self._column = 0
            case "\n":
                self._down()
            case "\b":
                self._column = max(0, self._column - 1)
            case "\t":
                self._column = min(self.width - 1, (self._column // 8 + 1) * 8)
            case _ if character >= " ":
                if self._column == self.width:
                    self._column = 0
                    self._down()
                self._cells[self._row][self._column] = character
                self._column += 1
                self._written[self._row] = max(self._written[self._row], self._column)

    def _down(self) -> None:
        if self._row < self.height - 1:
            self._row += 1
            return
        self.scrolled.append("".join(self._cells.pop(0)).rstrip())
        self._cells.append([" "] * self.width)
        self._written = [*self._written[1:], 0]

    def _control(self, parameters: str, final: str) -> None:
        numbers = [int(word) for word in re.findall(r"\d+", parameters)]
        first = numbers[0] if numbers else 0
        step = max(1, first)
        match final:
            case "A":
                self._row = max(0, self._row - step)
            case "B":
                self._row = min(self.height - 1, self._row + step)
            case "C":
                self._column = min(self.width - 1, self._column + step)
            case "D":
                self._column = max(0, self._column - step)
            case "G":
                self._column = min(self.width, step) - 1
            case "H" | "f":
                self._row = min(self.height, step) - 1
                self._column = min(self.width, numbers[1] if len(numbers) > 1 else 1) - 1
            case "J":
                self._erase_rows(first)
            case "K":
                self._erase_row(self._row, first)

    def _erase_row(self, row: int, what: int) -> None:
        begin, end = {0: (self._column, self.width), 1: (0, self._column + 1)}.get(
            what, (0, self.width)
        )
        self._cells[row][begin:end] = [" "] * (min(end, self.width) - begin)
        if end >= self.width:
            self._written[row] = min(self._written[row], begin)

    def _erase_rows(self, what: int) -> None:
        below, above = range(self._row + 1, self.height), range(self._row)
        for row in {0: below, 1: above}.get(what, range(self.height)):
            self._erase_row(row, 2)
        if what in (0, 1):
            self._erase_row(self._row, what)


class Terminal(Screen):
    """A screen with a program behind it. Made by `terminal`."""

    def __init__(
        self, process: asyncio.subprocess.Process, leader: int, rows: int, columns: int
    ) -> None:
        super().__init__(rows, columns)
        self._process = process
        self._leader = leader
        self._changed = asyncio.Event()
        self._is_over = asyncio.Event()

    async def until(self, pattern: str) -> re.Match[str]:
        """Wait until what was shown matches; AssertionError when the program ends before."""
        while not (found := re.search(pattern, self.text)):
            assert not self._is_over.is_set(), f"it ended without {pattern!r}:\n{self.text}"
            self._changed.clear()
            await self._changed.wait()
        return found

    def narrow(self, columns: int) -> None:
        """Lose columns, and tell the program."""
        super().narrow(columns)
        size = struct.pack("HHHH", self.height, columns, 0, 0)
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, size)

    def type(self, keys: str) -> None:
        """Press keys; `\\x03` is Ctrl+C."""
        os.write(self._leader, keys.encode())

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait until the program has ended; return its exit code."""
        await self._is_over.wait()
        return await self._process.wait()

    def read(self) -> None:
        """Take what the program wrote by now."""
        try:
            data = os.read(self._leader, 65_536)
        except OSError:  # Linux: nobody has the other end open any more
            data = b""
        if data:
            self.feed(data.decode(errors="replace"))
        else:
            asyncio.get_running_loop().remove_reader(self._leader)
            self._is_over.set()
        self._changed.set()


@contextlib.asynccontextmanager
async def terminal(
    *command: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    rows: int = 24,
    columns: int = 80,
) -> AsyncIterator[Terminal]:
    """Run a command in a pseudo-terminal of its own until the block ends.

    Args:
        command: The program and its arguments.
        environment: Variables besides those of `clean_environment`.
        folder: The working directory; None is the project.
        rows: Of the screen.
        columns: Of the screen.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    variables = {"TERM": "xterm-256color", "LANG": "C.UTF-8", **(environment or {})}
    variables = clean_environment(variables)
    for name in ("COLUMNS", "LINES"):  # of pytest-xdist; programs believe them before the terminal
        variables.pop(name, None)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=variables,
            cwd=folder or ROOT,
            start_new_session=True,
            preexec_fn=_take_the_terminal,
        )
    finally:
        os.close(follower)
    screen = Terminal(process, leader, rows, columns)
    loop = asyncio.get_running_loop()
    loop.add_reader(leader, screen.read)
    try:
        yield screen
    finally:
        loop.remove_reader(leader)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        os.close(leader)


def _take_the_terminal() -> None:
    """Make stdin the controlling terminal, so that Ctrl+C reaches the program."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Tests that run in the background of a shell ignore it, and a child would inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
