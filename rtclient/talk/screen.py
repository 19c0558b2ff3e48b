"""What is seen: finished lines go up into the terminal's history, what still changes is the foot.

`LiveScreen` needs `rich`, which is imported late: it is an extra, and the one place for it is here.
`PlainScreen` writes finished lines only: for pipes, dumb terminals, and screen readers.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol, TextIO

from rtclient.extras import MissingExtraError
from rtclient.talk.captions import Line, printable
from rtclient.talk.view import METER_FLOOR_DB, View, bar

_NAMES: Final = {"you": "You", "model": "Model"}
_COLORS: Final = {"you": "cyan", "model": "green"}
_NAME_WIDTH: Final = 7
_METER_WIDTH: Final = 16
_METER_MIN_WIDTH: Final = 4
_METER_TEXTS_WIDTH: Final = 30
"""Of two meters: names, levels, and the space between them."""
_BETWEEN: Final = "  ·  "
_MAX_WIDTH: Final = 100
"""Longer lines are hard to read."""


class Screen(Protocol):
    """Where a conversation is shown."""

    def line(self, line: Line) -> None:
        """Show what was said, for good."""

    def note(self, text: str) -> None:
        """Show a notice, for good."""

    def update(self, view: View) -> None:
        """Show what is going on."""

    def close(self) -> None:
        """Leave the terminal as it was. Safe to call twice."""


class PlainScreen:
    """Lines of text, each when it is finished; on a terminal also what can be done."""

    def __init__(self, out: TextIO, notes: TextIO | None = None) -> None:
        """Begin. `notes`: where notices go; None: between the lines."""
        self._out = out
        self._notes = notes or out
        self._is_for_a_person = out.isatty()
        self._told: tuple[str, bool] | None = None

    def line(self, line: Line) -> None:
        """Write what was said."""
        self._write(f"{_NAMES[line.speaker]}: {line.said}{_cut(line)}")

    def note(self, text: str) -> None:
        """Write a notice."""
        self._write(f"({printable(text)})", self._notes)

    def update(self, view: View) -> None:
        """Write the hint, when there is a person to read it, and it is news."""
        news = (view.hint, view.status.startswith("connecting"))
        if self._is_for_a_person and view.hint and news != self._told:
            self._told = news
            self._write(f"({view.status}{_BETWEEN}{view.hint})")

    def close(self) -> None:
        """Nothing is to be put back."""

    def _write(self, text: str, out: TextIO | None = None) -> None:
        out = out or self._out
        out.write(f"{text}\n")
        out.flush()


class LiveScreen:
    """Colours, meters, and words as they are said."""

    def __init__(self, out: TextIO, environment: Mapping[str, str] | None = None) -> None:
        """Begin.

        Args:
            out: A terminal.
            environment: What rich looks at: `TERM`, `COLUMNS`, `NO_COLOR` …; None: the real one.

        Raises:
            MissingExtraError: rich is not installed.
        """
        try:
            from rich.console import Console
            from rich.live import Live
        except ModuleNotFoundError as exc:
            raise MissingExtraError(exc.name or "rich", "The live screen") from None
        self._console = Console(
            file=out, highlight=False, markup=False, emoji=False, _environ=environment
        )
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()
        self._drawn: Any = None
        self._drawn_width = self._console.width

    @property
    def is_dumb(self) -> bool:
        """Whether the terminal cannot move its cursor."""
        return self._console.is_dumb_terminal

    def line(self, line: Line) -> None:
        """Put what was said into the history."""
        self._follow_the_width()
        self._console.print(self._said(line))

    def note(self, text: str) -> None:
        """Put a notice into the history."""
        self._follow_the_width()
        self._console.print(self._row("·", "dim", self._text(printable(text), "yellow")))

    def update(self, view: View) -> None:
        """Draw the foot again."""
        self._follow_the_width()
        self._drawn = self._foot(view)
        self._live.update(self._drawn, refresh=True)

    def close(self) -> None:
        """Take the foot away."""
        if self._live.is_started:
            self._follow_the_width()
            self._live.update(self._text(""), refresh=True)
            self._live.stop()

    # Drawing ----------------------------------------------------------------------------------

    def _follow_the_width(self) -> None:
        """Erase the rows that a terminal made of the foot's when it became narrower."""
        from rich.control import Control
        from rich.segment import ControlType, Segment

        before, self._drawn_width = self._drawn_width, self._console.width
        if self._drawn is None or self._drawn_width >= before:
            return
        then = self._console.options.update(width=before)
        rows = self._console.render_lines(self._drawn, then, pad=False)
        more = sum((Segment.get_line_length(row) - 1) // self._drawn_width for row in rows if row)
        erase = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        self._console.control(Control(ControlType.CARRIAGE_RETURN, *(erase * more)))

    @property
    def _width(self) -> int:
        return min(self._console.width, _MAX_WIDTH)

    def _text(self, text: str, style: str = "") -> Any:
        from rich.text import Text

        return Text(text, style=style)

    def _row(self, name: str, style: str, body: Any) -> Any:
        from rich.table import Table

        table = Table.grid(padding=(0, 0))
        table.width = self._width
        table.add_column(width=_NAME_WIDTH, no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        table.add_row(self._text(name, style), body)
        return table

    def _said(self, line: Line) -> Any:
        body = self._text(line.said)
        body.append(line.coming, style="bright_black")
        body.append(_cut(line), style="dim")
        return self._row(_NAMES[line.speaker], f"bold {_COLORS[line.speaker]}", body)

    def _foot(self, view: View) -> Any:
        from rich.console import Group
        from rich.padding import Padding
        from rich.rule import Rule
        from rich.segment import SegmentLines

        rows: list[Any] = [self._said(line) for line in view.live[-3:]]
        if view.draft:
            rows.append(self._row("›", "bold cyan", self._text(view.draft + "▏")))
        rest = self._console.width - self._width
        rule = Padding(Rule(style="bright_black"), (0, rest, 0, 0))
        meters = self._meters(view)
        below = [rule, *([meters] if meters else []), self._status(view)]
        # The newest words and what can be done stay in sight, whatever the height.
        room = max(1, self._console.height - len(below))
        lines = self._console.render_lines(Group(*rows), pad=False) if rows else []
        return Group(SegmentLines(lines[-room:], new_lines=True), *below)

    def _meters(self, view: View) -> Any:
        text = self._text("")
        bars = max(_METER_MIN_WIDTH, min(_METER_WIDTH, (self._width - _METER_TEXTS_WIDTH) // 2))
        for name, db, style in (
            ("you", view.you_db, "bright_black" if view.is_muted else "cyan"),
            ("model", view.model_db, "green"),
        ):
            if db is None:
                continue
            text.append(f"{name:<6}", style="dim")
            full = bar(db, bars)
            text.append(full.rstrip("░"), style=style)
            text.append("░" * full.count("░"), style="bright_black")
            text.append(f"{db:>4.0f} dB    " if db > METER_FLOOR_DB else " " * 11, style="dim")
        text.truncate(self._width)
        return text

    def _status(self, view: View) -> Any:
        color = _STATUS_COLORS.get(view.status, "bright_black")
        text = self._text("")
        text.append("● ", style=color)
        text.append(view.status, style=f"bold {color}")
        # Whole pieces only, as far as there is room; what can be done is worth most.
        for piece in filter(None, (view.hint, *view.facts)):
            if text.cell_len + len(_BETWEEN) + len(piece) > self._width:
                break
            text.append(_BETWEEN, style="bright_black")
            text.append(piece, style="dim")
        return text


_STATUS_COLORS: Final = {
    "listening": "cyan",
    "you speak": "bold cyan",
    "you talk": "bold red",
    "the model speaks": "green",
    "the model thinks": "yellow",
    "connecting": "yellow",
    "connecting again": "bold red",
}


def open_screen(out: TextIO, *, is_plain: bool = False, notes: TextIO | None = None) -> Screen:
    """Return the screen for where `out` leads to, with notices in `notes` if that is a pipe."""
    if not out.isatty():
        return PlainScreen(out, notes)
    if is_plain:
        return PlainScreen(out)
    try:
        live = LiveScreen(out)
    except MissingExtraError as exc:
        screen = PlainScreen(out)
        screen.note(str(exc))
        return screen
    if live.is_dumb:
        live.close()
        return PlainScreen(out)
    return live


@contextlib.contextmanager
def undisturbed(out: TextIO) -> Iterator[TextIO]:
    """Give a handle of a terminal that nobody else writes to until the block ends.

    Sound libraries complain on stderr, in the middle of the live screen: that goes nowhere.
    """
    if not os.isatty(2):
        yield out
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with (
            os.fdopen(os.dup(out.fileno()), "w", encoding=out.encoding) as own,
            open(os.devnull, "w") as nowhere,
        ):
            os.dup2(nowhere.fileno(), 2)
            yield own
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _cut(line: Line) -> str:
    return " —" if line.is_interrupted else ""
