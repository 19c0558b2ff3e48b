"""What a person sees on a terminal, from what a program writes."""

import sys
from pathlib import Path

import pytest

from tests.support.terminal import Screen, terminal


def shown(*written: str, rows: int = 4, columns: int = 10) -> list[str]:
    screen = Screen(rows, columns)
    for text in written:
        screen.feed(text)
    return screen.rows


@pytest.mark.parametrize(
    ("written", "first_row"),
    [
        ("hello", "hello"),
        ("hello\rj", "jello"),
        ("hello\b\x1b[K", "hell"),
        ("a\x1b[31mb\x1b[0mc", "abc"),
        ("hello\x1b[2K\rbye", "bye"),
        ("hello\x1b[1K", ""),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b[?25lx", "x"),
        ("hello\x1b[3Gx", "hexlo"),
        ("a\tb", "a       b"),
        ("äß…", "äß…"),
    ],
)
def test_a_row_is_what_is_left_on_it(written: str, first_row: str) -> None:
    assert shown(written)[0] == first_row


def test_lines_can_be_written_over_as_live_screens_do() -> None:
    assert shown("one\r\ntwo\r\n\x1b[2A\x1b[2KONE\r\n")[:2] == ["ONE", "two"]
    assert shown("one\r\ntwo\x1b[1A\r\x1b[J")[:2] == ["", ""]
    assert shown("one\r\ntwo\x1b[2J\x1b[Hx") == ["x", "", "", ""]


def test_a_long_line_goes_on_below() -> None:
    assert shown("0123456789ab")[:2] == ["0123456789", "ab"]


def test_what_scrolls_off_is_kept() -> None:
    screen = Screen(2, 10)
    screen.feed("one\r\ntwo\r\nthree")
    assert screen.rows == ["two", "three"]
    assert screen.text == "one\ntwo\nthree"


def test_a_sequence_may_come_in_pieces() -> None:
    assert shown("ab\x1b", "[", "1", "D", "x")[0] == "ax"


PROGRAM = """
import os, shutil, sys
print(os.isatty(0), shutil.get_terminal_size().columns, flush=True)
try:
    print("got", input(), flush=True)
    input()
except KeyboardInterrupt:
    sys.exit(7)
"""


async def test_a_program_has_a_real_terminal_of_its_own(tmp_path: Path) -> None:
    async with terminal(sys.executable, "-c", PROGRAM, folder=tmp_path, columns=60) as screen:
        await screen.until("True 60")
        screen.type("word\n")
        await screen.until("got word")
        screen.type("\x03")
        assert await screen.ended() == 7


async def test_a_program_that_ends_early_is_told_with_what_it_showed(tmp_path: Path) -> None:
    async with terminal(sys.executable, "-c", "print('bye')", folder=tmp_path) as screen:
        with pytest.raises(AssertionError, match="bye"):
            await screen.until("hello")
