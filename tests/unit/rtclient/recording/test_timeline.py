"""Sound lies where somebody in the room would have heard it."""

from hypothesis import example, given
from hypothesis import strategies as st

from rtclient.recording.timeline import RATE_HZ, Placement, Timeline


def sound(seconds: float) -> bytes:
    return b"\x01\x00" * int(seconds * RATE_HZ)


def at_s(placement: Placement) -> float:
    return placement.at / RATE_HZ


def test_the_users_sound_ends_when_it_is_sent() -> None:
    line = Timeline()
    assert at_s(line.user_said(sound(0.1), 1.0)) == 0.9
    assert line.user_end_s == 1.0


def test_jitter_leaves_no_gap_and_silence_does() -> None:
    line = Timeline()
    line.user_said(sound(0.1), 0.1)
    assert at_s(line.user_said(sound(0.1), 0.28)) == 0.1
    assert at_s(line.user_said(sound(0.1), 0.25)) == 0.2
    assert at_s(line.user_said(sound(0.1), 2.0)) == 1.9


def test_a_file_that_is_sent_at_once_lasts_as_long_as_it_is() -> None:
    line = Timeline()
    for _ in range(10):
        line.user_said(sound(1), 0.5)
    assert line.user_end_s == 10.0
    assert at_s(line.model_said("item", 0, sound(1), 0.7)) == 10.0


def test_an_answer_lies_where_it_is_played_not_where_it_came() -> None:
    line = Timeline()
    line.user_said(sound(1), 1.0)
    places = [at_s(line.model_said("a", 0, sound(1), 1.5 + n / 10)) for n in range(3)]
    assert places == [1.5, 2.5, 3.5]
    assert at_s(line.model_said("b", 0, sound(1), 2.0)) == 4.5
    assert line.model_span_s("a", 0) == (1.5, 4.5)
    assert line.end == 5.5 * RATE_HZ


def test_an_answer_that_comes_too_slowly_has_gaps() -> None:
    line = Timeline()
    line.model_said("a", 0, sound(0.2), 0.0)
    assert at_s(line.model_said("a", 0, sound(0.2), 0.3)) == 0.2
    assert at_s(line.model_said("a", 0, sound(0.2), 2.0)) == 2.0
    assert line.model_span_s("a", 0) == (0.0, 2.2)


def test_talking_while_the_answer_plays_tears_it_not_apart() -> None:
    line = Timeline()
    line.model_said("a", 0, sound(1), 0.0)
    line.user_said(sound(3), 0.1)
    assert at_s(line.model_said("a", 0, sound(1), 0.2)) == 1.0


def test_what_was_cut_off_becomes_silence_and_the_next_answer_follows() -> None:
    line = Timeline()
    line.model_said("a", 0, sound(2), 0.0)
    line.model_said("a", 0, sound(2), 0.1)
    (silence,) = line.model_cut("a", 0, 1500)
    assert (at_s(silence), len(silence.pcm)) == (1.5, 2 * int(2.5 * RATE_HZ))
    assert not any(silence.pcm)
    assert line.model_cut("a", 0, 1500) == []
    assert line.model_span_s("a", 0) == (0.0, 1.5)
    assert line.end == 1.5 * RATE_HZ
    assert at_s(line.model_said("b", 0, sound(1), 1.6)) == 1.6


def test_a_cut_goes_through_gaps() -> None:
    line = Timeline()
    line.model_said("a", 0, sound(1), 0.0)
    line.model_said("a", 0, sound(1), 5.0)
    (first,) = line.model_cut("a", 0, 1500)
    assert at_s(first) == 5.5
    assert [at_s(one) for one in line.model_cut("a", 0, 0)] == [0.0, 5.0]
    assert line.model_span_s("a", 0) == (0.0, 0.0)


def test_unknown_parts_cannot_be_cut_and_old_ones_are_forgotten() -> None:
    line = Timeline()
    assert line.model_cut("nobody", 0, 5) == []
    for number in range(100):
        line.model_said(str(number), 0, sound(0.01), 0.0)
    assert line.model_span_s("0", 0) is None
    assert line.model_span_s("99", 0) is not None


def test_places_of_the_stream_are_found_on_the_timeline() -> None:
    line = Timeline()
    line.user_said(sound(1), 1.0)
    line.user_said(sound(1), 5.0)
    assert [line.user_at_s(ms) for ms in (0, 500, 1000, 1500)] == [0.0, 0.5, 4.0, 4.5]
    assert line.user_at_s(99_000) == 5.0


def test_a_new_session_counts_the_stream_anew() -> None:
    line = Timeline()
    line.user_said(sound(5), 5.0)
    line.count_stream_from(1000)
    line.user_said(sound(1), 8.0)
    assert [line.user_at_s(ms) for ms in (0, 500, 1500)] == [4.0, 4.5, 7.5]


@example([("a", 10, 0), ("b", 5, 0), ("a", 5, 0), ("cut", 0, 0), ("a", 20, 0)])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "a", "b", "cut"]),
            st.integers(0, 2_000),
            st.integers(0, 20_000),
        ),
        max_size=30,
    )
)
def test_no_track_ever_has_two_sounds_at_one_place(steps: list[tuple[str, int, int]]) -> None:
    line, now = Timeline(), 0
    sounds: dict[str, set[int]] = {"user": set(), "model": set()}
    for who, samples, pause in steps:
        now += pause
        if who == "cut":
            for silence in line.model_cut("a", 0, samples // 24):
                silenced = set(range(silence.at, silence.at + len(silence.pcm) // 2))
                assert silenced <= sounds["model"]
                sounds["model"] -= silenced
            continue
        pcm, now_s = bytes(2 * samples), now / RATE_HZ
        said = line.user_said(pcm, now_s) if who == "user" else line.model_said(who, 0, pcm, now_s)
        placed = set(range(said.at, said.at + samples))
        assert not placed & sounds[said.track]
        sounds[said.track] |= placed
