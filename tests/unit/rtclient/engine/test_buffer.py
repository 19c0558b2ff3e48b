"""The input buffer counts samples since the session began."""

from rtclient.engine.buffer import InputBuffer


def test_positions_count_from_the_first_sample_ever() -> None:
    buffer = InputBuffer()
    buffer.append(bytes(48 * 100))
    buffer.clear()
    buffer.append(b"\x01\x00" * 2400)
    assert buffer.end == 4800
    assert buffer.length_ms == 100
    assert buffer.cut(0, 4800) == b"\x01\x00" * 2400


def test_a_commit_keeps_pre_roll_that_no_longer_belongs_to_the_buffer() -> None:
    buffer = InputBuffer()
    buffer.append(bytes(range(200)))
    buffer.commit(60, keep_samples=20)
    assert buffer.base == 60
    assert buffer.cut(0, 100) == bytes(range(80, 200))
    assert buffer.length_ms == 40 / 24


def test_dropping_does_not_shorten_the_client_s_buffer() -> None:
    buffer = InputBuffer()
    buffer.append(bytes(48 * 200))
    buffer.drop_before(24 * 150)
    assert buffer.length_ms == 200
    assert len(buffer.cut(0, buffer.end)) == 48 * 50
    buffer.drop_before(10)
    buffer.drop_before(24 * 900)
    assert buffer.end == 24 * 200
    assert buffer.cut(0, buffer.end) == b""
