import numpy as np
import pytest

from rtclient.engine.turn_sound import TurnSound


def pcm(seconds, level_dbfs, seed=1):
    noise = np.random.default_rng(seed).standard_normal(int(24000 * seconds))
    return (noise * 32768 * 10 ** (level_dbfs / 20)).clip(-32768, 32767).astype("<i2").tobytes()


def turn(*pieces):
    sound = TurnSound()
    for piece in pieces:
        for at in range(0, len(piece), 1921):
            sound.feed(piece[at : at + 1921])
    sound.feed(b"", is_last=True)
    return sound


def test_a_long_lead_is_cut_to_what_comes_just_before_the_first_loud_sound():
    sound = turn(pcm(4, -65), pcm(1, -20))
    assert sound.samples / 16000 == pytest.approx(1.3, abs=0.05)
    assert np.abs(sound.sound(8000)).mean() > 1000


def test_a_short_lead_is_kept_whole():
    assert turn(pcm(0.2, -65), pcm(1, -20)).samples / 16000 == pytest.approx(1.2, abs=0.01)


def test_a_pause_is_quiet_after_loud():
    assert turn(pcm(0.3, -65), pcm(0.8, -20), pcm(0.2, -65)).pauses()
    assert not turn(pcm(0.3, -65), pcm(0.8, -20)).pauses()
    assert not turn(pcm(2, -65)).pauses()


def test_coverage_is_the_share_of_loud_frames_within_spans():
    sound = turn(pcm(0.3, -65), pcm(1, -20), pcm(0.5, -65))
    assert sound.coverage([(30, 130)]) == pytest.approx(1.0, abs=0.03)
    assert sound.coverage([(30, 79)]) == pytest.approx(0.5, abs=0.03)
    assert sound.coverage([]) == 0.0


def test_signal_to_noise_is_seen():
    assert turn(pcm(0.3, -40), pcm(1, -20)).snr_db() == pytest.approx(20, abs=2)


def test_an_empty_turn_has_no_level():
    sound = TurnSound()
    assert sound.snr_db() == 0.0
    assert sound.coverage([(0, 9)]) == 0.0
