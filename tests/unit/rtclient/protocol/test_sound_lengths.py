"""How long sound is, from the events about it."""

import base64

import pytest

from rtclient.protocol.audio import PCM16, PCMU
from rtclient.protocol.sound_lengths import SoundLengths

SECOND = base64.b64encode(bytes(48_000)).decode()


def test_commits_end_in_the_order_of_sending() -> None:
    lengths = SoundLengths()
    for seconds in (1, 2):
        for _ in range(seconds):
            lengths.appended(SECOND)
        lengths.commit_sent(PCM16)
    assert [lengths.commit_ended() for _ in range(3)] == [1000, 2000, 0]


def test_what_was_cleared_is_in_no_commit() -> None:
    lengths = SoundLengths()
    lengths.appended(SECOND)
    lengths.cleared()
    lengths.commit_sent(PCM16)
    assert lengths.commit_ended() == 0


@pytest.mark.parametrize(
    ("start", "end", "length"), [(300, 1500, 1200), (5, 3, 0), (None, 5, None), (5, None, None)]
)
def test_speech_lies_between_its_ends(start: object, end: object, length: int | None) -> None:
    lengths = SoundLengths()
    lengths.speech_started("a", start)
    assert lengths.speech_stopped("a", end) == length
    assert lengths.speech_stopped("a", end) is None


def test_received_sound_adds_up_by_part_without_losing_bytes() -> None:
    lengths = SoundLengths()
    delta = base64.b64encode(bytes(47)).decode()
    assert [lengths.received("a", 0, delta, PCM16) for _ in range(3)] == [0, 1, 2]
    assert lengths.received("a", 1, delta, PCMU) == 5
    lengths.forget("a", 2)
    assert lengths.received("a", 0, delta, PCM16) == 0
