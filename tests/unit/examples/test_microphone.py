"""The microphone example's loudspeaker: what was played counts, what was stopped stays away."""

from examples.microphone import Loudspeaker
from rtclient import AudioChunk


def chunk(ms: int, item_id: str = "item_1") -> AudioChunk:
    return AudioChunk(b"\1" * (48 * ms), item_id, 0, "resp_1")


def played(speaker: Loudspeaker, ms: int) -> bytes:
    buffer = bytearray(48 * ms)
    speaker.fill(buffer)
    return bytes(buffer).rstrip(b"\0")


def test_what_was_played_is_counted_not_the_silence_after_it() -> None:
    speaker = Loudspeaker()
    speaker.add(chunk(100))
    assert len(played(speaker, 40)) == 40 * 48
    assert len(played(speaker, 80)) == 60 * 48
    assert speaker.stop() == 100


def test_only_the_newest_message_counts() -> None:
    speaker = Loudspeaker()
    speaker.add(chunk(100))
    speaker.add(chunk(100, "item_2"))
    played(speaker, 130)
    assert speaker.stop() == 30


def test_a_message_that_was_not_heard_at_all_was_heard_for_0_ms() -> None:
    speaker = Loudspeaker()
    speaker.add(chunk(100))
    speaker.add(chunk(100, "item_2"))
    played(speaker, 50)
    assert speaker.stop() == 0


def test_what_comes_late_of_a_stopped_message_is_dropped() -> None:
    speaker = Loudspeaker()
    speaker.add(chunk(100))
    speaker.stop()
    speaker.add(chunk(100))
    assert not played(speaker, 100)
    speaker.add(chunk(100, "item_2"))
    assert played(speaker, 100)
