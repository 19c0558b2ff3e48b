import array
import math
import random

import numpy as np
import pytest

from rtclient.engine.silero import LayoutError
from rtclient.engine.vad import CModel, EnergyVad, NumpyModel, SileroVad, installed_silero


def pcm(seconds, level_dbfs, hz=200):
    peak = 32768 * 10 ** (level_dbfs / 20)
    wave = (int(peak * math.sin(math.tau * hz * n / 24000)) for n in range(int(seconds * 24000)))
    return array.array("h", wave).tobytes()


def test_silence_is_no_speech():
    assert set(EnergyVad().feed(bytes(48000))) == {0.0}


def test_loud_after_quiet_is_speech_and_ends_with_it():
    vad = EnergyVad()
    vad.feed(pcm(1, -55))
    assert min(vad.feed(pcm(1, -20))[1:]) > 0.5
    assert max(vad.feed(pcm(1, -55))[1:]) < 0.5


def test_steady_noise_becomes_background():
    noise = random.Random(1)
    sound = array.array("h", (int(noise.gauss(0, 300)) for _ in range(24000 * 12))).tobytes()
    assert max(EnergyVad().feed(sound)[-50:]) < 0.35


def test_how_the_sound_is_cut_does_not_matter():
    sound = pcm(0.3, -50) + pcm(0.3, -20)
    whole, pieces = EnergyVad(), EnergyVad()
    cut = [p for at in range(0, len(sound), 777) for p in pieces.feed(sound[at : at + 777])]
    assert cut == list(whole.feed(sound))
    assert len(cut) == 30


class Counting:
    """A model that says what it was given: 1.0 for every frame."""

    def __init__(self):
        self.frames, self.resets = 0, 0

    def judge(self, frames):
        self.frames += len(frames)
        return [1.0] * len(frames)

    def reset(self):
        self.resets += 1


def test_silero_is_not_asked_about_silence_and_forgets_after_half_a_second_of_it():
    model = Counting()
    vad = SileroVad(model)
    assert set(vad.feed(bytes(48000))) == {0.0}
    assert set(vad.feed(pcm(1, -70))) == {0.0}
    assert (model.frames, model.resets) == (0, 1)


def test_a_frame_is_silent_or_judged_in_the_order_of_time():
    model = Counting()
    vad = SileroVad(model)
    found = vad.feed(pcm(0.32, -20) + bytes(48 * 320) + pcm(0.32, -20))
    assert list(found[:9]) == [1.0] * 9
    assert list(found[12:18]) == [0.0] * 6
    assert list(found[22:]) == [1.0] * (len(found) - 22)
    assert model.frames == sum(found)


@pytest.mark.parametrize("make", [NumpyModel, CModel])
def test_each_way_to_compute_silero_hears_no_speech_in_noise(make):
    noise = np.random.default_rng(3).normal(0, 300, 24000).astype("<i2").tobytes()
    found = SileroVad(make()).feed(noise)
    assert len(found) == 31
    assert max(found) < 0.35


def test_the_cheap_way_is_the_default_and_needs_no_note():
    make, note = installed_silero()
    assert note == ""
    assert isinstance(make(), SileroVad)


def test_weights_of_another_layout_are_left_to_the_c_module_with_a_note():
    def other_layout():
        raise LayoutError("It is another model.")

    make, note = installed_silero(other_layout)
    assert "another model" in note
    assert len(make().feed(pcm(1, -20))) == 31
