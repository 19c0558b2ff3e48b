import numpy as np
import pytest

from rtclient.talk.echo_guard import BLOCK_MS, HOLD_MS, EchoGuard
from rtclient.talk.levels import SILENCE_DB, level_db

SAMPLES = 24 * BLOCK_MS
QUIET = bytes(2 * SAMPLES)
AUDIBLE_DB = -50


def voice(seconds: float, level: float, seed: int) -> list[bytes]:
    """Return blocks like speech: noise in syllables of 200 ms with pauses, `level` dB at most."""
    noise = np.random.default_rng(seed)
    blocks = []
    for index in range(round(seconds * 1000 / BLOCK_MS)):
        syllable, at = divmod(index, 13)
        strength = np.sin(np.pi * at / 10) if at < 10 and syllable % 5 != 4 else 0.0
        amplitude = strength * 32767 * 10 ** (level / 20) * np.sqrt(3)
        blocks.append(noise.uniform(-amplitude, amplitude, SAMPLES).astype("<i2").tobytes())
    return blocks


def samples(block: bytes) -> np.ndarray:
    return np.frombuffer(block, "<i2").astype(float)


def mixed(one: bytes, other: bytes) -> bytes:
    return np.clip(samples(one) + samples(other), -32768, 32767).astype("<i2").tobytes()


def weaker(block: bytes, by_db: float) -> bytes:
    return (samples(block) * 10 ** (by_db / 20)).astype("<i2").tobytes()


class Room:
    """A loudspeaker and a microphone that hears it `late` blocks later, `coupling_db` weaker."""

    def __init__(self, coupling_db: float, late: int, *, is_on: bool = True) -> None:
        self.guard = EchoGuard(is_on)
        self._coupling_db = coupling_db
        self._way = [QUIET] * late
        self.sent: list[bytes] = []

    def hear(self, played: bytes, said: bytes = QUIET) -> None:
        self._way.append(weaker(played, self._coupling_db))
        self.guard.played(played)
        self.sent.append(self.guard.heard(mixed(said, self._way.pop(0))))


def test_without_the_loudspeaker_everything_passes_at_once():
    guard = EchoGuard()
    for block in voice(1, -20, 1):
        guard.played(QUIET)
        assert guard.heard(block) == block


def test_off_it_lets_the_echo_pass():
    room = Room(-6, 5, is_on=False)
    for block in voice(1, -20, 1):
        room.hear(block)
    assert max(map(level_db, room.sent)) > -35


@pytest.mark.parametrize("coupling_db", [-3, -10, -20, -30])
@pytest.mark.parametrize("late", [0, 3, 10])
def test_no_echo_passes_while_the_model_speaks_and_after(coupling_db, late):
    room = Room(coupling_db, late)
    for _ in range(3):
        for block in voice(4, -18, -coupling_db * late):
            room.hear(block)
        for _ in range(75):
            room.hear(QUIET)
    assert max(map(level_db, room.sent)) < AUDIBLE_DB
    assert not room.guard.is_closed


@pytest.mark.parametrize("coupling_db", [-10, -20, -30])
def test_a_barge_in_passes_with_its_beginning(coupling_db):
    room = Room(coupling_db, 5)
    said = voice(2, -18, 7)
    for block in voice(3, -18, 5):
        room.hear(block)
    before = len(room.sent)
    for played, word in zip(voice(2, -18, 6), said, strict=True):
        room.hear(played, word)
    heard_after = next(n for n, block in enumerate(room.sent[before:]) if level_db(block) > -40)
    assert heard_after * BLOCK_MS <= 300
    # What came out then begins before the first word.
    assert len(room.sent[before + heard_after]) >= 2 * SAMPLES * (heard_after + 1)


def test_with_headphones_it_is_open_while_the_model_speaks():
    room = Room(-60, 2)
    for block in voice(2, -18, 5):
        room.hear(block)
    for played, word in zip(voice(1, -18, 6), voice(1, -35, 7), strict=True):
        room.hear(played, word)
        assert not room.guard.is_closed


def test_the_stream_keeps_its_length():
    room = Room(-10, 5)
    for block in [*voice(2, -18, 1), *[QUIET] * 50, *voice(2, -18, 2)]:
        room.hear(block)
    held_ms = (sum(map(len, [QUIET] * len(room.sent))) - sum(map(len, room.sent))) / 48
    assert held_ms == HOLD_MS
    for _ in range(60):
        room.hear(QUIET)
    assert sum(map(len, room.sent)) == len(room.sent) * len(QUIET)


def test_it_learns_how_loud_the_echo_is():
    room = Room(-20, 0)
    assert room.guard.coupling_db is None
    for block in voice(2, -18, 1):
        room.hear(block)
    assert room.guard.coupling_db == pytest.approx(-20, abs=2)


def test_it_follows_a_loudspeaker_that_is_turned_up():
    quiet_room = Room(-30, 3)
    for block in voice(3, -18, 1):
        quiet_room.hear(block)
    loud_room = Room(-12, 3)
    loud_room.guard = quiet_room.guard
    for block in voice(12, -18, 2):
        loud_room.hear(block)
    loud_room.sent.clear()
    for block in voice(4, -18, 3):
        loud_room.hear(block)
    assert max(map(level_db, loud_room.sent)) == SILENCE_DB
