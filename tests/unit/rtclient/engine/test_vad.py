import array
import math
import random

from rtclient.engine.vad import EnergyVad


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
