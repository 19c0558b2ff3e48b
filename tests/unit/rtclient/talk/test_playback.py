from hypothesis import given
from hypothesis import strategies as st

from rtclient.protocol.turns import truncation
from rtclient.talk.playback import Playback

MS = b"\1\0" * 24


def test_what_comes_goes_out_in_order_and_then_silence():
    playback = Playback()
    playback.feed("a", 0, b"\1\0\2\0")
    playback.feed("a", 0, b"\3\0")
    playback.feed("b", 0, b"\4\0")
    assert playback.take(4) == b"\1\0\2\0"
    assert playback.take(8) == b"\3\0\4\0" + bytes(4)
    assert playback.take(4) == bytes(4)


def test_it_is_over_when_everything_sounded():
    playback = Playback()
    assert playback.is_over
    playback.feed("a", 0, MS)
    assert playback.is_waiting
    playback.take(len(MS))
    assert not playback.is_waiting
    assert not playback.is_over, "more may come"
    playback.complete("a", 0)
    assert playback.is_over


def test_a_flush_tells_what_was_heard_and_forgets_the_rest():
    playback = Playback()
    playback.feed("a", 0, MS * 1000)
    playback.take(48 * 400)
    playback.feed("b", 0, MS * 500)
    heard, unheard = playback.flush(latency_s=0.1)
    assert truncation(heard).event == {
        "type": "conversation.item.truncate",
        "item_id": "a",
        "content_index": 0,
        "audio_end_ms": 300,
    }
    assert truncation(unheard).event == {"type": "conversation.item.delete", "item_id": "b"}
    assert playback.is_over
    assert playback.take(4) == bytes(4)


def test_it_knows_what_was_flushed():
    playback = Playback()
    playback.feed("a", 0, bytes(4))
    assert not playback.is_flushed("a")
    playback.flush()
    assert playback.is_flushed("a")


def test_what_comes_late_for_a_flushed_item_is_ignored():
    playback = Playback()
    playback.feed("a", 0, MS)
    playback.flush()
    playback.feed("a", 0, MS)
    assert not playback.is_waiting


def test_nothing_is_cut_of_what_sounded_to_its_end():
    playback = Playback()
    playback.feed("a", 0, MS)
    playback.complete("a", 0)
    playback.take(480)
    assert playback.flush() == []


def test_an_item_outside_the_conversation_is_not_cut():
    playback = Playback()
    playback.feed("a", 0, MS * 100)
    (part,) = playback.flush(is_known=lambda item_id: item_id != "a")
    assert truncation(part).event is None


def test_it_knows_how_much_of_a_part_sounded():
    playback = Playback()
    playback.feed("a", 1, MS * 100)
    playback.take(48 * 30)
    assert playback.heard("a", 1) == (30, 100)
    assert playback.heard("x", 0) == (0, 0)
    playback.flush()
    assert playback.heard("a", 1) == (30, 100)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=20), st.integers(1, 40))
def test_every_sample_sounds_once_in_its_order(pieces, size):
    playback, expected, value = Playback(), b"", 0
    for item, samples in sorted(pieces):
        pcm = b"".join((value + i + 1).to_bytes(2, "little") for i in range(samples))
        value += samples
        playback.feed(f"item_{item}", 0, pcm)
        expected += pcm
    out = b""
    while playback.is_waiting:
        out += playback.take(2 * size)
    assert out[: len(expected)] == expected
    assert not any(out[len(expected) :])
