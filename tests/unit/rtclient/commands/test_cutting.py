"""A recording in pieces, cut where nobody speaks."""

from array import array
from collections.abc import Iterator

import pytest

from rtclient.commands.cutting import LEAST_MS, MOST_MS, Cutter, Piece
from rtclient.protocol.audio import bytes_to_ms, ms_to_bytes


def loud(ms: int, peak: int = 8000) -> bytes:
    """A square wave as loud as speech."""
    half = 40
    wave = [peak] * half + [-peak] * half
    count = ms_to_bytes(ms) // 2
    return array("h", (wave * (count // len(wave) + 1))[:count]).tobytes()


def quiet(ms: int) -> bytes:
    return bytes(ms_to_bytes(ms))


def cut(sound: bytes, chunk: int = 4801) -> list[Piece]:
    """All pieces of a sound that comes in chunks of an odd size."""

    def pieces() -> Iterator[Piece]:
        cutter = Cutter()
        for begin in range(0, len(sound), chunk):
            yield from cutter.feed(sound[begin : begin + chunk])
        yield from cutter.end()

    return list(pieces())


def test_a_pause_ends_a_piece() -> None:
    first, second = cut(loud(2000) + quiet(1000) + loud(1500))
    assert 2000 < first.end_ms < 3000
    assert second.start_ms == first.end_ms
    assert second.end_ms == 4500


def test_a_breath_does_not() -> None:
    assert len(cut(loud(2000) + quiet(200) + loud(2000))) == 1


def test_every_loud_sample_is_in_a_piece_and_none_in_two() -> None:
    sound = (loud(1700) + quiet(900)) * 5 + loud(40_000)
    pieces = cut(sound)
    assert b"".join(piece.pcm for piece in pieces) == sound
    assert all(bytes_to_ms(len(piece.pcm)) == piece.end_ms - piece.start_ms for piece in pieces)


def test_the_size_of_the_chunks_does_not_matter() -> None:
    sound = (loud(1700) + quiet(900)) * 3
    assert cut(sound, 7) == cut(sound, len(sound))


def test_a_speaker_without_pauses_is_cut_at_the_quietest_place() -> None:
    soft = loud(300, peak=3000)
    pieces = cut(loud(22_000, peak=20_000) + soft + loud(20_000, peak=20_000))
    assert 22_000 <= pieces[0].end_ms <= 22_300
    assert all(piece.end_ms - piece.start_ms <= MOST_MS for piece in pieces)


def test_noise_that_never_stops_hides_no_pause() -> None:
    noise = loud(1000, peak=700)
    pieces = cut(noise * 3 + (loud(3000) + noise) * 3)
    assert len(pieces) >= 3


def test_silence_is_not_sent() -> None:
    assert cut(quiet(5000)) == []
    first, second = cut(loud(2000) + quiet(60_000) + loud(2000))
    assert second.start_ms > 30_000
    assert first.end_ms < 10_000


@pytest.mark.parametrize("sound", [b"", b"\x00"])
def test_nothing_has_no_piece(sound: bytes) -> None:
    assert cut(sound) == []


def test_a_short_word_is_a_piece_at_the_end() -> None:
    (piece,) = cut(loud(LEAST_MS // 4))
    assert (piece.start_ms, piece.end_ms) == (0, 250)
