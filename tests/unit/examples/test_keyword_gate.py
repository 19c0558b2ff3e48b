"""The keyword gate: closed until the keyword, open for a while after it, closed again."""

from pathlib import Path

from examples.keyword_gate import KeywordGate, spotter
from rtclient.sound_files import read_sound

SECOND = b"\1\0" * 24_000


def test_nothing_passes_before_the_keyword_and_not_the_keyword_itself() -> None:
    gate = KeywordGate(lambda pcm: pcm == b"keyword!")
    assert gate.feed(SECOND) == b""
    assert gate.feed(b"keyword!") == b""
    assert gate.feed(SECOND) == SECOND


def test_the_gate_closes_after_its_time() -> None:
    gate = KeywordGate(lambda pcm: pcm == b"keyword!", hold_s=2)
    gate.feed(b"keyword!")
    assert [len(gate.feed(SECOND)) > 0 for _ in range(4)] == [True, True, False, False]


def test_who_is_spoken_to_keeps_the_gate_open() -> None:
    gate = KeywordGate(lambda pcm: pcm == b"keyword!", hold_s=2)
    gate.feed(b"keyword!")
    for _ in range(9):
        gate.keep_open()
        assert gate.feed(SECOND)


def test_the_recogniser_hears_a_keyword_in_speech_and_no_other() -> None:
    sample = read_sound(Path(__file__).parents[3] / "samples/input/sample.wav")
    pieces = [sample[at : at + 4800] for at in range(0, len(sample), 4800)]
    seven, banana = spotter("seven"), spotter("banana")
    assert sum(seven(piece) for piece in pieces) == 1
    assert not any(banana(piece) for piece in pieces)
